"""API v3 and the sign-in over HTTP: outputs in ranges, files, redirects; a Server without v3."""

import json
import re
from urllib.parse import urlencode

from kosmo_circleci.simulator.server import Server
from tests.support.served import FAST, TOKEN, curl


def test_outputs_come_whole_and_in_ranges(url: str) -> None:
    path = (
        f"{url}/api/v3/jobs/failed-job-uuid/stdout?filter%5Bexecution%5D=0&filter%5Bstep_num%5D=103"
    )
    status, whole = curl(*TOKEN, path)
    assert (status, whole.rstrip().rpartition(" - ")[2]) == (
        200,
        "AssertionError: expected 200, got 500",
    )
    status, answer = curl("-i", *TOKEN, "-H", "Range: bytes=5-", path)
    assert status == 206
    assert "\nContent-Range: bytes 5-" in answer
    assert "\nX-Terminal: true" in answer
    status, _ = curl(*TOKEN, "-H", "Range: bytes=99999999-", path)
    assert status == 416


def test_artifacts_and_presigned_outputs_lead_back_to_the_server(url: str) -> None:
    artifacts = json.loads(curl(*TOKEN, f"{url}/api/v3/jobs/failed-job-uuid/artifacts")[1])
    log = artifacts["data"][2]["attributes"]["url"]
    assert log == f"{url}/output/job/failed-job-uuid/artifacts/0/logs/test.log"
    status, text = curl(log)
    assert (status, "AssertionError" in text) == (200, True)
    build = json.loads(curl(*TOKEN, f"{url}/api/v1.1/project/gh/example-org/example-repo/98")[1])
    output_url = build["steps"][0]["actions"][0]["output_url"]
    assert output_url.startswith(f"{url}/api/private/output/presigned/failed-job-uuid/0/0?token=")
    status, rows = curl(output_url)
    assert (status, json.loads(rows)[0]["type"]) == (200, "out")


def test_a_browser_signs_in(url: str) -> None:
    redirect = "http://127.0.0.1:40123/callback"
    body = json.dumps({"client_name": "curl", "redirect_uris": [redirect]})
    status, answer = curl(
        "-H", "Content-Type: application/json", "-d", body, f"{url}/oauth/register"
    )
    assert status == 201
    query = {
        "response_type": "code",
        "client_id": json.loads(answer)["client_id"],
        "redirect_uri": redirect,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",  # RFC 7636, appendix B
        "code_challenge_method": "S256",
    }
    status, answer = curl("-i", f"{url}/oauth/authorize?{urlencode(query)}")
    assert status == 302
    code = re.search(r"\nLocation: http://127\.0\.0\.1:40123/callback\?code=(\S+)", answer)
    assert code is not None
    form = {
        "grant_type": "authorization_code",
        "code": code[1],
        "redirect_uri": redirect,
        "client_id": query["client_id"],
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    status, answer = curl("-d", urlencode(form), f"{url}/oauth/token")
    assert status == 200
    token = json.loads(answer)["access_token"]
    assert curl("-H", f"Circle-Token: {token}", f"{url}/api/v2/me")[0] == 200


def test_a_circleci_server_has_no_v3() -> None:
    with Server(FAST._replace(is_server=True)).serving() as server:
        statuses = [
            curl(*TOKEN, f"{server}/api/{path}")[0]
            for path in (
                "v3/jobs/failed-job-uuid",
                "v2/me",
                "v1.1/project/gh/example-org/example-repo/98",
            )
        ]
    assert statuses == [404, 200, 200]
