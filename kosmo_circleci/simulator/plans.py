"""What a branch's name foretells: the jobs of `build-and-test`, and how each will end.

    fail/…   the job `test` fails, always
    hold/…   `deploy` waits for the approval `hold-deploy`
    other    everything succeeds

The times add up to half a minute, so a script that polls sees six answers before the end.
"""

from dataclasses import replace
from typing import Final

from kosmo_circleci.simulator.progress import JobPlan

WORKFLOW_NAME: Final = "build-and-test"

LINT: Final = JobPlan("lint", queue_s=10, duration_s=5)
TEST: Final = JobPlan("test", requires=("lint",), duration_s=10)
DEPLOY: Final = JobPlan("deploy", requires=("test",), duration_s=5)
HOLD_DEPLOY: Final = JobPlan("hold-deploy", requires=("test",), is_approval=True)

CONFIG_SOURCE: Final = """\
version: 2.1
jobs:
  lint: {docker: [{image: cimg/base:current}], steps: [checkout, run: make lint]}
  test: {docker: [{image: cimg/base:current}], steps: [checkout, run: make test]}
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


def build_and_test(branch: str | None) -> tuple[JobPlan, ...]:
    """Return the plan of the workflow `build-and-test` on `branch` (None for a tag)."""
    name = branch or ""
    if name.startswith("fail/"):
        return (LINT, replace(TEST, outcome="failed"), DEPLOY)
    if name.startswith("hold/"):
        return (LINT, TEST, HOLD_DEPLOY, replace(DEPLOY, requires=("hold-deploy",)))
    return (LINT, TEST, DEPLOY)
