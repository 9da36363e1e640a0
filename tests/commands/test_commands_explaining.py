"""``explain``: which write won."""

import asyncio

import pytest

from mana_lab import Lab


@pytest.fixture
def task(lab_folder):
    """Return the id of a task of Anna's that was changed twice."""

    async def write():
        async with await Lab.open(lab_folder) as lab:
            anna = await lab.persona("anna")
            made = await anna.call("todo.create", title="Secret errand", priority="low")
            task_id = made.data["task"]["id"]
            assert (await anna.call("todo.update", id=task_id, priority="high")).ok
            assert (await anna.call("todo.complete", id=task_id)).ok
            return task_id

    return asyncio.run(write())


@pytest.mark.parametrize("reader", [("--as", "anna"), ()], ids=["anna", "whoever"])
def test_each_field_has_its_winner_and_its_losers(run, lab_folder, task, reader):
    done = run("explain", task, "--dir", lab_folder, *reader)
    assert done.exit_code == 0, done.stderr
    assert "todo/tasks in the space" in done.stdout
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines()]
    told = [row[1:-1] for row in rows if len(row) > 3]
    field, won, value, when, who, client, by = next(row for row in told if row[0] == "priority")
    assert (won, value, who, client, by) == ("won", '"high"', "Anna", "mana-lab-gateway", "update")
    assert when.startswith("2026-01-")
    lost = told[told.index([field, won, value, when, who, client, by]) + 1]
    assert lost[:3] == ["", "lost", '"low"']
    assert next(row for row in told if row[0] == "title")[2] == "encrypted (enc:2:)"
    assert "Secret errand" not in done.stdout


@pytest.mark.slow
def test_what_the_reader_may_not_read_is_not_there(run, lab_folder, task):
    done = run("explain", task, "--dir", lab_folder, "--as", "ben")
    assert done.exit_code == 1
    assert f"there is no record {task!r} that ben may read" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("record", ["nothing", "", "x" * 10_000, "a/../b", "\u202e"])
def test_a_record_that_is_nowhere_is_named(run, lab_folder, record):
    done = run("explain", record, "--dir", lab_folder)
    assert done.exit_code == 1
    assert "there is no record" in done.stderr
    assert len(done.stderr) < 500


def test_nobody_is_asked_who_is_not_in_the_catalog(run, lab_folder):
    done = run("explain", "x", "--dir", lab_folder, "--as", "nobody")
    assert done.exit_code == 1
    assert "nobody" in done.stderr


def test_there_has_to_be_a_lab_with_people_in_it(run, tmp_path):
    done = run("explain", "x", "--dir", tmp_path / "none")
    assert done.exit_code == 2
    assert "there is no lab" in done.stderr
