"""Feed senseless input to the paths that take JSON, arguments and source, and watch what must hold.

    python scripts/fuzz.py [--target NAME]… [--seconds S] [--seed N] [--engine auto|plain|atheris]
    python scripts/fuzz.py --target NAME --input FILE

Targets:
  json       bytes -> jsonvalue.decode: a value or JsonError; encoding and decoding give it back
  lua        bytes -> json.decode and json.encode in Lua: the same, and the same value again
  arguments  bytes -> a function and its arguments -> request: a request or ValidationError; the
             path never gains a segment, a host, a control character or a way up
  paths      bytes -> a raw path: the same, below /api/
  words      bytes -> the words of integrations:call: arguments or UsageError
  source     bytes -> a script with small limits: always a valid envelope

The plain engine changes a corpus at random; it repeats exactly with the same --seed. Where atheris
is installed it is used instead, one target at a time, guided by coverage. An input that breaks a
rule is written to fuzz-failures/ and the exit code is 1; --input runs it again.
"""

import argparse
import hashlib
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import unquote

from kosmo_circleci import Bridge, Limits, jsonvalue
from kosmo_circleci.call import arguments as call_arguments
from kosmo_circleci.call import paths, request
from kosmo_circleci.call.model import ApiRequest, RawArguments
from kosmo_circleci.catalog.load import load_catalog
from kosmo_circleci.catalog.model import Function
from kosmo_circleci.cli.call import call_arguments as words
from kosmo_circleci.errors import UsageError, ValidationError
from kosmo_circleci.jsonvalue import JsonError, JsonValue

FAILURES: Final = Path("fuzz-failures")
SLOW_S: Final = 5.0
LIMITS: Final = Limits(memory_bytes=16 * 1024 * 1024, cpu_s=0.1, timeout_s=1.0, regex_s=0.1)

_CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\\\\]")
_DICTIONARY: Final = (
    b'null true false {} [] {"a": [] : , " \\ \\ud800 \\u0000 1e400 -0.0 NaN .. %2e%2e %2f // ? # '
    b"gh/acme/web /api/v2/ http: pipeline_id project_slug path query body payload branch --branch= "
    b"pcall( function( end return error( print( string.rep( flow.map( while true do json.decode( "
    b"\xff \xed\xa0\x80 \xf0\x9f\x98\x80 \xc3\xa4 9223372036854775808 12345678901234567890"
).split()
_CORPUS: Final = {
    "json": [b'{"a":[1,1.0,null,"\\u00e4",{}],"b":{}}', b"[" * 150 + b"]" * 150, b'"\\ud83d"'],
    "arguments": [
        b'get_pipeline {"pipeline_id":"5034460f"}',
        b'list_project_pipelines ["gh/acme/web",null,"token"]',
        b'trigger_pipeline {"project_slug":"gh/acme/web","branch":"main","parameters":{"n":1}}',
        b'api_post {"path":"/me?a=b","query":{"c":[1,2]},"body":{}}',
        b'get_job_details ["gh/acme/web",42]',
    ],
    "paths": [b"/api/v2/me", b"project/gh/acme/web?branch=main", b"/v1.1/x", b"a%20b/%c3%a4"],
    "words": [
        b'trigger_pipeline {"branch":"main"} --project-slug=gh/acme/web --parameters.n=1',
        b"get_pipeline --pipeline-id 5 --nonsense",
    ],
    "source": [b"return 1", b"print({1, nil, 3}) error({code = 5})", b"return json.decode('[1]')"],
}  # fmt: skip


class Broken(AssertionError):
    """A rule does not hold for an input."""


def check_json(data: bytes) -> None:
    """Decoding gives a value or `JsonError`, and what it gave survives encoding."""
    try:
        value = jsonvalue.decode(data)
    except JsonError:
        return
    _require(_same(jsonvalue.decode(jsonvalue.encode(value)), value), "encode changed the value")


def check_lua(data: bytes) -> None:
    """What `json.decode` takes comes out of `json.encode` as the same value."""
    try:
        value = jsonvalue.decode(data)
        text = data.decode("utf-8")
    except (JsonError, UnicodeDecodeError):
        return
    if "\0" in text:
        return
    run = _bridge().run("return json.encode(json.decode(args.text))", args={"text": text})
    _require(run.success and isinstance(run.result, str), f"Lua refused it: {run.error}")
    _require(_same(jsonvalue.decode(str(run.result)), value), f"Lua made {run.result}")


def check_arguments(data: bytes) -> None:
    """Any arguments of any function make a request of that function, or `ValidationError`."""
    name, _, text = data.partition(b" ")
    function = _function(name)
    try:
        given = jsonvalue.decode(text)
    except JsonError:
        return
    raw = RawArguments(named=_object(given))
    if isinstance(given, list):
        raw = RawArguments(positional=tuple(given))
    try:
        made = request.build(function, call_arguments.bind(function, raw))
    except ValidationError:
        return
    _check_request(made)
    if not function.is_raw:
        _require(made.path.count("/") in _slashes(function), f"the path became {made.path}")


def check_paths(data: bytes) -> None:
    """A raw path stays below /api/, or is refused."""
    try:
        path, query = paths.raw_path(data.decode("utf-8", "surrogatepass"))
    except (ValueError, UnicodeDecodeError):
        return
    _check_request(ApiRequest("GET", path, query))


def check_words(data: bytes) -> None:
    """Words of a command line are arguments, or `UsageError`."""
    name, *rest = data.decode("utf-8", "replace").split(" ")
    function = _function(name.encode())
    try:
        taken = words.split(function, rest)
        if taken.json_text is not None:
            words.object_of(taken.json_text, "The argument")
        given = words.typed(function, taken.flags, None)
    except UsageError:
        return
    jsonvalue.encode(given)


def check_source(data: bytes) -> None:
    """A script has an outcome whose envelope is JSON, whatever it does."""
    run = _bridge().run(data.decode("utf-8", "surrogateescape"), limits=LIMITS, isolate=True)
    _require(jsonvalue.decode(run.to_json()) == run.to_dict(), "the envelope is not its own JSON")
    _require("internal error" not in (run.error or ""), f"{run.error}")


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "json": check_json,
    "lua": check_lua,
    "arguments": check_arguments,
    "paths": check_paths,
    "words": check_words,
    "source": check_source,
}


def _check_request(made: ApiRequest) -> None:
    path = made.path
    _require(path.startswith("/api/") and "//" not in path, f"the path left /api/: {path!r}")
    _require("?" not in path and "#" not in path, f"the path holds a query: {path!r}")
    for part in path.split("/"):
        decoded = unquote(part)
        _require(decoded not in (".", ".."), f"the path climbs: {path!r}")
        _require(not _CONTROL.search(part), f"the path holds what no path may: {path!r}")
    jsonvalue.encode(made.body)
    for key, value in made.query:
        _require(isinstance(key, str) and isinstance(value, str), f"a pair of {key!r}, {value!r}")


def _slashes(function: Function) -> set[int]:
    """Return how many slashes the path may have: some slugs have one segment or two."""
    path = paths.API_V2 + function.path
    more = {0}
    for parameter in function.parameters:
        if parameter.place == "path":
            path = path.replace(parameter.placeholder, "x")
            more = {had + each - 1 for had in more for each in parameter.segments or (1,)}
    return {path.count("/") + each for each in more}


def _function(name: bytes) -> Function:
    catalog = load_catalog()
    known = catalog.get(name.decode("utf-8", "replace"))
    return known or catalog.get(catalog.names[sum(name) % len(catalog.names)]) or _never()


def _never() -> NoReturn:
    raise Broken("the catalog does not know its own names")


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {"path": value, "project_slug": value}


def _same(left: JsonValue, right: JsonValue) -> bool:
    return jsonvalue.encode(left, sort_keys=True) == jsonvalue.encode(right, sort_keys=True)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)


@cache
def _bridge() -> Bridge:
    return Bridge(simulate=True)


def mutations(corpus: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Yield inputs without end: the corpus first, then what random changes make of it."""
    yield from corpus
    pool = list(corpus)
    while True:
        data = bytearray(chance.choice(pool))
        for _ in range(chance.randint(1, 6)):
            _change(data, pool, chance)
        yield bytes(data[:4096])
        if chance.random() < 0.1:
            pool.append(bytes(data[:4096]))
            del pool[len(corpus) : len(corpus) + max(0, len(pool) - 300)]


def _change(data: bytearray, pool: list[bytes], chance: random.Random) -> None:
    at, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    kind = chance.randrange(6)
    if kind == 0:
        data[at:at] = chance.choice(_DICTIONARY)
    elif kind == 1:
        del data[at : min(end, at + 20)]
    elif kind == 2 and data:
        data[at % len(data)] = chance.randrange(256)
    elif kind == 3:
        data[at:at] = data[at : min(end, at + 64)]
    elif kind == 4:
        other = chance.choice(pool)
        data[at:] = other[chance.randint(0, len(other)) :]
    else:
        data[at:at] = chance.randbytes(chance.randint(1, 4))


def run_one(target: str, data: bytes) -> bool:
    """Check one input; a broken rule, a crash or a standstill is reported and kept in a file."""
    began = time.perf_counter()
    try:
        TARGETS[target](data)
        _require(time.perf_counter() - began < SLOW_S, f"it took over {SLOW_S:g} s")
    except Exception as error:
        FAILURES.mkdir(exist_ok=True)
        file = FAILURES / f"{target}-{hashlib.sha256(data).hexdigest()[:16]}"
        file.write_bytes(data)
        print(f"{target}: {type(error).__name__}: {error}")
        print(f"  python scripts/fuzz.py --target {target} --input {file}")
        return False
    return True


def run_plain(target: str, seconds: float, seed: int) -> bool:
    """Feed changed inputs to a target for a while; say whether every rule held."""
    corpus = _CORPUS.get(target, _CORPUS["json"])
    inputs = mutations(corpus, random.Random(f"{target} {seed}"))
    ends = time.monotonic() + seconds
    held = True
    count = 0
    while time.monotonic() < ends or count == 0:
        held &= run_one(target, next(inputs))
        count += 1
    print(f"{target}: {count} inputs, seed {seed}: {'ok' if held else 'BROKEN'}")
    return held


def run_atheris(atheris: Any, target: str, seconds: float, seed: int) -> NoReturn:
    """Hand the target to atheris, which ends the process by itself."""
    arguments = [sys.argv[0], f"-max_total_time={int(seconds) or 1}", f"-seed={seed or 1}"]
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()
    sys.exit(0)


def main() -> int:
    """Run the targets asked for; 1 where a rule broke."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", action="append", choices=TARGETS, help="default: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="per target; default 10")
    parser.add_argument("--seed", type=int, default=0, help="default 0")
    parser.add_argument("--engine", choices=("auto", "plain", "atheris"), default="auto")
    parser.add_argument("--input", type=Path, help="run the target on this file, once")
    given = parser.parse_args()
    targets: list[str] = given.target or list(TARGETS)
    if given.input is not None:
        return 0 if all([run_one(target, given.input.read_bytes()) for target in targets]) else 1
    atheris = _atheris() if given.engine != "plain" and len(targets) == 1 else None
    if given.engine == "atheris" and atheris is None:
        parser.error("--engine atheris needs the package atheris and exactly one --target")
    if atheris is not None:
        run_atheris(atheris, targets[0], given.seconds, given.seed)
    return 0 if all([run_plain(target, given.seconds, given.seed) for target in targets]) else 1


def _atheris() -> Any:
    try:
        import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        return None
    return atheris


if __name__ == "__main__":
    sys.exit(main())
