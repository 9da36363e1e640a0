import asyncio
from datetime import timedelta

import httpx
import pytest
from sync_house import BASE, FLAT, insertion, task

from mana_lab.errors import (
    FutureStampError,
    NotAMemberError,
    ProtocolError,
    ServiceUnavailableError,
)
from mana_lab.sync import Change, Replica, SyncClient
from mana_lab.sync.stamps import parse_stamp


def titles(replica):
    return [record.fields.get("title") for record in replica.current()]


def view(replica):
    return [(record.id, record.fields, record.stamps) for record in replica.current()]


async def add(house, replica, record_id, user="anna", **fields):
    stamp = replica.stamp(house.clock.now())
    await replica.push(house.token(user), [task(record_id, stamp, **fields)])


async def edit(house, replica, record_id, user="anna", **values):
    stamp = replica.stamp(house.clock.now())
    await replica.push(house.token(user), [Change.to_update("tasks", record_id, values, stamp)])


async def remove(house, replica, record_id, user="anna"):
    stamp = replica.stamp(house.clock.now())
    await replica.push(house.token(user), [Change.to_delete("tasks", record_id, stamp)])


async def test_a_replica_reads_what_the_service_sends(house):
    """The original failed here: its client read ``changes`` where ``serverChanges`` was sent."""
    await house.push(insertion(spaceId=FLAT))
    replica = house.replica()
    await replica.refresh(house.token())
    assert titles(replica) == ["Milk"]


async def test_a_replica_has_its_own_writes(house):
    """The original failed here: rows of the caller's own client id are left out."""
    replica = house.replica(client_id="mana-mcp")
    await add(house, replica, "1", title="Milk")
    assert titles(replica) == ["Milk"]
    await replica.refresh(house.token())
    assert titles(replica) == ["Milk"]


async def test_updates_and_deletes_are_folded(house):
    """The original failed here: every insert is taken for the current state."""
    replica = house.replica()
    for number in range(3):
        await add(house, replica, str(number), title=f"task {number}", done=False)
    await edit(house, replica, "1", done=True)
    await remove(house, replica, "0")
    assert [(r.id, r.fields["done"]) for r in replica.current()] == [("1", True), ("2", False)]
    assert replica.get("0").deleted
    assert len(replica) == 2


async def test_more_than_a_page_of_changes_of_one_instant_is_read(house):
    """The original failed here: only the first thousand events are read, and no cursor is kept."""
    stamp = house.now()
    replica = house.replica()
    for start in range(0, 2500, 500):
        batch = [task(str(n), stamp, title=n) for n in range(start, start + 500)]
        await replica.push(house.token(), batch)
    assert titles(replica) == list(range(2500))
    fresh = house.replica()
    await fresh.refresh(house.token())
    assert view(fresh) == view(replica)


async def test_a_log_that_ends_with_a_page_is_read_to_its_end(house):
    stamp = house.now()
    await house.replica().push(house.token(), [task(str(n), stamp) for n in range(1000)])
    replica = house.replica()
    await replica.refresh(house.token())
    assert len(replica) == 1000


async def test_records_of_other_spaces_are_not_seen(house):
    """The original failed here: the rows of all the user's spaces are listed together."""
    await house.push(insertion("mine"), insertion("ours", spaceId=FLAT))
    replica = house.replica()
    await replica.refresh(house.token())
    assert [record.id for record in replica.current()] == ["ours"]


async def test_a_push_goes_to_the_replicas_space_and_collection(house):
    """The record says itself which space it is in, and so does its envelope."""
    replica = house.replica()
    stray = Change.to_insert("labels", "1", {"createdAt": house.now()})
    await replica.push(house.token(), [stray.model_copy(update={"space_id": "elsewhere"})])
    assert [record.id for record in replica.current()] == ["1"]
    assert await house.pull_ids("ben", spaceId=FLAT) == ["1"]


async def test_another_members_writes_are_seen(house):
    annas, bens = house.replica(), house.replica()
    await add(house, annas, "1", title="Milk")
    await bens.refresh(house.token("ben"))
    await edit(house, bens, "1", user="ben", title="Oat milk")
    await add(house, bens, "2", user="ben", title="Bread")
    assert titles(annas) == ["Milk"]
    await annas.refresh(house.token())
    assert titles(annas) == ["Oat milk", "Bread"] == titles(bens)


async def test_a_new_device_sees_the_same_as_one_that_was_always_there(house):
    """A restart keeps all, also under the client id of the old device."""
    old = house.replica()
    for number in range(4):
        await add(house, old, str(number), title=number)
    await edit(house, old, "1", title="edited")
    await remove(house, old, "2")
    for client_id in ("lab", "new"):
        new = house.replica(client_id=client_id)
        await new.refresh(house.token())
        assert view(new) == view(old)


async def test_records_stay_in_the_order_of_their_inserts(house):
    replica = house.replica()
    for name in ("c", "a", "b"):
        await add(house, replica, name, title=name)
    await edit(house, replica, "c", title="edited")
    assert titles(replica) == ["edited", "a", "b"]
    await remove(house, replica, "a")
    await edit(house, replica, "a", deletedAt=None)
    assert titles(replica) == ["edited", "a", "b"]


async def test_a_fragment_is_known_but_not_shown(house):
    replica = house.replica()
    await edit(house, replica, "1", title="to be")
    assert replica.current() == []
    assert replica.get("1").fields["title"] == "to be"
    await replica.push(house.token(), [task("1", "2026-01-04T00:00:00Z", title="was")])
    assert titles(replica) == ["to be"]


async def test_what_is_not_known_is_none(house):
    assert house.replica().get("1") is None


async def test_a_stamp_is_later_than_the_last_when_the_clock_stands_still(house):
    replica = house.replica()
    stamps = [replica.stamp(house.clock.now()) for _ in range(5)]
    assert stamps == [f"2026-01-05T00:00:00.00{n}Z" for n in range(5)]


async def test_a_stamp_is_later_than_the_last_when_the_clock_goes_back(house):
    replica = house.replica()
    first = replica.stamp(house.clock.now())
    second = replica.stamp(house.clock.now() - timedelta(hours=1))
    assert parse_stamp(second) > parse_stamp(first)


async def test_a_stamp_is_later_than_what_others_wrote_by_a_faster_clock(house):
    """Property: an edit made after seeing a value wins over it."""
    fast = "2026-01-05T00:03:00.250500Z"
    await house.replica().push(house.token("ben"), [task("1", fast, title="bens")])
    replica = house.replica(client_id="a")
    await replica.refresh(house.token())
    assert replica.stamp(house.clock.now()) == "2026-01-05T00:03:00.251Z"
    await edit(house, replica, "1", title="annas")
    assert titles(replica) == ["annas"]


async def test_stamps_go_on_after_a_restart(house):
    """Property: a new replica has read the stamps of the old one."""
    old = house.replica()
    for number in range(5):
        await edit(house, old, "1", title=number)
    new = house.replica()
    await new.refresh(house.token())
    assert parse_stamp(new.stamp(house.clock.now())) > parse_stamp("2026-01-05T00:00:00.004Z")


async def test_a_stamp_follows_the_clock_once_it_is_ahead_again(house):
    replica = house.replica()
    for _ in range(5):
        replica.stamp(house.clock.now())
    house.clock.advance(60)
    assert replica.stamp(house.clock.now()) == "2026-01-05T00:01:00.000Z"


async def test_a_refused_push_leaves_the_replica_as_it_was(house):
    replica = house.replica()
    await add(house, replica, "1", title="Milk")
    before = view(replica)
    with pytest.raises(FutureStampError):
        await replica.push(
            house.token(), [task("2", house.now()), task("3", "2026-01-05T01:00:00Z")]
        )
    await replica.refresh(house.token())
    assert view(replica) == before


async def test_pushing_nothing_reads_what_is_new(house):
    replica = house.replica()
    await house.push(insertion(spaceId=FLAT))
    await replica.push(house.token(), [])
    assert len(replica) == 1


async def test_a_user_who_left_the_space_gets_nothing_new(house):
    replica = house.replica()
    await replica.refresh(house.token("ben"))
    house.members.spaces["ben"].remove(FLAT)
    await house.push(insertion(spaceId=FLAT))
    with pytest.raises(NotAMemberError):
        await replica.refresh(house.token("ben"))
    assert len(replica) == 0


async def test_many_who_write_and_refresh_at_once_end_with_the_same(house):
    replicas = [house.replica(client_id=f"client-{n}") for n in range(4)]
    users = ["anna", "ben"] * 2

    async def work(number):
        replica, user = replicas[number], users[number]
        for step in range(6):
            await add(house, replica, f"{number}/{step}", user, title=step)
            await asyncio.gather(
                edit(house, replica, f"{(number + 1) % 4}/{step}", user, title=f"by {number}"),
                replica.refresh(house.token(user)),
            )
            if step % 3 == 2:
                await remove(house, replica, f"{number}/{step - 1}", user)

    await asyncio.gather(*(work(number) for number in range(4)))
    for replica, user in zip(replicas, users, strict=True):
        await replica.refresh(house.token(user))
    assert all(view(replica) == view(replicas[0]) for replica in replicas)
    assert len(replicas[0]) == 4 * 6 - 4 * 2


async def test_concurrent_refreshes_pull_every_change_once(house):
    pulled = []

    class Watched(SyncClient):
        async def pull(self, *place):
            page = await super().pull(*place)
            pulled.extend(change.id for change in page.changes)
            return page

    ids = [str(number) for number in range(20)]
    await house.push(*(insertion(name, spaceId=FLAT) for name in ids))
    replica = Replica(Watched(BASE, house.http, "lab"), "todo", "tasks", FLAT)
    await asyncio.gather(*(replica.refresh(house.token()) for _ in range(10)))
    assert [record.id for record in replica.current()] == ids == pulled


class Counting(SyncClient):
    """Counts what it asks for."""

    def __init__(self, *args):
        super().__init__(*args)
        self.pulls = 0

    async def pull(self, *place):
        self.pulls += 1
        return await super().pull(*place)


async def test_the_answer_to_a_push_tells_what_a_pull_would(house):
    client = Counting(BASE, house.http, "lab")
    replica = Replica(client, "todo", "tasks", FLAT)
    await replica.refresh(house.token())
    await house.push(
        insertion("other", spaceId=FLAT), insertion("label", table="labels", spaceId=FLAT)
    )
    before = client.pulls
    await add(house, replica, "1", title="Bread")
    await edit(house, replica, "1", title="Rye bread")
    await remove(house, replica, "other")
    assert client.pulls == before
    assert titles(replica) == ["Rye bread"]
    assert replica.get("label") is None
    whole = house.replica()
    await whole.refresh(house.token())
    assert view(replica) == view(whole)


async def test_a_pull_brings_what_did_not_fit_into_the_answer_to_a_push(house):
    client = Counting(BASE, house.http, "lab")
    replica = Replica(client, "todo", "tasks", FLAT)
    await replica.refresh(house.token())
    for table, count in (("labels", 700), ("tasks", 700)):
        await house.push(*(insertion(str(n), table=table, spaceId=FLAT) for n in range(count)))
    before = client.pulls
    await add(house, replica, "mine", title="Bread")
    assert client.pulls == before + 1
    assert len(replica) == 701


async def test_own_writes_are_pulled_where_the_answer_to_a_push_leaves_them_out():
    """As the original does; it would be none the wiser for going on behind them."""
    asked = []

    def handle(request):
        asked.append((request.method, request.url.params.get("since")))
        own = {"table": "tasks", "id": "1", "op": "insert", "spaceId": FLAT, "clientId": "lab"}
        data = {"id": "1", "title": "Milk"}
        found = [own | {"data": data}] if len(asked) == 3 else []
        told = {"serverChanges": found, "syncedUntil": f"2026-01-05T08:00:00.{len(asked)}Z"}
        return httpx.Response(200, json={"conflicts": []} | told)

    client = SyncClient(BASE, httpx.AsyncClient(transport=httpx.MockTransport(handle)), "lab")
    replica = Replica(client, "todo", "tasks", FLAT)
    await replica.refresh("token")
    await replica.push("token", [task("1", "2026-01-05T08:00:00.000Z", title="Milk")])
    assert titles(replica) == ["Milk"]
    assert [method for method, _ in asked] == ["GET", "POST", "GET"]
    assert asked[2][1] == "2026-01-05T08:00:00.1Z"


async def test_an_answer_that_was_lost_can_be_asked_for_again(house):
    """A push whose answer is lost is stored; sent again, it is stored once."""
    lost = []

    class Lossy(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            answer = await house.http._transport.handle_async_request(request)
            if request.method == "POST" and not lost:
                lost.append(request)
                raise httpx.ReadError("connection reset", request=request)
            return answer

    event = "6f1c7a0e-3f52-4a1f-9a58-0c1a52c4a001"
    change = task("1", house.now(), event_id=event, title="Milk")
    async with httpx.AsyncClient(transport=Lossy(), base_url=BASE) as http:
        replica = Replica(SyncClient(BASE, http, "lab"), "todo", "tasks", FLAT)
        with pytest.raises(ServiceUnavailableError):
            await replica.push(house.token(), [change])
        await replica.push(house.token(), [change])
    assert titles(replica) == ["Milk"]
    assert await house.pull_ids() == ["1"]


def original(pages):
    """Return a client of an original service that answers with *pages*, one after the other."""
    answers = iter(pages)

    def handle(_request):
        return httpx.Response(200, json={"conflicts": []} | next(answers))

    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return SyncClient(BASE, http, "lab")


async def test_the_log_of_an_original_service_is_folded_in_the_order_it_comes():
    """It numbers nothing, filters no space, and keeps deletes without a time."""

    def change(record_id, op="insert", space=FLAT, **other):
        return {"table": "tasks", "id": record_id, "op": op, "spaceId": space} | other

    pages = [
        {
            "serverChanges": [change("b", data={"n": 1}), change("a", data={"n": 2})],
            "syncedUntil": "2026-01-05T08:00:00.1Z",
            "hasMore": True,
        },
        {
            "serverChanges": [
                change("x", space="org-other", data={}),
                change("c", data={"n": 3}),
                change("a", "delete"),
            ],
            "syncedUntil": "2026-01-05T08:00:00.2Z",
        },
    ]
    replica = Replica(original(pages), "todo", "tasks", FLAT)
    await replica.refresh("token")
    assert [record.id for record in replica.current()] == ["b", "c"]
    assert replica.get("x") is None


async def test_a_service_that_never_comes_to_an_end_is_given_up():
    page = {"serverChanges": [], "syncedUntil": "here", "hasMore": True}
    replica = Replica(original([page, page]), "todo", "tasks", FLAT)
    with pytest.raises(ProtocolError, match="does not move on"):
        await replica.refresh("token")


async def test_a_replica_shows_what_it_is_of(house):
    replica = house.replica()
    await add(house, replica, "1")
    assert repr(replica) == "<Replica of todo/tasks: 1 records>"


async def highest(house, replica):
    """Return the highest order, which another replica that looks at all records agrees on."""
    other = house.replica()
    await other.refresh(house.token())
    found = replica.highest("order")
    assert other.highest("order") == found
    return found


async def test_the_highest_number_of_a_field_follows_every_write(house):
    replica = house.replica()
    assert replica.highest("order") is None
    await add(house, replica, "1", order=3)
    assert await highest(house, replica) == 3
    await add(house, replica, "2", order=7.5)
    await add(house, replica, "3", order=7.5)
    assert await highest(house, replica) == 7.5
    await edit(house, replica, "2", order=1)
    assert await highest(house, replica) == 7.5
    await remove(house, replica, "3")
    assert await highest(house, replica) == 3
    await edit(house, replica, "1", order=-4)
    assert await highest(house, replica) == 1
    await edit(house, replica, "3", deletedAt=None)
    assert await highest(house, replica) == 7.5


@pytest.mark.parametrize("odd", [None, "9", [9], 2**53, -(2.0**60), 1e308])
async def test_what_is_no_safe_number_is_no_height(house, odd):
    replica = house.replica()
    await add(house, replica, "1", order=odd)
    assert await highest(house, replica) is None
    await edit(house, replica, "1", order=2)
    assert await highest(house, replica) == 2


async def test_records_can_be_gone_through_while_some_go(house):
    replica = house.replica()
    for n in range(3):
        await add(house, replica, str(n))
    seen = replica.oldest()
    first = next(seen)
    await remove(house, replica, first.id)
    assert [record.id for record in seen] == ["1", "2"]
    assert [record.id for record in replica.newest()] == ["2", "1"]
