import asyncio
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rotation_house import VAULT, Rotating, Steps

from mana_lab.clock import iso_millis
from mana_lab.crypto import (
    CipherPolicy,
    KeyRing,
    encode_base64,
    generate_master_key,
    key_proof,
    wrap_value,
)
from mana_lab.errors import (
    KeyProofError,
    ManaLabError,
    ProtocolError,
    RotationUnfinishedError,
    ServiceUnavailableError,
)
from mana_lab.identity.wire import RotationFinish
from mana_lab.registry.reencryption import renewing_client
from mana_lab.sync.wire import Change, personal_space

BOUND = CipherPolicy("enc:2:")


@pytest.fixture
async def rotating(house, anna):
    return Rotating(house, anna)


@pytest.fixture
def steps(house):
    return Steps(house)


async def some_records(rotating):
    """Keep secrets of several clients; return the ids."""
    ids = [await rotating.keep(f"secret {n}") for n in range(4)]
    ring = await rotating.ring()
    await rotating.write(ids[1], "from the phone", ring)
    await rotating.write(ids[2], "from the watch", ring, client="watch")
    return ids


async def test_everything_is_renewed_and_the_old_key_goes(rotating, steps):
    await some_records(rotating)
    old = await rotating.ring()
    await rotating.rotate()
    assert len(await rotating.stale()) == 4
    await rotating.check()
    done = await steps.job().run(rotating.user_id, rotating.token)
    assert (done.renewed, done.left, done.finished) == (4, 0, False)
    assert await rotating.stale() == set()
    await rotating.check()
    await rotating.settle()
    done = await steps.job().run(rotating.user_id, rotating.token)
    assert (done.renewed, done.left, done.finished) == (0, 0, True)
    ring = await rotating.ring()
    assert ring.previous == ()
    assert ring.current != old.current
    await rotating.check()
    assert (await steps.job().run(rotating.user_id, rotating.token)).finished is False


async def test_a_user_who_never_rotated_costs_one_look_at_the_vault(rotating, steps):
    await some_records(rotating)
    await steps.job().run(rotating.user_id, rotating.token)
    assert steps.asked == ["POST /api/v1/auth/token-exchange", f"GET {VAULT}/key"]


class Devices:
    """Devices that write between any two requests of the job, with the keys that they have."""

    def __init__(self, rotating, ids, *rings):
        self.rotating = rotating
        self.ids = ids
        self.rings = rings

    async def __call__(self, step):
        ring = self.rings[step % len(self.rings)]
        record_id = self.ids[step * 7 % len(self.ids)]
        client = ("phone", "tools", "zebra")[step % 3]
        await self.rotating.write(record_id, f"at step {step}", ring, client=client)


async def a_rotation(house, name, dies_at, answer_is_lost):
    """Go through a whole rotation, killed at one step; return how many steps there were."""
    rotating, steps = Rotating(house, await house.user(name)), Steps(house)
    ids = await some_records(rotating)
    old = await rotating.ring()
    await rotating.rotate()
    new = await rotating.ring()
    steps.dies_at, steps.answer_is_lost = dies_at, answer_is_lost
    killed = 0
    for keys in ((old, new), (KeyRing(new.current),)):
        steps.before = Devices(rotating, ids, *keys)
        try:
            await steps.job().run(rotating.user_id, rotating.token)
        except ServiceUnavailableError:
            killed += 1
            await rotating.check()
            await steps.job().run(rotating.user_id, rotating.token)
        await rotating.check()
        await rotating.settle()
    assert killed == (dies_at is not None)
    assert await rotating.stale() == set()
    assert (await rotating.ring()).previous == ()
    await rotating.check()
    return len(steps.asked)


@pytest.mark.slow
@pytest.mark.parametrize("answer_is_lost", [False, True])
async def test_killed_at_any_step_every_row_is_readable_and_the_end_is_reached(
    house, answer_is_lost
):
    """Devices write before every single request, with the old key and with the new one."""
    count = await a_rotation(house, "nobody", None, answer_is_lost)
    assert count > 8
    for step in range(1, count + 1):
        await a_rotation(house, f"killed-{step}", step, answer_is_lost)


async def test_what_is_being_renewed_loses_to_a_later_write(rotating, steps):
    """The job has read the value already when a device writes another one."""
    record = await rotating.keep("before")
    ring = await rotating.ring()
    await rotating.rotate()

    async def meanwhile(_):
        if steps.asked[-1].startswith("POST /sync/"):
            await rotating.write(record, "meanwhile", ring)

    steps.before = meanwhile
    await steps.job().run(rotating.user_id, rotating.token)
    assert len(await rotating.log()) == 3
    await rotating.check()
    assert rotating.expected == {record: "meanwhile"}
    steps.before = None
    await steps.job().run(rotating.user_id, rotating.token)
    assert await rotating.stale() == set()
    await rotating.check()


@pytest.mark.parametrize(("rival", "wins"), [("aaa", False), ("tools2", True), ("zebra", True)])
async def test_of_writes_with_one_stamp_the_same_one_wins_as_without_the_job(
    rotating, steps, rival, wins
):
    record = await rotating.keep("ours")
    ring = await rotating.ring()
    (inserted,) = await rotating.log()
    await rotating.rotate()
    await steps.job().run(rotating.user_id, rotating.token)
    await rotating.write(record, "theirs", ring, client=rival, stamp=inserted.data["updatedAt"])
    rotating.expected = {record: "theirs" if wins else "ours"}
    await rotating.check()


async def test_doing_it_at_once_or_again_writes_nothing_twice(rotating, steps):
    await some_records(rotating)
    await rotating.rotate()
    before = len(await rotating.log())
    jobs = [Steps(rotating.house).job(batch=batch) for batch in (1, 2, 200)]
    await asyncio.gather(*(job.run(rotating.user_id, rotating.token) for job in jobs))
    await steps.job().run(rotating.user_id, rotating.token)
    assert len(await rotating.log()) == before + 4


async def test_rotating_again_in_the_middle_loses_nothing(rotating, steps):
    ids = await some_records(rotating)
    rings = [await rotating.ring()]
    for n in range(3):
        await rotating.rotate()
        rings.append(await rotating.ring())
        await rotating.write(ids[n], f"after rotation {n}", rings[-1])
        steps.dies_at = len(steps.asked) + 4
        with pytest.raises(ServiceUnavailableError):
            await steps.job().run(rotating.user_id, rotating.token)
        await rotating.check()
    for ring in rings:
        await rotating.write(ids[3], "by a device that slept", ring)
        await rotating.check()
    await rotating.settle()
    steps.dies_at = None
    assert (await steps.job().run(rotating.user_id, rotating.token)).finished
    assert await rotating.stale() == set()
    await rotating.check()


async def test_a_rotation_while_the_job_walks_keeps_the_keys(rotating, steps):
    """What the job renewed is under a key that is not the current one any more."""
    await some_records(rotating)
    await rotating.rotate()
    await rotating.settle()

    async def rotate(_):
        if steps.asked[-1].endswith("rotate/finish"):
            await rotating.rotate()

    steps.before = rotate
    with pytest.raises(RotationUnfinishedError):
        await steps.job().run(rotating.user_id, rotating.token)
    assert len((await rotating.ring()).previous) == 2
    await rotating.check()


async def test_the_old_key_stays_if_somebody_could_have_written_while_the_job_walked(
    rotating, steps
):
    ids = await some_records(rotating)
    old = await rotating.ring()
    await rotating.rotate()
    rotating.house.clock.advance(timedelta(minutes=14, seconds=30))

    async def late(_):
        if len(steps.asked) == 3:
            await rotating.write(ids[0], "at the last moment", old)
            await rotating.settle()

    steps.before = late
    token = rotating.token
    with pytest.raises(ManaLabError):
        await steps.job().run(rotating.user_id, token)
    assert len((await rotating.ring()).previous) == 1
    await rotating.check()


async def test_deleted_records_fragments_and_other_spaces_are_renewed_too(rotating, house, steps):
    ids = await some_records(rotating)
    key = (await rotating.ring()).current
    now = iso_millis(house.clock.now())
    team = await house.share("Crew", rotating.caller)
    await rotating.caller.push(
        "diary",
        Change.to_delete("secrets", ids[3], now).model_copy(
            update={"space_id": rotating.caller.space.id}
        ),
        Change.to_update("secrets", "fragment", {"text": wrap_value("f", key)}, now),
        Change.to_insert("secrets", "no-time", {"text": wrap_value("t", key)}),
        Change.to_insert(
            "secrets", "shared", {"text": wrap_value("s", key), "createdAt": now}
        ).model_copy(update={"space_id": team.id}),
    )
    del rotating.expected[ids[3]]
    await rotating.rotate()
    assert await rotating.stale() == {*ids, "fragment", "no-time", "shared"}
    await steps.job().run(rotating.user_id, rotating.token)
    assert await rotating.stale() == set()
    await rotating.check()
    assert {change.space_id for change in await rotating.log()} == {
        rotating.caller.space.id,
        team.id,
        personal_space(rotating.user_id),
    }


async def test_what_is_no_ciphertext_of_theirs_is_left_alone(rotating, steps):
    stranger = wrap_value("x", generate_master_key())
    texts = ["plain", 7, None, ["enc:1:"], "enc:1:AAAA", "enc:2:k1:AAAA", stranger]
    await rotating.caller.push(
        "diary", *(Change.to_insert("secrets", f"r{n}", {"text": t}) for n, t in enumerate(texts))
    )
    await rotating.rotate()
    await rotating.settle()
    done = await steps.job().run(rotating.user_id, rotating.token)
    assert (done.renewed, done.left, done.finished) == (0, 0, True)
    assert len(await rotating.log()) == len(texts)


@pytest.mark.parametrize("policy", [CipherPolicy(), BOUND], ids=repr)
async def test_values_are_renewed_in_the_format_that_is_written(rotating, steps, policy):
    ids = await some_records(rotating)
    await rotating.write(ids[0], "bound", await rotating.ring(), policy=BOUND)
    await rotating.rotate()
    await steps.job(policy=policy).run(rotating.user_id, rotating.token)
    assert await rotating.stale() == set()
    forms = {record.id: record.fields["text"][:6] for record in await rotating.held()}
    assert forms == {n: "enc:2:" if n == ids[0] else policy.writes for n in ids}
    await rotating.check()


async def test_values_that_are_not_believed_keep_the_old_key(rotating, steps):
    await some_records(rotating)
    await rotating.rotate()
    await rotating.settle()
    strict = CipherPolicy("enc:2:", bound_only=True)
    done = await steps.job(policy=strict).run(rotating.user_id, rotating.token)
    assert (done.renewed, done.left, done.finished) == (0, 4, False)
    assert (await rotating.ring()).previous


async def test_a_value_from_the_future_waits_and_does_not_hold_up_the_others(
    rotating, house, steps
):
    """A device's clock was ahead when it wrote, and the service's was set back since."""
    ids = await some_records(rotating)
    for hours in (1, -1):
        house.clock.advance(timedelta(hours=hours))
        rotating.caller = await house.sign_in("anna@mana.test")
        if hours == 1:
            await rotating.write(ids[0], "tomorrow", await rotating.ring())
    await rotating.rotate()
    done = await steps.job(batch=200).run(rotating.user_id, rotating.token)
    assert (done.renewed, done.left, done.finished) == (3, 1, False)
    assert await rotating.stale() == {ids[0]}
    await rotating.check()


async def test_the_old_key_stays_when_the_log_cannot_be_read_to_its_end(rotating, house):
    await some_records(rotating)
    await rotating.rotate()
    await rotating.settle()

    async def stuck(request):
        if request.url.path.startswith("/sync/"):
            return httpx.Response(
                200, json={"serverChanges": [], "syncedUntil": "", "hasMore": True}
            )
        return await httpx.ASGITransport(house.identity_app).handle_async_request(request)

    steps = Steps(house)
    steps.handle_async_request = stuck
    with pytest.raises(ProtocolError):
        await steps.job().run(rotating.user_id, rotating.token)
    assert (await rotating.ring()).previous
    await rotating.check()


async def test_another_key_cannot_end_the_rotation(rotating, house):
    await rotating.rotate()
    await rotating.settle()
    ring = await rotating.ring()
    proof = encode_base64(key_proof(ring.previous[0]))
    with pytest.raises(KeyProofError):
        await house.identity.vault_finish_rotation(
            rotating.token, RotationFinish(key_id=ring.current.key_id, key_proof=proof)
        )
    assert (await rotating.ring()).previous


CLIENT = st.text(st.characters(min_codepoint=0x22, exclude_categories=("C", "Z")), min_size=1)


@given(CLIENT, CLIENT)
def test_a_renewing_client_sorts_directly_after_the_writer(writer, other):
    first, second = renewing_client(writer, "k000002"), renewing_client(writer, "k000003")
    again = renewing_client(first, "k000003")
    assert writer < first < second == again
    assert len(again) < len(writer) + 10
    if other != writer:
        assert (other < writer) == (other < again)
        assert (renewing_client(other, "k000009") < writer) == (other < writer)


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200))
def test_a_renewing_client_is_a_name_whatever_the_writer_is_called(writer):
    for key_id in ("k000002", "k" * 64):
        renewing = renewing_client(writer, key_id)
        assert renewing > writer
        assert len(renewing) <= 200
        assert renewing.isprintable()


def test_a_client_that_calls_itself_renewing_does_not_win_over_a_renewal():
    for writer in ("x!k999999", "!", "!k1", "a!b!c", ""):
        assert renewing_client(writer, "k000002") > writer
