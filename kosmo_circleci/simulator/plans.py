"""How a pipeline will go, decided by its branch and parameters: its jobs, and how each will end.

    fail/…   the job `test` fails, always
    flaky/…  `test` fails, and succeeds when it is run again
    hold/…   `deploy` waits for the approval `hold-deploy`
    slow/…   every job takes ten times as long
    error/…  the configuration is wrong: the pipeline has no workflows
    setup/…  a setup workflow runs, and the pipeline waits to be continued
    other    everything succeeds

Prefixes add up (`slow/fail/…`). The parameter `simulate` says the same without a branch of that
name (`"slow/fail"`, or `"success"`), and wins over the branch; `simulate_job` chooses the job that
fails, `simulate_seconds` how long each job runs, `simulate_parallelism` the parallel runs of
`test`.

The times add up to half a minute, so a script that polls sees six answers before the end.
"""

from collections.abc import Mapping
from typing import Final

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.progress import JobPlan

WORKFLOW_NAME: Final = "build-and-test"
SETUP_WORKFLOW_NAME: Final = "setup"

LINT: Final = JobPlan("lint", queue_s=10, duration_s=5)
TEST: Final = JobPlan("test", requires=("lint",), duration_s=10, parallelism=2)
DEPLOY: Final = JobPlan("deploy", requires=("test",), duration_s=5)
HOLD_DEPLOY: Final = JobPlan("hold-deploy", requires=("test",), is_approval=True)
GENERATE_CONFIG: Final = JobPlan("generate-config", duration_s=20)

OUTCOMES: Final = ("fail", "flaky", "hold", "slow", "error", "setup")
"""The words a branch may begin with."""

SUCCESS: Final = "success"

CONFIG_TROUBLE: Final = "Job 'test' requires 'lint', which is the name of 0 other jobs."
"""What is wrong with the configuration of a branch `error/…`."""

_SLOWNESS: Final = 10
_MAX_SECONDS: Final = 86_400
_MAX_PARALLELISM: Final = 64

CONFIG_SOURCE: Final = """\
version: 2.1
jobs:
  lint: {docker: [{image: cimg/base:current}], steps: [checkout, run: make lint]}
  test: {docker: [{image: cimg/base:current}], parallelism: 2, steps: [checkout, run: make test]}
  deploy: {docker: [{image: cimg/base:current}], steps: [checkout, run: make deploy]}
workflows:
  build-and-test:
    jobs:
      - lint
      - test: {requires: [lint]}
      - deploy: {requires: [test], context: [production]}
"""

SETUP_CONFIG_SOURCE: Final = """\
version: 2.1
setup: true
jobs:
  generate-config: {docker: [{image: cimg/base:current}], steps: [checkout, run: make config]}
workflows:
  setup:
    jobs: [generate-config]
"""


def outcomes(branch: str | None, parameters: Mapping[str, JsonValue]) -> frozenset[str]:
    """Return the words of `OUTCOMES` that hold for a pipeline; `branch` is None for a tag.

    Refuses (400) a parameter `simulate` with any other word in it.
    """
    value = parameters.get("simulate")
    if value is None:
        return frozenset(_leading_outcomes(branch or ""))
    words = str(value).split("/")
    unknown = [word for word in words if word not in OUTCOMES and word != SUCCESS]
    if unknown or (SUCCESS in words and len(words) > 1):
        choices = ", ".join((SUCCESS, *OUTCOMES))
        raise bad_request(f"parameters.simulate: expected {choices}, or several joined by a slash")
    return frozenset(words) - {SUCCESS}


def build_and_test(
    words: frozenset[str], parameters: Mapping[str, JsonValue] | None = None
) -> tuple[JobPlan, ...]:
    """Return the plan of the workflow `build-and-test`; `words` are those of `outcomes()`.

    Refuses (400) a parameter `simulate_…` of a wrong value.
    """
    parameters = parameters or {}
    plans = [LINT, TEST, DEPLOY]
    if "hold" in words:
        plans = [LINT, TEST, HOLD_DEPLOY, DEPLOY._replace(requires=(HOLD_DEPLOY.name,))]
    seconds = _number(parameters, "simulate_seconds", _MAX_SECONDS)
    parallelism = _number(parameters, "simulate_parallelism", _MAX_PARALLELISM)
    failing = _failing_job(parameters)
    return tuple(_planned(each, words, failing, seconds, parallelism) for each in plans)


def _leading_outcomes(branch: str) -> list[str]:
    words: list[str] = []
    for word in branch.split("/")[:-1]:
        if word not in OUTCOMES:
            break
        words.append(word)
    return words


def _planned(
    plan: JobPlan,
    words: frozenset[str],
    failing: str,
    seconds: int | None,
    parallelism: int | None,
) -> JobPlan:
    if plan.is_approval:
        return plan
    slowness = _SLOWNESS if "slow" in words else 1
    duration_s = (plan.duration_s if seconds is None else seconds) * slowness
    fails = plan.name == failing and bool(words & {"fail", "flaky"})
    splits = parallelism is not None and plan.name == TEST.name
    return plan._replace(
        queue_s=plan.queue_s * slowness,
        duration_s=duration_s,
        outcome="failed" if fails else "success",
        heals=fails and "fail" not in words,
        parallelism=parallelism if splits and parallelism is not None else plan.parallelism,
    )


def _failing_job(parameters: Mapping[str, JsonValue]) -> str:
    names = [LINT.name, TEST.name, DEPLOY.name]
    name = parameters.get("simulate_job", TEST.name)
    if name not in names:
        raise bad_request(f"parameters.simulate_job: expected one of {', '.join(names)}")
    return str(name)


def _number(parameters: Mapping[str, JsonValue], name: str, most: int) -> int | None:
    value = parameters.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise bad_request(f"parameters.{name}: expected an integer from 1 to {most}")
    return value
