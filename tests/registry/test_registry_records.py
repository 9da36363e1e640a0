import asyncio
import uuid

import pytest
from registry_tools import SECRETS

from mana_lab.clock import iso_millis
from mana_lab.crypto import generate_master_key, is_encrypted, wrap_value
from mana_lab.errors import (
    ConflictError,
    DecryptionError,
    InfrastructureError,
    NotFoundError,
    VaultNotInitialisedError,
)
from mana_lab.sync.wire import Change, FieldChange


async def texts(caller, **options):
    found = await caller.call("secrets.list", **options)
    return [secret["text"] for secret in found["secrets"]]


async def test_a_record_carries_its_id_its_space_and_its_times_in_the_data(anna, house):
    made = await anna.call("secrets.keep", text="hush", place=3)
    [change] = await anna.log("diary", "secrets")
    now = iso_millis(house.clock.now())
    assert change.op == "insert"
    assert change.space_id == anna.space.id
    assert change.data | {"text": "hush"} == {
        "id": made["id"],
        "text": "hush",
        "place": 3,
        "order": 0,
        "spaceId": anna.space.id,
        "createdAt": now,
        "updatedAt": now,
    }


async def test_encrypted_fields_leave_as_ciphertext_and_come_back_as_plaintext(anna):
    made = await anna.call("secrets.keep", text="hush")
    await anna.call("secrets.change", id=made["id"], text="hush hush")
    inserted, updated = await anna.log("diary", "secrets")
    assert is_encrypted(inserted.data["text"])
    assert is_encrypted(updated.fields["text"].value)
    assert await texts(anna) == ["hush hush"]


async def test_null_is_not_encrypted(anna):
    await anna.call("secrets.keep", text=None)
    [change] = await anna.log("diary", "secrets")
    assert change.data["text"] is None
    assert await texts(anna) == [None]


async def test_text_that_looks_like_ciphertext_comes_back_as_it_was(anna):
    await anna.call("secrets.keep", text="enc:1:not really")
    assert await texts(anna) == ["enc:1:not really"]


async def test_an_update_touches_only_what_it_names(anna, house):
    made = await anna.call("secrets.keep", text="hush", place=1)
    house.clock.advance(60)
    await anna.call("secrets.change", id=made["id"], place=2)
    [_, update] = await anna.log("diary", "secrets")
    now = iso_millis(house.clock.now())
    assert update.op == "update"
    assert update.space_id == anna.space.id
    assert update.fields == {
        "place": FieldChange(value=2, updatedAt=now),
        "updatedAt": FieldChange(value=now, updatedAt=now),
    }
    got = await anna.call("secrets.get", id=made["id"])
    assert got == {**made, "place": 2, "updatedAt": now}


async def test_writing_what_is_there_already_writes_nothing(anna, house):
    made = await anna.call("secrets.keep", text="hush", place=1)
    house.clock.advance(60)
    await anna.call("secrets.change", id=made["id"], place=1, text="hush")
    await anna.call("secrets.change", id=made["id"])
    assert len(await anna.log("diary", "secrets")) == 1


async def test_every_write_wins_over_the_one_before_while_time_stands_still(anna):
    made = await anna.call("secrets.keep", place=1)
    for place in (2, 1, 3):
        await anna.call("secrets.change", id=made["id"], place=place)
    assert (await anna.call("secrets.get", id=made["id"]))["place"] == 3


async def test_updating_an_unknown_record_is_refused_and_leaves_no_orphan(anna):
    unknown = str(uuid.UUID(int=1))
    with pytest.raises(NotFoundError, match=f"no record {unknown} in secrets of this space"):
        await anna.call("secrets.change", id=unknown, place=1)
    assert await anna.log("diary", "secrets") == []


async def test_a_deleted_record_can_be_neither_read_nor_updated(anna, house):
    made = await anna.call("secrets.keep", text="hush")
    house.clock.advance(60)
    deleted = Change.to_delete("secrets", made["id"], iso_millis(house.clock.now()))
    await anna.push("diary", deleted.model_copy(update={"space_id": anna.space.id}))
    with pytest.raises(NotFoundError):
        await anna.call("secrets.get", id=made["id"])
    with pytest.raises(NotFoundError):
        await anna.call("secrets.change", id=made["id"], place=1)
    assert await texts(anna) == []
    assert len(await anna.log("diary", "secrets")) == 2


async def test_what_another_device_writes_is_seen_at_once(anna, house):
    made = await anna.call("secrets.keep", place=1)
    house.clock.advance(60)
    update = Change.to_update("secrets", made["id"], {"place": 7}, iso_millis(house.clock.now()))
    await anna.push("diary", update.model_copy(update={"space_id": anna.space.id}))
    assert (await anna.call("secrets.get", id=made["id"]))["place"] == 7


async def test_concurrent_creates_get_different_orders(anna):
    made = await asyncio.gather(*(anna.call("secrets.keep", place=n) for n in range(8)))
    assert sorted(secret["order"] for secret in made) == list(range(8))


async def test_members_who_write_at_once_get_different_orders(anna, house):
    ben = await house.user("ben")
    flat = await house.share("Flat", anna, ben)
    callers = [anna, ben] * 4
    made = await asyncio.gather(
        *(caller.call("secrets.keep", space=flat, place=n) for n, caller in enumerate(callers))
    )
    assert sorted(secret["order"] for secret in made) == list(range(8))


async def test_the_order_of_a_deleted_record_is_not_given_to_two(anna, house):
    first, second, third = [await anna.call("secrets.keep", place=n) for n in range(3)]
    house.clock.advance(60)
    deleted = Change.to_delete("secrets", first["id"], iso_millis(house.clock.now()))
    await anna.push("diary", deleted.model_copy(update={"space_id": anna.space.id}))
    fourth = await anna.call("secrets.keep")
    assert len({second["order"], third["order"], fourth["order"]}) == 3


async def test_each_space_has_its_own_records(anna, house):
    flat = await house.share("Flat", anna)
    await anna.call("secrets.keep", text="mine")
    there = await anna.call("secrets.keep", space=flat, text="ours")
    assert await texts(anna) == ["mine"]
    assert await texts(anna, space=flat) == ["ours"]
    with pytest.raises(NotFoundError):
        await anna.call("secrets.change", id=there["id"], place=1)


async def test_a_shared_space_is_readable_for_its_members(anna, house):
    ben = await house.user("ben")
    flat = await house.share("Flat", anna, ben)
    await anna.call("secrets.keep", space=flat, text="the key is under the mat")
    assert await texts(ben, space=flat) == ["the key is under the mat"]


def written_elsewhere(house, space, record_id="1", **fields):
    """Return the insert that another client would push."""
    now = iso_millis(house.clock.now())
    data = {"id": record_id, "text": None, "place": 1, "createdAt": now, "updatedAt": now}
    data |= {"spaceId": space.id} | fields
    kept = {name: value for name, value in data.items() if value is not ...}
    return Change(table="secrets", id=record_id, op="insert", data=kept, space_id=space.id)


@pytest.mark.parametrize("vault", [True, False], ids=["another key", "no key"])
async def test_what_another_member_encrypted_is_left_as_it_stands(house, vault):
    anna, ben = await house.user("anna", vault=vault), await house.user("ben")
    flat = await house.share("Flat", anna, ben)
    locked = wrap_value("mine alone", generate_master_key())
    await ben.push("diary", written_elsewhere(house, flat, text=locked))
    assert await texts(anna, space=flat) == [locked]


@pytest.mark.parametrize("broken", ["enc:1:rubbish", "foreign"])
async def test_ones_own_record_that_does_not_open_is_an_error(anna, house, broken):
    text = wrap_value("hush", generate_master_key()) if broken == "foreign" else broken
    await anna.push("diary", written_elsewhere(house, anna.space, text=text))
    with pytest.raises(DecryptionError, match="text of the record 1"):
        await anna.call("secrets.list")


async def test_ones_own_record_needs_the_key(house):
    ben = await house.user("ben", vault=False)
    await ben.push("diary", written_elsewhere(house, ben.space, text="enc:1:rubbish"))
    with pytest.raises(VaultNotInitialisedError):
        await ben.call("secrets.list")


async def test_a_list_decrypts_only_what_it_returns(anna, house):
    for n in range(5):
        await anna.call("secrets.keep", text=str(n), place=n % 2)
    await anna.push("diary", written_elsewhere(house, anna.space, text="enc:1:rubbish", place=9))
    assert await texts(anna, place=0) == ["0", "2", "4"]
    assert await texts(anna, limit=2) == ["0", "1"]
    assert await texts(anna, containing="3", limit=1) == ["3"]


async def test_a_record_is_where_its_data_says_or_else_where_it_was_pushed(anna, house):
    """The original's tools left ``spaceId`` out of the data."""
    flat = await house.share("Flat", anna)
    for n, said in enumerate([..., None, anna.space.id, flat.id]):
        insert = written_elsewhere(house, anna.space, str(n), text=str(n), spaceId=said)
        await anna.push("diary", insert)
    records = anna.context().records(SECRETS)
    assert [record["id"] for record in await records.list()] == ["0", "1", "2"]
    with pytest.raises(NotFoundError):
        await records.get("3")


@pytest.mark.parametrize(("order", "following"), [(2.5, 3), (-4, -3), (1e300, 0), ("x", 0)])
async def test_an_order_that_another_client_wrote_is_taken_as_far_as_it_makes_sense(
    anna, house, order, following
):
    await anna.push("diary", written_elsewhere(house, anna.space, order=order))
    assert (await anna.call("secrets.keep"))["order"] == following


async def test_nothing_encrypted_needs_no_key(house):
    ben = await house.user("ben", vault=False)
    made = await ben.call("secrets.keep", place=1)
    await ben.call("secrets.change", id=made["id"], place=2)
    assert (await ben.call("secrets.get", id=made["id"]))["place"] == 2
    with pytest.raises(VaultNotInitialisedError):
        await ben.call("secrets.keep", text="hush")


async def test_a_call_done_again_writes_its_record_once(anna, house):
    made = await anna.call("secrets.keep", key="tick/1", text="hush", place=1)
    house.clock.advance(60)
    again = await anna.call("secrets.keep", key="tick/1", text="hush", place=1)
    assert again == made
    assert len(await anna.log("diary", "secrets")) == 1


async def test_a_call_done_again_by_a_new_process_writes_its_record_once(anna, house):
    made = await anna.call("secrets.keep", key="tick/1", text="hush")
    again = await anna.call("secrets.keep", key="tick/1", backend=house.new_backend(), text="hush")
    assert again == made


async def test_a_call_done_again_with_another_text_leaves_one_record_with_it(anna):
    made = await anna.call("secrets.keep", key="tick/1", text="hush")
    again = await anna.call("secrets.keep", key="tick/1", text="hush hush")
    assert (again["id"], again["order"]) == (made["id"], made["order"])
    assert await texts(anna) == ["hush hush"]


async def test_a_call_done_again_after_its_record_was_deleted_conflicts(anna, house):
    made = await anna.call("secrets.keep", key="tick/1", text="hush")
    house.clock.advance(60)
    deleted = Change.to_delete("secrets", made["id"], iso_millis(house.clock.now()))
    await anna.push("diary", deleted.model_copy(update={"space_id": anna.space.id}))
    with pytest.raises(ConflictError, match=made["id"]):
        await anna.call("secrets.keep", key="tick/1", text="hush")


async def test_ids_of_a_call_differ_from_each_other_and_from_other_peoples(anna, house):
    ben = await house.user("ben")
    first, again, of_ben = anna.context(key="k"), anna.context(key="k"), ben.context(key="k")
    ids = [first.new_id(), first.new_id()]
    assert [again.new_id(), again.new_id()] == ids
    assert len({*ids, of_ben.new_id()}) == 3


async def test_without_an_idempotency_key_ids_come_from_the_injected_random(anna, house):
    seeded = house.new_backend(random=lambda: uuid.UUID(int=7, version=4))
    assert anna.context(backend=seeded).new_id() == str(uuid.UUID(int=7, version=4))


async def test_a_tool_declared_as_reading_cannot_write(anna):
    with pytest.raises(InfrastructureError, match="declared as reading"):
        await anna.call("secrets.sneak", text="hush")
    assert await anna.log("diary", "secrets") == []


async def test_a_tool_cannot_open_a_table_that_it_does_not_declare(anna):
    with pytest.raises(InfrastructureError, match="diary/others"):
        await anna.call("secrets.stray")


async def test_a_forgotten_replica_is_made_anew(anna, house):
    flat = await house.share("Flat", anna)
    small = house.new_backend(max_replicas=1)
    await anna.call("secrets.keep", backend=small, text="mine")
    await anna.call("secrets.keep", backend=small, space=flat, text="ours")
    assert await texts(anna, backend=small) == ["mine"]


async def test_what_a_tool_does_with_a_record_does_not_reach_the_replica(anna):
    records = anna.context().records(SECRETS)
    made = await records.create({"tags": ["a"]})
    made["tags"].append("b")
    assert (await records.get(made["id"]))["tags"] == ["a"]
    assert await records.count() == 1
