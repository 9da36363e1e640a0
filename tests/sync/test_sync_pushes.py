"""What is told of the pushes of a piece of work that was broken off."""

import asyncio

import pytest

from mana_lab.errors import NotAMemberError, ProtocolError, ServiceUnavailableError
from mana_lab.sync.pushes import one_push, watched_pushes


def push(error=None):
    with one_push():
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("errors", "fate"),
    [
        ([], "not-written"),
        ([None], "written"),
        ([NotAMemberError("no")], "not-written"),
        ([ServiceUnavailableError("gone")], "unacknowledged"),
        ([ProtocolError("odd")], "unacknowledged"),
        ([asyncio.CancelledError()], "unacknowledged"),
        ([None, asyncio.CancelledError()], "written"),
        ([NotAMemberError("no"), ServiceUnavailableError("gone")], "unacknowledged"),
    ],
)
def test_what_was_acknowledged_was_written_and_what_was_refused_was_not(errors, fate):
    with watched_pushes() as pushes:
        for error in errors:
            if error is None:
                push()
            else:
                with pytest.raises(type(error)):
                    push(error)
    assert pushes.fate == fate
    push()
    assert pushes.fate == fate


async def test_tasks_count_for_the_work_that_began_them_unless_they_are_watched_themselves():
    async def work():
        push()

    async def work_of_its_own():
        with watched_pushes() as own:
            push()
        return own.fate

    with watched_pushes() as pushes:
        assert await asyncio.create_task(work_of_its_own()) == "written"
        assert pushes.fate == "not-written"
        await asyncio.create_task(work())
    assert pushes.fate == "written"
