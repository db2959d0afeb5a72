"""One call from arguments to value, and what the log keeps of it."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from listeners import Asking, Recorder

from kosmo_circleci.call.account import missing_token
from kosmo_circleci.call.model import LOG_LENGTH, Account, RawArguments, StartedCall, Writes
from kosmo_circleci.call.permission import Policy
from kosmo_circleci.caller.caller import Caller
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.deadline import Deadline
from kosmo_circleci.errors import (
    ApiError,
    ConfigurationError,
    Interrupted,
    KosmoError,
    LimitExceeded,
    PermissionDenied,
    ValidationError,
)
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.masking import Mask
from kosmo_circleci.run.listener import Consent, RunListener
from kosmo_circleci.run.settings import RunSettings
from kosmo_circleci.transport.executor import Executor
from kosmo_circleci.transport.wire import WireRequest, WireResponse

TOKEN = "token-of-the-account"


class Scripted:
    """A transport that answers from a list and remembers what it was sent."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self._answers = list(answers)
        self.sent: list[WireRequest] = []

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent.append(request)
        status, body = self._answers.pop(0) if self._answers else (200, "{}")
        return WireResponse(status, {"content-type": "application/json"}, body.encode())

    def close(self) -> None:
        pass


def caller_of(
    transport: Scripted,
    *,
    policy: Policy = Policy(),  # noqa: B008 -- immutable
    force: bool = False,
    listener: RunListener | None = None,
    token: str | None = TOKEN,
) -> Caller:
    account = Account("default", "https://circleci.com", token)
    executor = Executor(transport, user_agent="test")
    return Caller(
        RunSettings(force=force),
        listener or RunListener(),
        {"default": lambda: account},
        policy,
        lambda: executor,
        Deadline(),
        Mask([TOKEN]),
    )


def call(caller: Caller, name: str, **named: JsonValue) -> JsonValue:
    function = load_catalog().get(name)
    assert function is not None
    return caller.call(
        function, "default", f"app.integrations.circleci.{name}", RawArguments(named=named)
    )


@contextmanager
def refused(kind: type[KosmoError], transport: Scripted) -> Iterator[None]:
    with pytest.raises(kind):
        yield
    assert transport.sent == []


def test_arguments_come_before_permission_and_permission_before_the_account() -> None:
    transport = Scripted()
    recorder = Recorder("run")
    caller = caller_of(transport, listener=recorder, token=None)

    with refused(ValidationError, transport):
        call(caller, "cancel_workflow")
    assert recorder.heard("ask") == []
    with refused(ConfigurationError, transport):
        call(caller, "cancel_workflow", workflow_id="w")
    assert len(recorder.heard("ask")) == 1


def test_a_refused_call_is_not_in_the_log() -> None:
    caller = caller_of(Scripted())
    with pytest.raises(PermissionDenied):
        call(caller, "cancel_workflow", workflow_id="w")

    log = caller.log
    assert (log.call_count, [*log.records], log.permission_bypassed) == (0, [], False)


@pytest.mark.parametrize(
    ("answer", "questions", "sent"), [("run", 1, 2), ("once", 2, 2), ("no", 1, 0), (None, 2, 0)]
)
def test_an_answer_holds_for_a_call_or_for_its_function_in_this_run(
    answer: Consent | None, questions: int, sent: int
) -> None:
    transport, recorder = Scripted(), Recorder(answer)
    caller = caller_of(transport, listener=recorder)
    for workflow in ("one", "two"):
        if sent:
            call(caller, "cancel_workflow", workflow_id=workflow)
        else:
            with pytest.raises(PermissionDenied):
                call(caller, "cancel_workflow", workflow_id=workflow)

    asked = recorder.heard("ask")
    assert len(asked) == questions
    assert '  workflow_id = "one"' in str(asked[0]).splitlines()
    assert len(transport.sent) == sent


def test_consent_for_one_account_says_nothing_about_another() -> None:
    recorder = Recorder("run")
    caller = caller_of(Scripted(), listener=recorder)
    caller.accounts = {
        **caller.accounts,
        "work": lambda: Account("work", "https://circleci.com", TOKEN),
    }
    function = load_catalog().get("cancel_workflow")
    assert function is not None
    for account in ("default", "work", "work"):
        caller.call(function, account, account, RawArguments(named={"workflow_id": "w"}))

    assert len(recorder.heard("ask")) == 2


def test_a_run_that_ends_at_a_question_ends_for_its_own_reason() -> None:
    transport = Scripted()
    reason = LimitExceeded("The run took longer than 1 s.")

    def out_of_time(_question: str) -> Consent | None:
        caller.deadline.cancel(reason)
        return "no"

    caller = caller_of(transport, listener=Asking(out_of_time))
    with refused(LimitExceeded, transport):
        call(caller, "cancel_workflow", workflow_id="w")


def test_a_value_that_was_not_sent_is_not_a_secret() -> None:
    recorder = Recorder("no")
    caller = caller_of(Scripted(), listener=recorder)
    with pytest.raises(PermissionDenied):
        call(
            caller,
            "upsert_context_env_var",
            context_id="c",
            env_var_name="TOKEN",
            value="hunter2hunter2",
        )

    assert "hunter2" not in str(recorder.heard("ask"))
    assert caller.mask.text("hunter2hunter2") == "hunter2hunter2"


def test_a_secret_is_in_neither_the_question_nor_the_log_and_is_sent_as_it_is() -> None:
    transport = Scripted((200, '{"variable": "TOKEN", "echo": "hunter2hunter2"}'))
    recorder = Recorder("run")
    caller = caller_of(transport, listener=recorder)

    value = call(
        caller,
        "upsert_context_env_var",
        context_id="c",
        env_var_name="TOKEN",
        value="hunter2hunter2",
    )

    assert value == {"variable": "TOKEN", "echo": "hunter2hunter2"}
    assert transport.sent[0].body == b'{"value":"hunter2hunter2"}'
    assert "hunter2" not in str(recorder.heard("ask")) + caller.log.records[0].arguments
    assert caller.mask.text("it is hunter2hunter2") == "it is ***"


def test_force_lifts_a_denial_and_the_run_says_so() -> None:
    denied = caller_of(Scripted(), policy=Policy(read="deny"))
    with pytest.raises(PermissionDenied):
        call(denied, "get_current_user")
    forced = caller_of(Scripted(), policy=Policy(read="deny"), force=True)
    call(forced, "get_current_user")

    assert (forced.log.call_count, forced.log.permission_bypassed) == (1, True)


def test_force_that_lifted_nothing_is_no_bypass() -> None:
    caller = caller_of(Scripted(), force=True)
    call(caller, "get_current_user")

    assert caller.log.permission_bypassed is False


def test_an_api_error_is_logged_and_names_its_function() -> None:
    caller = caller_of(Scripted((404, '{"message": "Pipeline not found"}')))
    with pytest.raises(ApiError) as found:
        call(caller, "get_pipeline", pipeline_id="p")

    assert found.value.fields() == {
        "type": "api",
        "message": "CircleCI API error (404): Pipeline not found",
        "function_name": "get_pipeline",
        "status": 404,
        "method": "GET",
        "path": "/api/v2/pipeline/p",
        "body": {"message": "Pipeline not found"},
        "attempts": 1,
    }
    [record] = caller.log.records
    assert (record.status, record.http_status, record.attempts) == ("error", 404, 1)
    assert record.arguments == '{"pipeline_id":"p"}'


def test_a_list_of_projects_that_v2_does_not_know_is_asked_of_v1_and_both_are_logged() -> None:
    projects = (
        '[{"vcs_url": "https://github.com/acme/web", "username": "acme", "reponame": "web",'
        ' "vcs_type": "github"}, {"vcs_url": "https://github.com/other/api", "username": "other",'
        ' "reponame": "api", "vcs_type": "github"}]'
    )
    transport = Scripted((404, '{"message": "Not found"}'), (200, projects))
    caller = caller_of(transport)
    answer = call(caller, "list_projects", org_slug="gh/acme")

    assert isinstance(answer, dict)
    assert list(answer) == ["items", "next_page_token"]
    assert isinstance(answer["items"], list)
    assert [each["reponame"] for each in answer["items"] if isinstance(each, dict)] == ["web"]
    assert [each.url for each in transport.sent] == [
        "https://circleci.com/api/v2/projects?org-slug=gh%2Facme",
        "https://circleci.com/api/v1.1/projects",
    ]
    assert [(each.status, each.http_status) for each in caller.log.records] == [
        ("error", 404),
        ("ok", 200),
    ]


def test_a_listener_hears_of_every_request_when_it_starts_and_ends() -> None:
    recorder = Recorder()
    caller = caller_of(Scripted((404, "{}"), (200, "[]"), (404, "{}")), listener=recorder)
    call(caller, "list_projects", org_slug="gh/acme")
    with pytest.raises(ApiError):
        call(caller, "get_pipeline", pipeline_id="p")

    shown = [
        ("started", value.number) if isinstance(value, StartedCall) else (value[1].status, value[0])  # type: ignore[index]
        for _, value in recorder.events
    ]
    assert shown == [
        ("started", 0),
        ("started", 1),
        ("error", 0),
        ("ok", 1),
        ("started", 2),
        ("error", 2),
    ]


@pytest.mark.parametrize(
    ("status", "effect", "writes"),
    [
        (200, "done", Writes(done=1)),
        (404, "refused", Writes(refused=1)),
        (500, "unknown", Writes(unknown=1)),
    ],
)
def test_a_write_has_the_effect_its_answer_tells(status: int, effect: str, writes: Writes) -> None:
    caller = caller_of(Scripted((status, "{}")), force=True)
    with contextlib.suppress(ApiError):
        call(caller, "cancel_workflow", workflow_id="w")

    assert ([each.effect for each in caller.log.records], caller.log.writes) == ([effect], writes)


def test_the_log_keeps_the_last_thousand_and_the_count_all() -> None:
    caller = caller_of(Scripted())
    for _ in range(LOG_LENGTH + 5):
        call(caller, "get_current_user")

    assert (len(caller.log.records), caller.log.call_count) == (LOG_LENGTH, LOG_LENGTH + 5)


def test_an_interrupted_run_sends_nothing_more() -> None:
    transport = Scripted()
    caller = caller_of(transport)
    caller.deadline.cancel(Interrupted("Interrupted by Ctrl-C."))

    with refused(Interrupted, transport):
        call(caller, "get_current_user")


@pytest.mark.parametrize(
    ("account", "ways"),
    [
        (
            "default",
            [
                "integrations:configure circleci`",
                "CIRCLECI_TOKEN;",
                "token_env: MY_TOKEN",
                "~/.circleci/cli.yml",
            ],
        ),
        (
            "work",
            [
                "Run `kosmo login --account work` or ",
                "`kosmo integrations:configure circleci --account work`",
                "CIRCLECI_TOKEN_WORK;",
                "{work: {token_env: MY_TOKEN}}",
                "keyring: true",
            ],
        ),
    ],
)
def test_a_missing_token_names_the_account_and_three_ways_out(
    account: str, ways: list[str]
) -> None:
    message = missing_token(Account(account, "https://circleci.com")).message

    assert f"'{account}' has no CircleCI token, so nothing was sent. " in message
    assert [way for way in ways if way not in message] == []


def test_a_missing_token_says_what_was_looked_for_in_vain() -> None:
    account = Account("work", "https://circleci.com", None, "MINE (token_env) is not set")
    assert missing_token(account).message.startswith(
        "The account 'work' has no CircleCI token (MINE (token_env) is not set), so nothing was "
        "sent. "
    )


def test_a_token_that_is_resolved_by_the_call_is_hidden_from_then_on() -> None:
    account = Account("default", "https://circleci.com", "t-from-the-keyring")
    caller = caller_of(Scripted())
    caller.accounts = {"default": lambda: account}
    call(caller, "get_current_user")
    assert caller.mask.text("t-from-the-keyring") == "***"


class Failing(Scripted):
    """Answers 503 until its deadline is cancelled in the middle of a request."""

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        super().send(request)
        if len(self.sent) == 2:
            self._deadline.cancel(Interrupted("Interrupted by Ctrl-C."))
        return WireResponse(503, {}, b"")


def test_an_interrupted_call_was_attempted_as_often_as_it_was_sent() -> None:
    deadline = Deadline()
    transport = Failing(deadline)
    executor = Executor(transport, user_agent="test", sleep=lambda deadline, _s: deadline.check())
    caller = caller_of(transport)
    caller.executor, caller.deadline = (lambda: executor), deadline
    with pytest.raises(Interrupted):
        call(caller, "get_current_user")

    assert [(each.status, each.attempts) for each in caller.log.records] == [("error", 2)]


def test_a_write_that_never_left_has_no_effect() -> None:
    caller = caller_of(Scripted(), force=True)
    caller.deadline.cancel(Interrupted("Interrupted by Ctrl-C."))
    with pytest.raises(Interrupted):
        call(caller, "cancel_workflow", workflow_id="w")

    assert caller.log.writes == Writes()
    assert all(each.effect == "none" for each in caller.log.records)


class Deprecating(Scripted):
    """Answers every request with headers that announce the end of its route."""

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        answer = super().send(request)
        headers = {"deprecation": "true", "sunset": "Mon, 01 Feb 2027 00:00:00 GMT"}
        return WireResponse(answer.status, {**answer.headers, **headers}, answer.body)


def test_a_route_that_goes_away_is_named_once_in_a_run() -> None:
    warnings: list[str] = []

    class Listening(RunListener):
        def warning(self, text: str) -> None:
            warnings.append(text)

    caller = caller_of(Deprecating(), listener=Listening())
    for _ in range(2):
        call(caller, "get_pipeline", pipeline_id="p")
    call(caller, "get_current_user")
    assert [text.partition(" is ")[0] for text in warnings] == [
        "GET /api/v2/pipeline/{pipeline-id}",
        "GET /api/v2/me",
    ]
    caller.reset(Deadline())
    call(caller, "get_current_user")
    assert len(warnings) == 3


def test_an_error_answer_does_not_tell_of_a_routes_end() -> None:
    warnings: list[str] = []

    class Listening(RunListener):
        def warning(self, text: str) -> None:
            warnings.append(text)

    caller = caller_of(Deprecating((404, '{"message": "Not found"}')), listener=Listening())
    with pytest.raises(ApiError):
        call(caller, "get_pipeline", pipeline_id="p")
    assert warnings == []


def test_a_write_that_a_signal_cut_off_before_its_answer_was_read_is_unknown() -> None:
    caller = caller_of(Scripted(), force=True)
    function = load_catalog()["cancel_workflow"]
    raw = RawArguments(named={"workflow_id": "w"})
    caller.perform(caller.prepare(function, "default", "app.integrations.circleci.x", raw))

    caller.log.abandon_rest()
    caller.log.abandon_rest()

    assert (caller.log.call_count, caller.log.writes) == (1, Writes(unknown=1))
    assert [record.effect for record in caller.log.records] == ["unknown"]
