"""An MCP server over stdio that does what its arguments and tools say, good and bad.

Standard library only, so that it starts at once. Options, any of them, in any order:
  --silent          never answers `initialize`
  --dies            writes to stderr and ends before it reads anything
  --banner          prints lines that are no JSON first, as careless servers do
  --stubborn        ignores SIGTERM and the end of its input
  --modern          knows no `initialize` (the protocol of 2026-07-28)
  --endless         `tools/list` has page after page
  --grows           each `tools/list` shows one tool more
  --log FILE        writes every message it receives to FILE
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

OPTIONS = set(sys.argv[1:])
LOG = sys.argv[sys.argv.index("--log") + 1] if "--log" in OPTIONS else None
WRITING = threading.Lock()
TEXT = {"type": "string"}
READ = {"readOnlyHint": True}


def tool(name: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, "required": [*(properties or {})]}
    return {"name": name, "description": f"Does {name}.", "inputSchema": schema} | more


OPTIONS_OF_A_TOOL = {
    "dry_run": {"type": "boolean", "default": True},
    "maxItems": {"type": "integer"},
    "ratio": {"type": ["number", "null"]},
    "tags": {"type": "array", "items": TEXT},
    "ids": {"type": "array", "items": {"type": "integer"}},
    "rows": {"type": "array", "items": {"type": "object"}},
    "filter": {"type": "object"},
    "note": TEXT,
    "any": {},
}
TOOLS = [
    tool("echo", {"message": TEXT}, annotations=READ, title="Echo"),
    tool("add", {"a": {"type": "integer"}, "b": {"type": "integer"}}, annotations=READ),
    tool("get-JSON", annotations=READ),
    tool("structured", annotations=READ),
    tool("wrapped", annotations=READ),
    tool("several", annotations=READ),
    tool("nothing", annotations=READ),
    tool("fail", {"why": TEXT}, annotations=READ),
    tool("refuse", annotations=READ),
    tool("locked", annotations=READ),
    tool("nonsense", annotations=READ),
    tool("slow", {"seconds": {"type": "number"}}, annotations=READ),
    tool("die", annotations=READ),
    tool("flood", annotations=READ),
    tool("huge", annotations=READ),
    tool("environment", annotations=READ),
    tool("process", annotations=READ),
    tool("spawn", annotations=READ),
    tool("curious", annotations=READ),
    {"name": "options", "inputSchema": {"type": "object", "properties": OPTIONS_OF_A_TOOL}}
    | {"annotations": READ},
    tool("write", {"value": TEXT}),
    tool("write_secret", {"api_token": TEXT}),
]


def send(message: dict[str, Any]) -> None:
    with WRITING:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        sys.stdout.flush()


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": said}]} | more


def slow(given: dict[str, Any]) -> dict[str, Any]:
    time.sleep(given["seconds"])
    return text("done")


def die(_given: dict[str, Any]) -> dict[str, Any]:
    sys.stderr.write("fatal: out of cheese\n")
    sys.stderr.flush()
    os._exit(3)


def flood(_given: dict[str, Any]) -> dict[str, Any]:
    # Slower than a pipe can be read, and without an end.
    while True:
        send({"method": "notifications/message", "params": {"level": "info", "data": "x" * 2000}})


def huge(_given: dict[str, Any]) -> dict[str, Any]:
    piece = "x" * (1 << 20)
    sys.stdout.write('{"jsonrpc":"2.0","id":1,"result":"')
    while True:
        sys.stdout.write(piece)


def spawn(_given: dict[str, Any]) -> dict[str, Any]:
    child = subprocess.Popen(["sleep", "60"])
    return text(json.dumps({"server": os.getpid(), "child": child.pid}))


def locked(_given: dict[str, Any]) -> dict[str, Any]:
    raise PermissionError("the issue is closed")


def several(_given: dict[str, Any]) -> dict[str, Any]:
    picture = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
    return {"content": [{"type": "text", "text": "a picture"}, picture]}


def curious(_given: dict[str, Any]) -> dict[str, Any]:
    """Ask the client for something it cannot do, and say what it answered."""
    send({"id": "ask", "method": "sampling/createMessage", "params": ASKED})
    return text(json.loads(sys.stdin.readline())["error"]["message"])


ASKED = {"messages": [{"role": "user", "content": {"type": "text", "text": "?"}}], "maxTokens": 1}
ANSWERS = {
    "echo": lambda given: text(given["message"]),
    "add": lambda given: text(str(given["a"] + given["b"])),
    "get-JSON": lambda given: text('{"list": [], "none": null, "n": 1.0}'),
    "structured": lambda given: text("for people", structuredContent={"count": 2}),
    "wrapped": lambda given: text("[1, 2]", structuredContent={"result": [1, 2]}),
    "several": several,
    "nothing": lambda given: {"content": []},
    "fail": lambda given: text(given["why"], isError=True),
    "locked": locked,
    "nonsense": lambda given: {"content": "not a list"},
    "slow": slow,
    "die": die,
    "flood": flood,
    "huge": huge,
    "options": lambda given: text(json.dumps(given)),
    "environment": lambda given: text(json.dumps(dict(os.environ))),
    "process": lambda given: text(json.dumps({"pid": os.getpid(), "cwd": os.getcwd()})),
    "spawn": spawn,
    "curious": curious,
    "write": lambda given: text("written"),
    "write_secret": lambda given: text("written"),
}
RESOURCES = {
    "memo://text": [{"uri": "memo://text", "text": "1"}],
    "memo://json": [{"uri": "memo://json", "text": "[1]", "mimeType": "application/json"}],
    "memo://blob": [{"uri": "memo://blob", "blob": "AAAA", "mimeType": "image/png"}],
}


def initialize(params: dict[str, Any]) -> dict[str, Any]:
    return {
        "protocolVersion": params["protocolVersion"],
        "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
        "serverInfo": {"name": "scripted", "version": "1"},
    }


def discover(_params: dict[str, Any]) -> dict[str, Any]:
    return {
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "scripted", "version": "1"},
    }


LISTED = 0


def list_tools(params: dict[str, Any]) -> dict[str, Any]:
    global LISTED
    LISTED += 1
    if "--grows" in OPTIONS:
        return {"tools": [tool(f"tool_{number}", annotations=READ) for number in range(LISTED)]}
    if "--endless" in OPTIONS:
        return {"tools": [tool(f"tool_{LISTED}")], "nextCursor": str(LISTED)}
    half = len(TOOLS) // 2
    if params.get("cursor") == "second":
        return {"tools": TOOLS[half:]}
    return {"tools": TOOLS[:half], "nextCursor": "second"}


def list_resources(_params: dict[str, Any]) -> dict[str, Any]:
    return {"resources": [{"uri": uri, "name": uri[7:]} for uri in RESOURCES]}


def read_resource(params: dict[str, Any]) -> dict[str, Any]:
    return {"contents": RESOURCES[params["uri"]]}


def list_prompts(_params: dict[str, Any]) -> dict[str, Any]:
    return {"prompts": [{"name": "greet", "arguments": [{"name": "who", "required": True}]}]}


def get_prompt(params: dict[str, Any]) -> dict[str, Any]:
    content = {"type": "text", "text": f"Greet {params['arguments']['who']}."}
    return {"description": "A greeting", "messages": [{"role": "user", "content": content}]}


def call(params: dict[str, Any]) -> dict[str, Any]:
    return ANSWERS[params["name"]](params.get("arguments") or {})


METHODS = {
    "initialize": initialize,
    "ping": lambda params: {},
    "tools/list": list_tools,
    "tools/call": call,
    "resources/list": list_resources,
    "resources/read": read_resource,
    "prompts/list": list_prompts,
    "prompts/get": get_prompt,
}


def answer(message: dict[str, Any]) -> None:
    try:
        result = METHODS[message["method"]](message.get("params") or {})
    except KeyError as error:
        fault = {"code": -32601, "message": f"I know no {error}", "data": {"asked": str(error)}}
        send({"id": message["id"], "error": fault})
    except PermissionError as error:
        send({"id": message["id"], "error": {"code": -32000, "message": str(error)}})
    else:
        if "--modern" in OPTIONS:
            result = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"} | result
        send({"id": message["id"], "result": result})


def serve() -> None:
    while line := sys.stdin.readline():
        if LOG is not None:
            with open(LOG, "a", encoding="utf-8") as file:
                file.write(line)
        message = json.loads(line)
        if "method" not in message or "id" not in message:
            continue
        name = (message.get("params") or {}).get("name")
        if name == "curious":
            answer(message)  # It reads the client's answer itself.
        else:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


def main() -> None:
    if "--dies" in OPTIONS:
        sys.exit("no configuration found")
    if "--banner" in OPTIONS:
        print("Welcome!\n\n{not json}\n[1]", flush=True)
    if "--silent" in OPTIONS:
        time.sleep(60)
    if "--modern" in OPTIONS:
        METHODS["server/discover"] = discover
        del METHODS["initialize"]
    if "--stubborn" in OPTIONS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve()
    while "--stubborn" in OPTIONS:
        time.sleep(1)


if __name__ == "__main__":
    main()
