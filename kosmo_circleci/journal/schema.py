"""The tables of a journal file, and the marks by which one is known.

    journal   the salt of the file
    runs      a row per run: script, arguments, how it ended, which process has it
    calls     a row per request that was sent: what it was, what came back
    times     what a clock showed, per branch of a run, from a reading on

The answers a run may be given again are the rows of `SETTLED`. Others are history: the call is sent
once more, and gets a later row. `execution` says which process of the run used a row last.
"""

from typing import Final

APPLICATION_ID: Final = 0x6B6F736D  # "kosm"
VERSION: Final = 1

TABLES: Final = f"""
CREATE TABLE journal (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    script TEXT NOT NULL,
    script_sha256 TEXT NOT NULL,
    account TEXT NOT NULL,
    simulated INTEGER NOT NULL,
    arguments TEXT,
    plan TEXT,
    seed BLOB NOT NULL,
    executions INTEGER NOT NULL DEFAULT 0,
    started_at REAL NOT NULL,
    alive_at REAL NOT NULL,
    ended_at REAL,
    elapsed_s REAL NOT NULL DEFAULT 0,
    outcome TEXT,
    error_type TEXT,
    error TEXT,
    machine TEXT,
    pid INTEGER,
    process_started TEXT
);
CREATE TABLE calls (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    execution INTEGER NOT NULL,
    address BLOB NOT NULL,
    function TEXT NOT NULL,
    account TEXT NOT NULL,
    call_path TEXT NOT NULL,
    kind TEXT NOT NULL,
    is_repeatable INTEGER NOT NULL,
    request TEXT NOT NULL,
    arguments TEXT NOT NULL,
    state TEXT NOT NULL,
    decision TEXT,
    again INTEGER NOT NULL DEFAULT 0,
    sent_at REAL NOT NULL,
    answered_at REAL,
    status INTEGER,
    answer TEXT,
    error TEXT,
    UNIQUE (run, sequence)
);
CREATE INDEX calls_by_content ON calls (run, address, sequence);
CREATE TABLE times (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    branch TEXT NOT NULL,
    clock TEXT NOT NULL,
    reading INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run, branch, clock, reading)
) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""

# States of a call.
SENT: Final = "sent"
"""On disk before the request left; stays so where no answer came that settles it."""
ANSWERED: Final = "answered"
FAILED: Final = "failed"
"""No answer, and nothing happened: a read, or a write that surely was not sent."""

# Decisions about a write whose outcome is unknown.
REPEAT: Final = "repeat"
"""It is sent again, or has been: a later row has the outcome."""
SKIP: Final = "skip"
"""It counts as done, and answers an empty object."""

SETTLED: Final = """(
    (state = 'answered' AND again = 0
        AND status NOT IN (401, 403, 408, 429) AND status < 500)
    OR (state = 'sent' AND decision = 'skip')
)"""
"""Which recorded answers stand (contract, section 15); every other call is sent again."""

LOST: Final = "(kind = 'write' AND state = 'sent' AND decision IS NULL)"
"""Writes whose outcome is unknown."""

EFFECT: Final = """(CASE
    WHEN kind = 'read' OR state = 'failed' THEN 'none'
    WHEN decision = 'skip' THEN 'done'
    WHEN state = 'sent' OR status >= 500 THEN 'unknown'
    WHEN status < 300 THEN 'done'
    ELSE 'refused' END)"""
"""What a call did (contract, section 2)."""

UNSETTLED_WRITE: Final = f"({LOST} AND NOT is_repeatable)"
"""Those of them that a person must decide about."""
