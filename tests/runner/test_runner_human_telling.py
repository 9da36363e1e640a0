"""Answers of the app in plain words."""

import pytest

from mana_lab.runner import CallError, CallOutcome
from mana_lab.runner.human.telling import Sights, report_of


def told(data):
    return report_of(CallOutcome("todo.list", data, None, 1.0, "a", 0))


TASK = {"id": "a1", "title": "Essay", "isDone": False, "due": None, "tags": ["uni", "x"], "n": 0}


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (None, ["nothing"]),
        ("", ["nothing"]),
        ([], []),
        ({}, []),
        ("one\ntwo", ["one", "two"]),
        (5, ["5"]),
        (True, ["yes"]),
        ({"ok": True}, ["ok: yes"]),
        (
            {"task": TASK},
            ["task:", "  id: a1", "  title: Essay", "  isDone: no", "  tags: uni, x", "  n: 0"],
        ),
        ({"tasks": [TASK], "next": None}, ["tasks: 1", "  1. Essay; isDone no; tags uni, x; n 0"]),
        ({"tasks": []}, ["tasks: nothing"]),
        ([{"id": "a1"}, 5, {"x": {"y": 1}}], ["  1. nothing", "  2. 5", '  3. x {"y": 1}']),
        ({"text": "a\nb"}, ["text: a b"]),
    ],
)
def test_an_answer_is_told_in_lines(data, lines):
    report = told(data)
    assert (report.headline, report.ok, list(report.lines)) == ("todo.list worked", True, lines)


def test_a_long_answer_is_shortened_and_is_there_as_a_whole():
    report = told({"tasks": [{"title": "x" * 5000}] * 500})
    assert len(report.lines) == 41
    assert report.lines[-1] == "… and 461 more lines"
    assert all(len(line) <= 300 for line in report.lines)
    assert report.whole.count("x" * 5000) == 500


def test_nothing_that_a_terminal_would_act_on_is_repeated():
    report = told({"\x1b[2J": "\x1b]0;title\x07", "note": ["\x9b31m", "a\u202eb"]})
    assert all(line.isprintable() for line in (*report.lines, *report.whole.splitlines()))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("invalid-input", "The app did not take that: no"),
        ("refused", "The app refused: no"),
        ("not-found", "The app did not find that: no"),
        ("conflict", "That does not go with what is in the app: no"),
        ("infrastructure", "The app did not work: no"),
    ],
)
def test_a_failure_is_told_in_plain_words(kind, said):
    error = CallError("some-code", kind, "no")
    report = report_of(CallOutcome("todo.list", None, error, 1.0, "a", 0))
    assert (report.ok, report.headline, report.lines, report.whole) == (False, said, (), "")
    silent = CallError("some-code", kind, "")
    assert report_of(CallOutcome("t", None, silent, 1.0, "a", 0)).headline.endswith(": some-code")


def test_things_are_remembered_by_module_the_latest_first():
    sights = Sights()
    sights.learn("todo", {"tasks": [{"id": "1", "title": "One"}, {"id": "2", "text": " Two\n "}]})
    sights.learn("todo", {"task": {"id": "1", "title": "One, renamed"}})
    sights.learn("todo", {"ids": ["3"], "id": "4"})
    sights.learn("notes", [{"id": 5}, {"id": ""}, {"name": "no id"}])
    assert [(thing.id, thing.label) for thing in sights.of("todo")] == [
        ("4", "4"),
        ("1", "One, renamed"),
        ("2", "Two"),
    ]
    assert sights.of("notes") == sights.of("mood") == []


def test_no_answer_is_too_large_or_too_deep_to_look_at():
    deep = {"id": "top"}
    for _ in range(500):
        deep = {"inner": deep}
    sights = Sights()
    sights.learn("todo", deep)
    sights.learn("todo", [{"id": str(number)} for number in range(5000)])
    assert len(sights.of("todo")) == 50
