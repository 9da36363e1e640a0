"""Lines that somebody types or pipes in, awaited while the loop goes on."""

import asyncio
import os
import signal
import sys
from contextlib import suppress

import pytest

from mana_lab.commands.keyboard import Keyboard

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def pipe():
    """Return a keyboard on a pipe, and the end that types."""
    reader, writer = os.pipe()
    yield Keyboard(reader), writer
    for end in (writer, reader):
        with suppress(OSError):
            os.close(end)


def close(writer, *parts):
    for part in parts:
        os.write(writer, part)
    os.close(writer)


async def rest(keyboard):
    lines = []
    with suppress(EOFError):
        while True:
            lines.append(await keyboard.line())
    return lines


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\nt", b"wo"], ["one", "two"]),
        ([b"one\r\n\n \n"], ["one", "", " "]),
        (["grüße ☕\n".encode()], ["grüße ☕"]),
        ([b"\xff\xfe\n"], ["\N{REPLACEMENT CHARACTER}" * 2]),
        ([b"\0\x1b[A\n"], ["\0\x1b[A"]),
        ([], []),
    ],
)
async def test_lines_come_as_they_were_typed_until_the_end(pipe, parts, lines):
    keyboard, writer = pipe
    close(writer, *parts)
    assert await rest(keyboard) == lines
    assert keyboard.has_left
    assert not keyboard.interrupted
    with pytest.raises(EOFError):
        await keyboard.line()


async def test_the_loop_goes_on_while_nobody_types(pipe):
    keyboard, writer = pipe
    waiting = asyncio.create_task(keyboard.line())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    os.write(writer, b"at last\n")
    assert await waiting == "at last"


async def test_a_line_that_nobody_waits_for_any_more_goes_to_the_next_who_asks(pipe):
    keyboard, writer = pipe
    waiting = asyncio.create_task(keyboard.line())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    close(writer, b"kept\n")
    assert await rest(keyboard) == ["kept"]


async def test_who_leaves_is_waited_for_no_longer_whatever_was_typed(pipe):
    keyboard, writer = pipe
    os.write(writer, b"one\ntwo\n")
    assert await keyboard.line() == "one"
    keyboard.leave()
    with pytest.raises(EOFError):
        await keyboard.line()
    assert keyboard.has_left


async def test_who_waits_is_called_away_by_leaving(pipe):
    keyboard, _ = pipe
    waiting = asyncio.create_task(keyboard.line())
    await asyncio.sleep(0)
    keyboard.leave()
    with pytest.raises(EOFError):
        await waiting


async def test_a_line_without_an_end_does_not_fill_the_memory():
    keyboard = Keyboard(os.open("/dev/zero", os.O_RDONLY))
    assert 8_000_000 < len(await keyboard.line()) < 9_000_000


async def test_a_closed_terminal_is_an_end(pipe):
    keyboard, writer = pipe
    os.close(writer)
    os.close(keyboard._descriptor)
    assert await rest(keyboard) == []


@posix_only
async def test_the_first_ctrl_c_leaves_and_the_second_one_is_as_usual(pipe):
    keyboard, _ = pipe
    before = signal.getsignal(signal.SIGINT)
    with keyboard.leaving_on_ctrl_c():
        waiting = asyncio.create_task(keyboard.line())
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(EOFError):
            await waiting
        assert keyboard.interrupted
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@posix_only
async def test_without_ctrl_c_nothing_is_changed(pipe):
    keyboard, _ = pipe
    with keyboard.leaving_on_ctrl_c():
        assert not keyboard.interrupted
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_terminal_shows_what_is_typed_and_a_pipe_does_not(pipe):
    keyboard, _ = pipe
    master, slave = os.openpty()
    assert (Keyboard(slave).shows_typing, keyboard.shows_typing) == (True, False)
    os.close(master)
    os.close(slave)
