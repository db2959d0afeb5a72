"""The contract's section 3, errors: what they are in Lua, and what the envelope says of them."""

from collections.abc import Iterator

import pytest

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    with Bridge(simulate=True) as simulated:
        yield simulated


BAD_INPUT = {
    "get_pipeline()": "get_pipeline: Missing required parameter(s): pipeline_id",
    "get_pipeline({pipeline_id = ''})": "get_pipeline: Missing required parameter(s): pipeline_id",
    "get_pipeline(nil)": "get_pipeline: Missing required parameter(s): pipeline_id",
    "get_job_details({})": (
        "get_job_details: Missing required parameter(s): project_slug, job_number"
    ),
    "get_job_details(nil, 4)": "get_job_details: Missing required parameter(s): project_slug",
    "list_project_pipelines({project_slug = 'gh/a/b', brnch = 'main'})": (
        "list_project_pipelines: Unknown parameter 'brnch'. Did you mean 'branch'?"
    ),
    "get_pipeline({pipelin_id = 'x'})": (
        "get_pipeline: Unknown parameter 'pipelin_id'. Did you mean 'pipeline_id'? "
        "Missing required parameter(s): pipeline_id"
    ),
    "get_pipeline('a', 'b')": (
        "get_pipeline: Too many arguments: got 2, and it takes at most 1: pipeline_id."
    ),
    "list_project_pipelines({project_slug = 'gh/a/b', branch = {}})": (
        "list_project_pipelines: Parameter 'branch' takes a string, got an object."
    ),
    "trigger_pipeline({project_slug = 'gh/a/b', parameters = 'x'})": (
        "trigger_pipeline: Parameter 'parameters' takes an object, got a string."
    ),
    "get_pipelin": (
        "Unknown function: app.integrations.circleci.get_pipelin. Did you mean: get_pipeline?"
    ),
    "get_pipeline({pipeline_id = print})": (
        "get_pipeline: Parameter 'pipeline_id' takes a string, got a function."
    ),
    "get_pipeline(coroutine.create(print))": (
        "get_pipeline: Parameter 'pipeline_id' takes a string, got a thread."
    ),
    "get_pipeline({pipeline_id = 0/0})": (
        "get_pipeline: Parameter 'pipeline_id' takes a string, got number nan."
    ),
    "get_job_details('gh/a/b', print)": (
        "get_job_details: Parameter 'job_number' takes an integer, got a function."
    ),
    "api_get({path = print})": "api_get: Parameter 'path' takes a string, got a function.",
    "update_webhook({webhook_id = 'x', events = {'a', print}})": (
        "update_webhook: Item 2 of parameter 'events' takes a string, got a function."
    ),
    "trigger_pipeline({parameters = print})": (
        "trigger_pipeline: Missing required parameter(s): project_slug. Parameter 'parameters' "
        "takes an object, got a function."
    ),
    "trigger_pipeline({project_slug = 'gh/a/b', parameters = {deploy = {1, {hook = print}}}})": (
        "trigger_pipeline: Parameter 'parameters' takes an object, and this one cannot be sent: "
        "a function is not JSON (at 'deploy[2].hook')."
    ),
    "trigger_pipeline({project_slug = 'gh/a/b', payload = {checkout = print}})": (
        "trigger_pipeline: Parameter 'payload' cannot be sent: a function is not JSON "
        "(at 'checkout')."
    ),
    "get_pipeline({[print] = 1})": (
        "get_pipeline: the arguments hold a key that is a function, which JSON cannot carry"
    ),
    "get_pipeline({pipeline_id = '\\255'})": (
        "get_pipeline: the arguments hold a string that is not UTF-8 at byte 1, which JSON cannot "
        "carry (at 'pipeline_id')"
    ),
}


@pytest.mark.parametrize("call", BAD_INPUT)
def test_bad_input_is_refused_before_any_request(call: str, bridge: Bridge) -> None:
    run = bridge.run(f"return app.integrations.circleci.{call}", name="eval")

    assert (run.error_type, run.error) == ("validation", "eval:1: " + BAD_INPUT[call])
    assert (run.call_count, run.success, run.exit_code) == (0, False, 1)


@pytest.mark.parametrize("number", ["1.5", "'x'", "true", "{}", "'1.5'", "-0.5"])
def test_an_integer_parameter_takes_integral_numbers_only(number: str, bridge: Bridge) -> None:
    run = bridge.run(f"app.integrations.circleci.get_job_details('gh/a/b', {number})")

    assert (run.error_type, run.call_count) == ("validation", 0)
    assert run.error is not None
    assert "Parameter 'job_number' takes an integer" in run.error


def test_an_unknown_account_is_told_with_the_known_ones(bridge: Bridge) -> None:
    run = bridge.run("app.integrations.circleci.home.get_pipeline('id')", name="eval")

    assert run.error_type == "validation"
    assert run.error is not None
    assert run.error.startswith("eval:1: Unknown function: app.integrations.circleci.home.")
    assert "Accounts: default" in run.error


NOT_FOUND = 'local _, e = pcall(app.integrations.circleci.get_project, "gh/acme/nowhere") '


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("return tostring(e)", "CircleCI API error (404): Project not found"),
        ("return e .. '!', '!' .. e", [
            "CircleCI API error (404): Project not found!",
            "!CircleCI API error (404): Project not found",
        ]),
        ("return e:match('%d+'), e:find('404', 1, true), #e, e:upper():sub(1, 8)",
         ["404", 21, 43, "CIRCLECI"]),
        ("return e.type, e.status, e.function_name, e.attempts, e.message",
         ["api", 404, "get_project", 1, "CircleCI API error (404): Project not found"]),
        ("return e.body", {"message": "Project not found"}),
        ("return type(e), e.nonsense == nil", ["table", True]),
        ("return string.format('%s', e)", "CircleCI API error (404): Project not found"),
        ("print(e) return json.decode(json.encode(e)).status", 404),
        ("local _, again = pcall(error, e) return rawequal(again, e)", True),
        ("local _, w = pcall(error, 'plain') return w", "plain"),
        ("return select(2, xpcall(error, function(x) return x.status end, e))", 404),
        ("return select(2, coroutine.resume(coroutine.create(function() error(e) end))).status",
         404),
        ("return select(2, pcall(coroutine.wrap(function() error(e) end))).status", 404),
    ],
)  # fmt: skip
def test_an_error_behaves_as_its_message_and_has_fields(
    code: str, result: JsonValue, bridge: Bridge
) -> None:
    run = bridge.run(NOT_FOUND + code)

    assert (run.error, run.result) == (None, result)


@pytest.mark.parametrize(
    ("code", "error", "error_type"),
    [
        ("\nerror('boom')", "eval:2: boom", "runtime"),
        ("error('boom', 0)", "boom", "runtime"),
        ("error('boom', 2)", "boom", "runtime"),
        ("local function f()\nerror('boom', 2)\nend\nf()", "eval:4: boom", "runtime"),
        ("error({code = 5})", '{\n  "code": 5\n}', "runtime"),
        ("error({})", "{}", "runtime"),
        ("error(5)", "5", "runtime"),
        ("error(1.5)", "1.5", "runtime"),
        ("error(true)", "true", "runtime"),
        ("error()", "nil was raised as an error", "runtime"),
        ("error(print)", "<function>", "runtime"),
        ("error(json.null)", "null", "runtime"),
        ("error(setmetatable({}, {__tostring = function() return 'mine' end}))", "mine", "runtime"),
        ("error('boom', 1000)", "boom", "runtime"),
        ("error('boom', 'x')", "eval:1: error: argument 2 must be a number, got string", "runtime"),
        ("coroutine.wrap(5)", "eval:1: coroutine: argument 1 must be a function, got", "runtime"),
        ("setmetatable(5, {})", "eval:1: setmetatable: argument 1 must be a table", "runtime"),
        ("setmetatable(app, {})", "eval:1: setmetatable: this table's metatable is", "runtime"),
        ("rawset({}, nil, 1)", "eval:1: rawset: a key cannot be nil or NaN", "runtime"),
        ("coroutine.resume(5)", "eval:1: coroutine.resume: argument 1 must be a thread", "runtime"),
        ("coroutine.close(coroutine.running())", "eval:1: coroutine.close: this", "runtime"),
        ("load('x', {})", "eval:1: load: argument 2 must be a string, got table", "runtime"),
        ("flow.map({1}, function() error('boom', 2) end)", "boom", "runtime"),
        ("assert(false, 'no')", "eval:1: no", "runtime"),
        ("assert(nil)", "eval:1: assertion failed!", "runtime"),
        ("\n\nlocal x = nil + 1", "eval:3: attempt to perform arithmetic on a nil", "runtime"),
        ("x = = 1", "eval:1: unexpected symbol near '='", "syntax"),
        ("\n\nfor", "eval:3: <name> expected near <eof>", "syntax"),
        ("goto nowhere", "eval:1: no visible label 'nowhere' for <goto> at line 1", "syntax"),
        ("\njson.decode('x')", "eval:2: json.decode: Expecting value at line 1", "runtime"),
        ("docs.read('circleci.get_pipelin')", "eval:1: ", "validation"),
        ("regex.match('x', '(')", "eval:1: Bad pattern: ", "runtime"),
        (
            "\nlocal f = app.integrations.circleci.get_project\nreturn f('gh/a/b')",
            "eval:3: CircleCI API error (404): Project not found",
            "api",
        ),
        ("app.integrations.circleci.cancel_workflow('w')", "eval:1: ", "permission"),
        (NOT_FOUND + "\nerror(e)", "eval:1: CircleCI API error (404)", "api"),
        (NOT_FOUND + "\nerror(tostring(e))", "eval:2: CircleCI API error (404)", "runtime"),
        ("load('error(\"boom\")', '=named')()", "named:1: boom", "runtime"),
    ],
)  # fmt: skip
def test_the_envelope_tells_where_and_what(
    code: str, error: str, error_type: str, bridge: Bridge
) -> None:
    run = bridge.run(code, name="eval")

    assert (run.success, run.result, run.error_type) == (False, None, error_type)
    assert run.error is not None
    assert run.error.startswith(error)
    assert run.exit_code == 1


def test_a_long_file_name_stands_in_full_before_the_line(bridge: Bridge) -> None:
    name = "folder/" * 20 + "deploy.lua"
    run = bridge.run("\nerror('boom')", name=name)

    assert run.error == f"{name}:2: boom"


class Broken:
    """A transport whose connection is refused."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        self.sent += 1
        raise TransportError("connection reset")

    def close(self) -> None:
        """Has nothing to give back."""


def test_no_answer_is_a_network_error() -> None:
    accounts = {"default": {"token": "token-of-the-test"}}
    config = {
        "integrations": {
            "circleci": {"accounts": accounts, "permissions": {"write": "allow"}},
        }
    }
    with Bridge(config=config, transport=Broken()) as bridge:  # type: ignore[arg-type]
        run = bridge.run(
            "local _, e = pcall(app.integrations.circleci.api_post, {path = 'x'})"
            " return e.type, e.attempts, e.status == nil, e.function_name"
        )

    assert (run.error, run.result) == (None, ["network", 1, True, "api_post"])
    assert [(call["status"], call["http_status"]) for call in run.call_log] == [("error", None)]


def test_no_token_is_a_configuration_error_and_docs_still_work() -> None:
    with Bridge(environ={}) as bridge:
        run = bridge.run(
            "local _, e = pcall(app.integrations.circleci.get_current_user)"
            " return e.type, tostring(e), #docs.read('circleci') > 0"
        )

    assert isinstance(run.result, list)
    kind, message, documented = run.result
    assert (kind, documented, run.call_count) == ("configuration", True, 0)
    assert isinstance(message, str)
    assert "CIRCLECI_TOKEN" in message
