"""``play`` as a real process: over a pipe, in a terminal, and when somebody just leaves."""

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from mana_lab import Lab

PATIENCE_S = 120
CTRL_C = "\x03"
PLAY = [sys.executable, "-W", "error", "-m", "mana_lab", "play"]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX")


def piped(*arguments, answers=(), **options):
    """Play over a pipe that ends after *answers*."""
    return subprocess.run(
        [*PLAY, *map(str, arguments)],
        input="".join(f"{answer}\n" for answer in answers),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        **options,
    )


@contextmanager
def in_a_terminal(*arguments):
    """Play in a terminal; give the process and the end at which a person sits."""
    person, other_end = os.openpty()
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    # a shell that opens the terminal in a session of its own is who hears its Ctrl-C
    shell = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(other_end)]
    command = [*shell, *PLAY, *map(str, arguments)]
    with subprocess.Popen(command, env=environ, start_new_session=True) as process:
        sitting = Person(person, other_end)
        try:
            yield process, sitting
        finally:
            process.kill()
            sitting.close()


class Person:
    """Somebody who reads until they are asked, and then types."""

    def __init__(self, terminal, other_end):
        self._terminal = terminal
        self._other_end = other_end  # held until the command has it, so that it does not end before
        self.seen = ""

    def close(self):
        self._let_go()
        os.close(self._terminal)

    def _let_go(self):
        if self._other_end is not None:
            os.close(self._other_end)
            self._other_end = None

    def answers(self, prompt, entry, end="\n"):
        self.reads(f"{prompt}> ")
        os.write(self._terminal, f"{entry}{end}".encode())

    def reads(self, text=None):
        """Return what is shown until *text* is there, or until the end."""
        shown = b""
        try:
            while text is None or text not in _plain(shown):
                assert select.select([self._terminal], [], [], PATIENCE_S)[0], _plain(shown)
                part = os.read(self._terminal, 4096)
                self._let_go()
                if not part:
                    break
                shown += part
        except OSError:  # Linux says so when the other end is closed
            pass
        self.seen += _plain(shown)
        return _plain(shown)


def _plain(shown):
    """Return text without colors and line ends of terminals."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode("utf-8", "replace")).replace("\r\n", "\n")


def lived(folder, *queries):
    async def look():
        async with await Lab.open(folder) as lab:
            return [lab.sql(query).to_dict("records") for query in queries]

    return asyncio.run(look())


LAST_RUN = "run = (SELECT max(run) FROM runs)"
TICKS = f"SELECT persona, status, calls, errors, error FROM ticks WHERE {LAST_RUN}"
RATINGS = f"SELECT module, rating, notes, brain FROM persona_feedback WHERE {LAST_RUN}"
CALLS = f"SELECT tool_name, result FROM persona_actions WHERE {LAST_RUN} ORDER BY seq"


@pytest.mark.slow
def test_a_tick_is_played_over_a_pipe(lab_folder):
    answers = [
        "todo",
        "create",
        "",
        "Hand in the essay",
        "priority",
        "high",
        "",
        "list",
        "todo.list",
        "",
        "done",
        "",
        "4",
        "quick to type",
        "1",
    ]
    done = piped("anna", "--dir", lab_folder, answers=answers)
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "You are Anna (adhd-student).",
        "It is Tuesday, 2026-01-06 08:00 in Europe/Berlin.",
        "title is needed",
        "title> Hand in the essay",
        "todo.create worked",
        "Hand in the essay; priority high;",
        "the rating of todo is a number from 1 to 5, and there is none yet",
        "The tick is over: 2 calls; ratings: todo 4.",
        f"Play on:  python -m mana_lab play anna --dir {lab_folder}",
    ):
        assert said in done.stdout
    assert all(line == line.rstrip() for line in done.stdout.splitlines() if "> " not in line)
    ticks, ratings, calls = lived(lab_folder, TICKS, RATINGS, CALLS)
    assert [(tick["persona"], tick["status"], tick["calls"]) for tick in ticks] == [
        ("Anna", "done", 2)
    ]
    assert ratings == [{"module": "todo", "rating": 4, "notes": "quick to type", "brain": "human"}]
    assert [call["tool_name"] for call in calls] == ["todo.create", "todo.list"]


@pytest.mark.slow
def test_an_input_that_ends_early_is_giving_up_and_the_calls_are_kept(lab_folder):
    done = piped("anna", "--dir", lab_folder, answers=["todo.create", "Essay", "", "notes"])
    assert done.returncode == 1
    assert done.stderr == "the input ended before the tick did; what was called is kept\n"
    ticks, ratings, calls = lived(lab_folder, TICKS, RATINGS, CALLS)
    assert [(tick["status"], tick["error"]) for tick in ticks] == [
        ("abandoned", "the person left before they were done")
    ]
    assert (ratings, [call["result"] for call in calls]) == ([], ["ok"])


@pytest.mark.slow
def test_several_days_are_one_run_that_stops_when_the_person_leaves(lab_folder):
    done = piped(
        "anna", "--dir", lab_folder, "--days", 30, answers=["done", "todo.list", "", "done"]
    )
    assert done.returncode == 1
    assert done.stdout.count("You are Anna (") == 2
    [runs] = lived(lab_folder, "SELECT brain, status FROM runs ORDER BY run")
    assert runs[1:] == [{"brain": "human", "status": "stopped"}]
    again = piped("anna", "--dir", lab_folder, answers=["done"])
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("You are Anna (") == 1


def test_who_is_not_due_is_not_played(run, lab_folder):
    done = run("play", "anna", "--dir", lab_folder, "--days", 0.1)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Anna is not due before 2026-01-06 07:00 UTC.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody"], "the catalog has no persona 'nobody'; it has anna, "),
        (["anna", "--days", "0"], "must be above 0 and at most 3660, got 0"),
        (["anna", "--days", "nan"], "must be above 0 and at most 3660, got nan"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_sentence(run, lived_in, arguments, said):
    done = run("play", *arguments, "--dir", lived_in)
    assert done.exit_code != 0
    assert said in done.stderr


def test_a_folder_without_a_lab_or_without_the_persona_says_what_to_do(run, tmp_path):
    done = run("play", "anna", "--dir", tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"python -m mana_lab seed --dir {tmp_path}" in done.stderr

    async def empty():
        async with await Lab.open(tmp_path / "lab"):
            pass

    asyncio.run(empty())
    done = run("play", "anna", "--dir", tmp_path / "lab")
    assert done.exit_code == 1
    assert "Anna is not seeded in" in done.stderr


@posix_only
@pytest.mark.slow
def test_a_tick_is_played_in_a_terminal(lab_folder):
    with in_a_terminal("ben", "--dir", lab_folder) as (process, person):
        person.answers("module", "todo.create")
        person.answers("title", "Grüße ☕\b\b")
        person.answers("todo.create", "")
        person.answers("module", "give up I hate lists")
        person.answers("rating of todo, 1 to 5", "2")
        person.answers("why, in your words (Enter for nothing)", "")
        person.answers("the calls it rests on, by number (Enter for none, all)", "all")
        person.reads()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert "todo.create worked" in person.seen
    assert "Traceback" not in person.seen
    assert person.seen.count("todo.create\n") >= 1
    ticks, ratings = lived(lab_folder, TICKS, RATINGS)
    assert [(tick["status"], tick["error"]) for tick in ticks] == [("abandoned", "I hate lists")]
    assert ratings == [{"module": "todo", "rating": 2, "notes": "", "brain": "human"}]


@posix_only
@pytest.mark.slow
def test_ctrl_c_ends_the_tick_and_keeps_the_calls(lab_folder):
    with in_a_terminal("anna", "--dir", lab_folder) as (process, person):
        person.answers("module", "todo.create")
        person.answers("title", "Essay")
        person.answers("todo.create", "")
        person.answers("module", CTRL_C, end="")
        person.reads()
        assert process.wait(timeout=PATIENCE_S) == 130
    assert "The tick is over: 1 call; ratings: none." in person.seen
    assert "Traceback" not in person.seen
    ticks, calls = lived(lab_folder, TICKS, CALLS)
    assert [(tick["status"], tick["calls"]) for tick in ticks] == [("abandoned", 1)]
    assert len(calls) == 1


@posix_only
@pytest.mark.slow
def test_a_reader_that_went_away_ends_the_tick_quietly(lab_folder):
    command = [*PLAY, "anna", "--dir", str(lab_folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        process.stdin.write("todo.list\n\ndone\n")
        process.stdin.flush()
        assert process.wait(timeout=PATIENCE_S) == 1
        assert "Traceback" not in process.stderr.read()


@posix_only
@pytest.mark.slow
def test_a_second_ctrl_c_ends_the_command_at_once(lab_folder):
    with in_a_terminal("anna", "--dir", lab_folder) as (process, person):
        person.reads("module> ")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        person.reads()
        assert process.wait(timeout=PATIENCE_S) == 130
    assert "Traceback" not in person.seen
