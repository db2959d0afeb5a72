"""How a pipeline will go, decided by its branch and parameters: its jobs, and how each will end.

    fail/…     the job `test` fails, always
    flaky/…    `test` fails, and succeeds when it is run again
    timeout/…  `test` prints nothing for ten minutes and is killed
    infra/…    the machine of `test` fails
    hold/…     `deploy` waits for the approval `hold-deploy`
    slow/…     every job takes ten times as long
    error/…    the configuration is wrong: the pipeline has no workflows
    setup/…    a setup workflow runs, and the pipeline waits to be continued
    other      everything succeeds

Prefixes add up (`slow/fail/…`). The parameter `simulate` says the same without a branch of that
name (`"slow/fail"`, or `"success"`), and wins over the branch; `simulate_job` chooses the job that
fails, `simulate_seconds` how long each job runs, and for the job `test` `simulate_parallelism` its
parallel runs, `simulate_steps` further steps, `simulate_log_bytes` further output.

The times add up to half a minute, so a script that polls sees six answers before the end.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.simulator.answers import bad_request
from kosmo_circleci.simulator.progress import JobOutcome, JobPlan

WORKFLOW_NAME: Final = "build-and-test"
SETUP_WORKFLOW_NAME: Final = "setup"

LINT: Final = JobPlan("lint", queue_s=10, duration_s=5)
TEST: Final = JobPlan("test", requires=("lint",), duration_s=10, parallelism=2)
DEPLOY: Final = JobPlan("deploy", requires=("test",), duration_s=5)
HOLD_DEPLOY: Final = JobPlan("hold-deploy", requires=("test",), is_approval=True)
GENERATE_CONFIG: Final = JobPlan("generate-config", duration_s=20)

_LASTING: Final[Mapping[str, JobOutcome]] = {
    "fail": "failed",
    "timeout": "timedout",
    "infra": "infrastructure_fail",
}
"""The words that make a job fail, in every run of it -> how."""

OUTCOMES: Final = ("fail", "flaky", "hold", "slow", "error", "setup", "timeout", "infra")
"""The words a branch may begin with."""

TIMEOUT_S: Final = 660
"""How long a job runs that prints nothing for ten minutes and is killed then."""

SUCCESS: Final = "success"

CONFIG_TROUBLE: Final = "Job 'test' requires 'lint', which is the name of 0 other jobs."
"""What is wrong with the configuration of a branch `error/…`."""

_SLOWNESS: Final = 10
_MAX_SECONDS: Final = 86_400
_MAX_PARALLELISM: Final = 64
_MAX_STEPS: Final = 1_000
_MAX_LOG_BYTES: Final = 100_000_000


class _Options(NamedTuple):
    """What the parameters `simulate_…` say."""

    failing_job: str
    seconds: int | None
    parallelism: int | None
    steps: int
    log_bytes: int


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
    options = _Options(
        failing_job=_failing_job(parameters),
        seconds=_number(parameters, "simulate_seconds", _MAX_SECONDS),
        parallelism=_number(parameters, "simulate_parallelism", _MAX_PARALLELISM),
        steps=_number(parameters, "simulate_steps", _MAX_STEPS) or 0,
        log_bytes=_number(parameters, "simulate_log_bytes", _MAX_LOG_BYTES) or 0,
    )
    return tuple(_planned(each, words, options) for each in plans)


def _leading_outcomes(branch: str) -> list[str]:
    words: list[str] = []
    for word in branch.split("/")[:-1]:
        if word not in OUTCOMES:
            break
        words.append(word)
    return words


def _planned(plan: JobPlan, words: frozenset[str], options: _Options) -> JobPlan:
    if plan.is_approval:
        return plan
    slowness = _SLOWNESS if "slow" in words else 1
    outcome, duration_s = _ending(plan, words, options)
    is_test = plan.name == TEST.name
    return plan._replace(
        queue_s=plan.queue_s * slowness,
        duration_s=duration_s * slowness,
        outcome=outcome,
        heals=outcome != "success" and "flaky" in words and not words & _LASTING.keys(),
        parallelism=(options.parallelism or plan.parallelism) if is_test else plan.parallelism,
        extra_steps=options.steps if is_test else 0,
        log_bytes=options.log_bytes if is_test else 0,
    )


def _ending(plan: JobPlan, words: frozenset[str], options: _Options) -> tuple[JobOutcome, int]:
    """Return how the job ends, and after how many seconds unless `slow` makes them more."""
    duration_s = plan.duration_s if options.seconds is None else options.seconds
    if plan.name != options.failing_job:
        return "success", duration_s
    outcome = next((_LASTING[word] for word in _LASTING if word in words), None)
    if outcome == "timedout" and options.seconds is None:
        duration_s = TIMEOUT_S
    return outcome or ("failed" if "flaky" in words else "success"), duration_s


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
