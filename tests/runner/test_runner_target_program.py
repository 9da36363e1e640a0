"""Personas use a server that is a program, started for each of them."""

import asyncio
import os
import re

import pytest
from target_house import PROGRAM, door_to, program, recorder, tick

from mana_lab.clock import SystemClock
from mana_lab.errors import ServiceUnavailableError, SettingsError
from mana_lab.runner.target import ModuleTable, ProgramServer, ServerLimits, TargetDoor

SHORT = ServerLimits(start_s=20, call_s=1, answer_bytes=100_000)


def runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_program_is_used_and_audited_like_any_server(tmp_path, anna):
    async with door_to(program(tmp_path), anna) as door:
        view = "<Target: a/notebook 7, MCP 2025-11-25, 4 tools in notebook, notes>"
        assert repr(door.view) == view
        kept = recorder("tick", door)
        async with door.open(anna, kept) as app:
            assert (await app.call("notes_add", {"text": "milk"})).data == {"id": "note-1"}
            assert (await app.call("notes_list")).data == {"notes": ["milk"]}
            unknown = await app.call("notes_eat")
    assert unknown.error.code == "unknown-tool"
    assert [action.module for action in kept.actions] == ["notes"] * 3


async def test_each_persona_has_a_program_that_remembers_them(tmp_path, anna, maya):
    async def notes_of(persona, *texts):
        async with door.open(persona, recorder()) as app:
            for text in texts:
                await app.call("notes_add", {"text": text})
            return (await app.call("notes_list")).data["notes"]

    async with door_to(program(tmp_path), anna) as door:
        assert await notes_of(anna, "milk") == ["milk"]
        assert await notes_of(maya, "tea") == ["tea"]
        assert await notes_of(anna, "bread") == ["milk", "bread"]


async def test_beyond_the_limit_the_program_that_was_idle_for_longest_ends(tmp_path, anna, maya):
    limits = ServerLimits(kept=1)

    async def pid_of(persona):
        async with door.open(persona, recorder()) as app:
            return (await app.call("ask")).data["pid"]

    async with door_to(program(tmp_path, limits=limits), anna) as door:
        first, other = await pid_of(anna), await pid_of(maya)
        assert not runs(first)
        assert runs(other)
        assert await pid_of(maya) == other
        assert await pid_of(anna) not in (first, other)
    assert not runs(other)


async def test_a_program_is_told_who_it_is_for(tmp_path, anna, monkeypatch):
    monkeypatch.setenv("OF_THE_TESTS", "not handed on")
    server = program(
        tmp_path, "well", "{persona}", "{folder}/x", "{other}", env={"HOME_OF": "{folder}"}
    )
    async with door_to(server, anna) as door, door.open(anna, recorder()) as app:
        said = (await app.call("ask")).data
    folder = tmp_path / "persona.anna"
    assert said["texts"] == ["anna", f"{folder}/x", "{other}"]
    assert said["env"]["HOME_OF"] == str(folder)
    assert "OF_THE_TESTS" not in said["env"]
    assert folder.is_dir()


async def test_a_program_that_dies_in_the_middle_fails_the_calls_and_the_tick(tmp_path, anna):
    outcomes, kept = [], recorder()
    async with door_to(program(tmp_path, "dies"), anna) as door:
        with pytest.raises(ServiceUnavailableError, match="exit code 3"):
            await tick(door, anna, "notes_list", "ask", "notes_list", outcomes=outcomes, kept=kept)
        [again] = await tick(door, anna, "notes_list")
    assert again.ok
    assert outcomes[0].ok
    for outcome in outcomes[1:]:
        assert (outcome.error.kind, outcome.error.code) == ("infrastructure", "service-unavailable")
        assert "exit code 3" in outcome.error.message
        assert "said last: [31mout of paper [0m" in outcome.error.message
    assert [action.result for action in kept.actions] == ["ok", "error", "error"]


@pytest.mark.slow
async def test_a_program_that_hangs_fails_the_call_and_the_tick(tmp_path, anna):
    """It answers nothing any more, and is ended all the same."""
    limits, outcomes = ServerLimits(start_s=1, call_s=0.5), []
    async with door_to(program(tmp_path, "hangs", limits=limits), anna) as door:
        app = await door.enter(anna, recorder())
        await door.leave(anna, app)
        with pytest.raises(ServiceUnavailableError, match="gone before the tick ended"):
            await tick(door, anna, "ask", outcomes=outcomes)
    assert "timed out" in outcomes[0].error.message
    assert not runs(app.line.pipes.pid)


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("long", "invalid-output", "more than 100000 bytes"),
        ("broken", "protocol-error", "not one of MCP"),
        ("deep", "protocol-error", "not one of MCP"),
        ("wrong", "protocol-error", "not one of MCP"),
    ],
)
async def test_an_answer_of_no_use_fails_the_call_and_nothing_else(
    tmp_path, anna, how, code, words
):
    async with door_to(program(tmp_path, how, limits=SHORT), anna) as door:
        outcome, after = await tick(door, anna, "ask", "notes_list")
    assert (outcome.error.code, outcome.error.kind) == (code, "infrastructure")
    assert words in outcome.error.message
    assert after.ok


@pytest.mark.parametrize("how", ["talks", "shouts"])
async def test_what_a_program_says_besides_is_let_pass(tmp_path, anna, how):
    async with door_to(program(tmp_path, how), anna) as door, door.open(anna, recorder()) as app:
        assert (await app.call("notes_list")).ok
        assert len(app.line.pipes.story()) < 1_000


async def test_a_program_that_does_not_end_by_itself_is_ended(tmp_path, anna):
    async with door_to(program(tmp_path, "stays"), anna) as door:
        async with door.open(anna, recorder()) as app:
            pid = (await app.call("ask")).data["pid"]
        assert runs(pid)
    assert not runs(pid)


async def test_giving_up_while_a_program_starts_ends_it(tmp_path, anna):
    tasks = asyncio.all_tasks()
    server = program(tmp_path, "mute")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await TargetDoor.look(server, anna, ModuleTable(), SystemClock())
    assert asyncio.all_tasks() == tasks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("fails", "ended with exit code 1; .*said last: no configuration found"),
        (
            "mute",
            "not ready within 1 s; .* still running; .*no message: ready, waiting for clients",
        ),
    ],
)
async def test_a_program_that_does_not_start_says_why(tmp_path, anna, how, words):
    limits = ServerLimits(start_s=1) if how == "mute" else ServerLimits()
    with pytest.raises(ServiceUnavailableError) as refused:
        async with door_to(program(tmp_path, how, limits=limits), anna):
            pass
    assert re.search(words, refused.value.message), refused.value.message


async def test_a_program_that_is_not_there_cannot_be_started(tmp_path, anna):
    for first, reason in ((str(tmp_path / "gone"), "No such file"), (str(PROGRAM), "denied")):
        server = ProgramServer([first], folder=tmp_path)
        with pytest.raises(ServiceUnavailableError, match=f"cannot be started: .*{reason}"):
            async with door_to(server, anna):
                pass


@pytest.mark.parametrize(
    ("given", "env", "words"),
    [
        ("npx server", None, "need a list"),
        ([], None, "is empty"),
        ([""], None, "is empty"),
        (["a", 7], None, "need a list"),
        (["a\0b"], None, "NUL"),
        (["a"], {"A=B": "c"}, "not the name of a variable"),
        (["a"], {"": "c"}, "not the name of a variable"),
        (["a"], {"A": 7}, "value of A"),
        (["a"], {"A": "\0"}, "value of A"),
    ],
)
def test_what_cannot_be_started_is_refused(tmp_path, given, env, words):
    with pytest.raises(SettingsError, match=words):
        ProgramServer(given, env, folder=tmp_path)


def test_the_program_is_called_by_its_name(tmp_path):
    assert ProgramServer(["/usr/bin/my-server.js", "x"], folder=tmp_path).label == "my-server"
