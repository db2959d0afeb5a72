# docker build -t kosmo .
# docker run --rm kosmo run --simulate --workflow why_did_it_fail
# docker run --rm -e CIRCLECI_TOKEN -v "$PWD:/workspace:ro" kosmo run workflow.lua --json
FROM python:3.13-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(echo /wheels/*.whl)[check,jq,mcp,simulator]" \
    && useradd --create-home kosmo
USER kosmo
WORKDIR /workspace
ENTRYPOINT ["kosmo"]
