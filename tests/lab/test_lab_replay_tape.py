"""The tape as a file says what the ledger said."""

import json
import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from mana_lab.lab import taped
from mana_lab.runner.ledger_tape import RunTape, TickTape
from mana_lab.runner.tape import Entry

HASH = "0" * 64
MONDAY = datetime(2026, 1, 5, 7, tzinfo=UTC)
ANSWERS = {
    "nothing": None,
    "order": {"b": 1, "a": {"d": [], "c": "é\u2028😀\x00"}},
    "half a sign": {"text": "\ud83d"},
    "numbers": {"large": 2**80, "nan": math.nan, "double": 0.1, "whole": 1.0},
    "deep": json.loads("[" * 300 + "]" * 300),
    "long": "x" * 5_000_000,
}


def tape_of(answer, offers=None, memory=None):
    tick = TickTape(
        "a tick",
        "persona.anna@mana.test",
        3,
        MONDAY,
        "done",
        None,
        None,
        [Entry(0, HASH, answer)],
        [],
    )
    return RunTape([tick], offers or {}, memory or {})


def through_files(tape, folder):
    taped.write_lines(folder / taped.TAPE, taped.tape_lines("a run", tape))
    taped.write_lines(folder / taped.OFFERS, taped.offer_lines(tape))
    taped.write_lines(folder / taped.MEMORY, [taped.memory_text(tape)])
    rows = {
        "id": ["a tick"],
        "email": ["persona.anna@mana.test"],
        "tick": [3],
        "scheduled_at": [pd.Timestamp(MONDAY)],
        "status": ["done"],
        "failed_step": [None],
        "error": [None],
    }
    return taped.read_tape(folder, "a run", pd.DataFrame(rows))


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_whatever_was_answered_is_read_as_it_was_written(answer, tmp_path):
    tape = tape_of(answer)
    found = through_files(tape, tmp_path)
    assert json.dumps(found.ticks[0].model[0].answer) == json.dumps(answer)
    lines = (tmp_path / taped.TAPE).read_bytes()
    assert (lines.count(b"\n"), lines.endswith(b"\n")) == (1, True)


def test_what_was_remembered_and_offered_is_read_as_it_was_written(tmp_path):
    memory = {"persona.anna@mana.test": {"visits": [{"note": "Milch"}]}}
    tape = tape_of({}, memory=memory)
    assert through_files(tape, tmp_path) == tape


def test_steps_are_counted_anew_where_some_were_left_out(tmp_path):
    tape = tape_of({})
    [tick] = tape.ticks
    tick.model.append(Entry(4, HASH, {}))
    assert [entry.step for entry in through_files(tape, tmp_path).ticks[0].model] == [0, 1]


def test_a_line_that_is_too_long_is_refused(tmp_path, monkeypatch):
    tape = tape_of("x" * 1000)
    monkeypatch.setattr(taped, "_LONGEST_LINE", 500)
    with pytest.raises(taped.RunFolderError, match=r"tape\.jsonl: line 1: is cut off, or too long"):
        through_files(tape, tmp_path)
