"""time, base64 and hash: pure, lossless, and errors on the script's line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lua_cases import RunScript, assert_gives

from kosmo_circleci import Bridge
from kosmo_circleci.jsonvalue import JsonValue
from kosmo_circleci.lua import times

TEN = 1736935200  # 2025-01-15T10:00:00Z, where a simulated run starts


@pytest.mark.parametrize(
    ("code", "result"),
    [
        # time
        ("time.parse('2025-01-15T10:00:00Z')", TEN),
        ("time.parse('2025-01-15t10:00:00z')", TEN),
        ("time.parse('2025-01-15T12:00:00+02:00')", TEN),
        ("time.parse('2025-01-15 04:30:00-05:30')", TEN),
        ("time.parse('2025-01-15T10:00:00.000Z')", TEN),
        ("time.parse('2025-01-15T10:00:00.25Z')", TEN + 0.25),
        ("time.parse('2025-01-15')", TEN - 36_000),
        ("time.parse('1969-12-31T23:59:59Z')", -1),
        ("time.parse('1969-12-31T23:59:59.5Z')", -0.5),
        ("time.parse('2016-12-31T23:59:60Z')", 1_483_228_800),
        ("time.parse('2017-01-01T00:59:60+01:00')", 1_483_228_800),
        ("math.type(time.parse('2025-01-15'))", "integer"),
        ("time.parse('30s ago') - time.parse('0s ago')", -30),
        ("time.parse('2m ago') - time.parse('0s ago')", -120),
        ("time.parse('1h ago') - time.parse('0s ago')", -3600),
        ("time.parse('7d ago') - time.parse('0s ago')", -7 * 86_400),
        ("time.parse('1w ago') - time.parse('0s ago')", -7 * 86_400),
        ("time.parse('0s ago') == math.floor(time.now())", True),
        ("time.now() == os.time()", True),
        ("time.format(0)", "1970-01-01T00:00:00Z"),
        ("time.format(1736935200)", "2025-01-15T10:00:00Z"),
        ("time.format(1736935200.25)", "2025-01-15T10:00:00.250000Z"),
        ("time.format(-1)", "1969-12-31T23:59:59Z"),
        ("time.format(1736935200, '%Y-%m')", "2025-01"),
        ("time.format(1736935200, '%s %%s %z %Z')", "1736935200 %s +0000 UTC"),
        ("time.format(0, '')", ""),
        # base64
        ("base64.encode('')", ""),
        ("base64.encode('\\0\\255')", "AP8="),
        ("base64.decode('AP8=') == '\\0\\255'", True),
        ("base64.decode('aGVs\\nbG8=\\n')", "hello"),
        # hash
        ("hash.sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("hash.sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        # what cannot be done
        ("time.parse('2025-01-15T10:00:00')",
         "error: time.parse: '2025-01-15T10:00:00': the time has no offset"),
        ("time.parse('yesterday')", "error: time.parse: 'yesterday': a time is written"),
        ("time.parse('2025-02-30')", "error: time.parse: '2025-02-30': day"),
        ("time.parse('2025-01-15T25:00:00Z')", "error: time.parse: '2025-01-15T25:00:00Z': hour"),
        ("time.parse('2025-01-15T10:00:60Z')",
         "error: time.parse: '2025-01-15T10:00:60Z': second 60 is a leap second"),
        ("time.parse('2025-01-15T10:00:00+24:00')",
         "error: time.parse: '2025-01-15T10:00:00+24:00': a time is written"),
        ("time.parse('2025-01-15T10:00:00+0100')",
         "error: time.parse: '2025-01-15T10:00:00+0100': a time is written"),
        ("time.format(0, '%Y\\0%m')", "error: time.format: the format holds a null byte"),
        ("time.parse('9y ago')", "error: time.parse: '9y ago': a time is written"),
        ("time.parse(1)", "error: time.parse: argument 1 must be a string, got number"),
        ("time.format('x')", "error: time.format: argument 1 must be a number, got string"),
        ("time.format(0/0)", "error: time.format: argument 1 must be a finite number"),
        ("time.format(1e15)", "error: time.format: the time is outside the years 1 to 9999"),
        ("base64.decode('a')", "error: base64.decode: not base64"),
        ("base64.decode('a*b=')", "error: base64.decode: not base64"),
        ("base64.encode(nil)", "error: base64.encode: argument 1 must be a string, got nothing"),
        ("hash.sha256({})", "error: hash.sha256: argument 1 must be a string, got table"),
    ],
)  # fmt: skip
def test_times_encodings_and_hashes(code: str, result: JsonValue, run: RunScript) -> None:
    assert_gives(run, code, result)


def test_a_time_is_utc_wherever_the_machine_is(run: RunScript) -> None:
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TZ", "America/New_York")
            time.tzset()
            made = run("return time.format(0, '%s %H %z'), time.parse('1970-01-01')")
    finally:
        time.tzset()
    assert made.result == ["0 00 +0000", 0]


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_a_time_that_is_written_reads_as_the_same_time(seconds: int) -> None:
    assert times.parse(times.format_time(seconds, None), 0) == seconds


@given(st.binary(max_size=200))
def test_base64_gives_the_same_bytes_back(raw: bytes) -> None:
    lua = "".join(f"\\{byte:03d}" for byte in raw)

    with Bridge(simulate=True) as bridge:
        run = bridge.run(f"local raw = '{lua}' return base64.decode(base64.encode(raw)) == raw")

    assert (run.error, run.result) == (None, True)
