"""Which steps a job has, what each prints, and which of them fails."""

from typing import Final, NamedTuple

from kosmo_circleci.simulator import step_texts as texts
from kosmo_circleci.simulator.entities import Job
from kosmo_circleci.simulator.plans import DEPLOY, GENERATE_CONFIG, LINT, TEST
from kosmo_circleci.simulator.step_texts import Texts

TEST_NAMES: Final = (texts.FAILING_TEST, "test_logout", "test_profile")


class Template(NamedTuple):
    """A step that a job may run. `log_bytes` of output precede its texts.

    `is_main` marks the step that gets most of the job's time; `always` one that runs after a
    failure too.
    """

    name: str
    type: str
    texts: Texts
    command: str | None = None
    is_main: bool = False
    always: bool = False
    fails: bool = False
    log_bytes: int = 0


def templates_of(job: Job, revision: str, execution: int, *, fails: bool) -> list[Template]:
    """Return the steps that one execution of the job runs, in their order.

    `revision` is the commit that is checked out. If it `fails`, the steps that a failure leaves out
    are left out.
    """
    templates = _templates(job, revision, execution, fails=fails)
    first = next((place for place, each in enumerate(templates) if each.fails), len(templates))
    return [each for place, each in enumerate(templates) if place <= first or each.always]


def tests_of(execution: int, parallelism: int) -> tuple[str, ...]:
    """Return the tests that one of `parallelism` executions of the job `test` runs."""
    return TEST_NAMES[execution::parallelism]


def _templates(job: Job, revision: str, execution: int, *, fails: bool) -> list[Template]:
    image = "cimg/python:3.12" if job.plan.name in (LINT.name, TEST.name) else "cimg/base:current"
    return [
        Template("Spin up environment", "spinup_environment", texts.spin_up(image)),
        Template(
            "Preparing environment variables",
            "preparing_environment_variables",
            texts.environment(),
        ),
        Template("Checkout code", "checkout", texts.checkout(revision)),
        *_work(job, execution, fails),
    ]


def _work(job: Job, execution: int, fails: bool) -> list[Template]:
    name = job.plan.name
    if name == TEST.name:
        return _test_steps(job, execution, fails)
    if name == LINT.name:
        return [_run("Lint", "ruff check src tests", texts.lint(fails=fails), fails=fails)]
    if name == DEPLOY.name:
        build = _run("Build image", "docker build --tag web .", texts.build_image())
        deploy = _run(
            "Deploy to production", "./deploy.sh production", texts.deploy(fails=fails), fails=fails
        )
        return [build._replace(is_main=False), deploy]
    if name == GENERATE_CONFIG.name:
        generate = "./generate-config.sh > generated.yml"
        return [
            _run("Generate config", generate, texts.plain("Generate config", fails=False)),
            _run(
                "Continue the pipeline",
                "circleci-agent continue generated.yml",
                texts.plain("Continue the pipeline", fails=fails),
                fails=fails,
            )._replace(is_main=False),
        ]
    return [_run(name.capitalize(), f"make {name}", texts.plain(name, fails=fails), fails=fails)]


def _test_steps(job: Job, execution: int, fails: bool) -> list[Template]:
    names = tests_of(execution, job.plan.parallelism)
    pytest = "pytest --junitxml=test-results/results.xml"
    extra, log_bytes = job.plan.extra_steps, job.plan.log_bytes
    share_bytes = log_bytes // extra if extra else 0
    return [
        _run("Install dependencies", "pip install -r requirements.txt", texts.install())._replace(
            is_main=False
        ),
        _run("Run tests", pytest, texts.tests(names, fails=fails), fails=fails)._replace(
            log_bytes=0 if extra else log_bytes
        ),
        *(
            _run(
                f"Check {number}",
                f"./check.sh {number}",
                texts.plain(f"Check {number}", fails=fails),
                fails=fails,
            )._replace(is_main=False, always=True, log_bytes=share_bytes)
            for number in range(1, extra + 1)
        ),
        Template(
            "Uploading test results",
            "store_test_results",
            texts.uploads("test results", "test-results"),
            always=True,
        ),
        Template(
            "Uploading artifacts",
            "store_artifacts",
            texts.uploads("artifacts", "logs"),
            always=True,
        ),
    ]


def _run(name: str, command: str, printed: Texts, *, fails: bool = False) -> Template:
    return Template(name, "run", printed, command, is_main=True, fails=fails)
