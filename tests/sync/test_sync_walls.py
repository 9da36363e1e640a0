"""Users' changes are kept apart twice: by the log's own conditions and by row-level security."""

from uuid import uuid4

import pytest
from sync_house import CLUB, FLAT, SERVICE_KEY, insertion
from walls_house import reached, take_down_row_security, unfiltered

from mana_lab.storage import RowScope
from mana_lab.sync.server import METADATA

on_postgres = pytest.mark.parametrize("home", ["postgres"], indirect=True)


async def leaks(house):
    """Return what dora and ben come to see or change of anna's changes through the service."""
    found = set()
    event = str(uuid4())
    answer = await house.push(
        insertion("secret", eventId=event), insertion("shared", spaceId=FLAT, eventId=str(uuid4()))
    )
    assert answer.status_code == 200, answer.text
    before = [row for row in house.rows() if row.user_id == "anna"]
    answer = await house.push(insertion("own", eventId=event), user="dora")
    if answer.status_code != 200 or "own" not in {row.record_id for row in house.rows()}:
        found.add("an event id is taken")
    if set(await house.pull_ids("dora")) - {"own"}:
        found.add("a pull")
    if set(await house.pull_ids("ben")) - {"shared"}:
        found.add("a pull of a member")
    if await house.pull_ids("ben", spaceId=CLUB):
        found.add("a pull of another space")
    headers = {"x-service-key": SERVICE_KEY}
    answer = await house.http.delete("/api/v1/internal/users/dora/changes", headers=headers)
    assert answer.status_code == 200
    if [row for row in house.rows() if row.user_id == "anna"] != before:
        found.add("a removal")
    return found


async def test_the_logs_own_conditions_are_enough(house):
    take_down_row_security(house.home, METADATA)
    assert await leaks(house) == set()


@on_postgres
async def test_row_level_security_is_enough(house):
    with unfiltered(house.store):
        assert await leaks(house) == set()


async def test_with_neither_everybody_sees_and_removes_everything(house):
    """The test of the tests above: each wall was down, and nothing else stood there."""
    take_down_row_security(house.home, METADATA)
    with unfiltered(house.store):
        assert await leaks(house) == {
            "a pull",
            "a pull of a member",
            "a pull of another space",
            "a removal",
        }


@on_postgres
async def test_statements_in_a_members_scope_read_the_spaces_and_write_their_own(house):
    for user in ("anna", "ben"):
        await house.push(insertion(user, spaceId=FLAT), user=user)
    for spaces, acts in ((set(), set()), ({CLUB}, set()), ({FLAT}, {"read sync_changes"})):
        scope = RowScope("ben", frozenset(spaces))
        assert await reached(house.store, METADATA, scope, "anna") == acts
