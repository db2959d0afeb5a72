"""No token and no secret value leaves the process, however a server sends it back."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listeners import Lines

from kosmo_circleci import Bridge, KosmoError
from kosmo_circleci.transport.wire import TransportError, WireRequest, WireResponse

JSON = {"content-type": "application/json"}
TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
SECRETS = st.text(min_size=6, max_size=30).filter(lambda text: len(text.strip()) >= 6)


class Echo:
    """Sends the token, and whatever came in the body, back in every place an answer has."""

    def __init__(self, where: str) -> None:
        self._where = where

    def send(self, request: WireRequest, *, time_left_s: float | None = None) -> WireResponse:
        secret = request.headers["Circle-Token"]
        if request.body:
            secret += f" {json.loads(request.body).get('value', '')}"
        body: Any = {"message": f"Bad token {secret}", "code": secret, secret: [secret]}
        if self._where == "result":
            return WireResponse(200, JSON, json.dumps(body).encode())
        if self._where == "text":
            return WireResponse(200, {"content-type": "text/plain"}, f"<{secret}>".encode())
        if self._where == "error":
            headers = {**JSON, "x-request-id": secret}
            return WireResponse(400, headers, json.dumps(body).encode())
        if self._where == "bad json":
            return WireResponse(200, JSON, f"{{{secret}".encode())
        raise TransportError(f"lost while sending {secret}")

    def close(self) -> None:
        """Nothing is open."""


WHERES = ["result", "text", "error", "bad json", "network"]
CODE = """
    local circleci = app.integrations.circleci
    local ok, answer = pcall(circleci.create_project_env_var, "gh/acme/web", "NAME", args.secret)
    print(answer)
    dump({answer, [tostring(answer)] = 1, fields = not ok and {answer.message, answer.body} or nil})
    if ok then return answer end
    error(answer)
"""


def bridge_with(token: str, where: str) -> Bridge:
    circleci: Any = {
        "accounts": {"default": {"token": token}},
        "permissions": {"write": "allow"},
    }
    return Bridge(config={"integrations": {"circleci": circleci}}, transport=Echo(where))


def forms(secret: str) -> set[str]:
    escaped = json.dumps(secret)[1:-1]
    return {secret, escaped, json.dumps(secret, ensure_ascii=False)[1:-1]}


def shows(secret: str, text: str, harmless: str) -> bool:
    """Say whether `text` shows the secret; what stands in every such text tells nothing."""
    return any(form in text and form not in harmless for form in forms(secret))


@pytest.mark.parametrize("where", WHERES)
def test_a_token_and_a_secret_argument_are_in_no_part_of_a_run(where: str) -> None:
    token, secret = "CCIPAT_secret_0123456789", 'hunter2 "é\\x'
    lines: list[str] = []
    run = bridge_with(token, where).run(CODE, args={"secret": secret}, listener=Lines(lines.append))
    everything = run.to_json() + "\n".join(lines) + repr(run.call_records) + repr(run)
    for hidden in (token, secret, quote(secret, safe="")):
        assert not shows(hidden, everything, "")
    assert "***" in everything
    assert run.call_count == 1


@given(token=TOKENS, secret=SECRETS, where=st.sampled_from(WHERES))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_token_and_no_secret_is_in_any_envelope(token: str, secret: str, where: str) -> None:
    if secret.strip("\0") != secret or "\0" in secret:
        return  # a NUL is refused, and a refusal does not show what was refused
    run = bridge_with(token, where).run(CODE, args={"secret": secret})
    harmless = bridge_with("CCIPAT_another_token", where).run(CODE, args={"secret": "other-secret"})
    assert run.call_count == 1, run.error
    quiet = harmless.to_json() + str(run.execution_time_ms) + str(run.memory_usage)
    assert not shows(token, run.to_json(), quiet)
    assert not shows(secret, run.to_json(), quiet)


@pytest.mark.parametrize("where", ["error", "bad json", "network"])
def test_the_error_a_python_program_gets_shows_no_token(where: str) -> None:
    token = "CCIPAT_secret_0123456789"
    with pytest.raises(KosmoError) as caught:
        bridge_with(token, where).call("cancel_workflow", {"workflow_id": "w"})
    assert token not in str(caught.value) + repr(caught.value) + json.dumps(caught.value.fields())
    assert "***" in json.dumps(caught.value.fields())


def test_values_stay_as_they_are_inside_lua() -> None:
    token = "CCIPAT_secret_0123456789"
    run = bridge_with(token, "text").run("return #app.integrations.circleci.get_pipeline('p')")
    assert run.result == len(f"<{token}>")


def test_a_script_cannot_read_a_token_out_of_anything_it_has() -> None:
    token = "CCIPAT_secret_0123456789"
    run = bridge_with(token, "network").run("""
        local seen, found = {}, 0
        local function look(value)
          if type(value) == "string" then
            if value:find("CCIPAT_secret", 1, true) then found = found + 1 end
          elseif type(value) == "table" and not seen[value] then
            seen[value] = true
            for key, each in pairs(value) do look(key) look(each) end
            look(getmetatable(value))
          end
        end
        look(_G)
        return found
    """)
    assert (run.error, run.result) == (None, 0)
    assert base64.b64encode(token.encode()).decode() not in run.to_json()
