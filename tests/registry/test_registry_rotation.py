"""Tools while a key is rotated, and the re-encryption that begins by itself."""

import asyncio
import gc
import logging
import pickle
import traceback

import httpx
import pytest
from registry_house import BASE
from rotation_house import VAULT, Rotating

from mana_lab.crypto import CipherPolicy, is_encrypted, unwrap_value, wrap_value
from mana_lab.errors import (
    DecryptionError,
    DowngradeError,
    MalformedCiphertextError,
    ServiceUnavailableError,
    ZeroKnowledgeUserError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.identity.vault_client import VaultClient
from mana_lab.identity.wire import PreviousKey, VaultKey
from mana_lab.registry import Backend, MasterKeyClient
from mana_lab.registry.passes import Forwarding
from mana_lab.registry.renewals import MAX_WAITING, Renewals
from mana_lab.sync.pushes import watched_pushes
from mana_lab.sync.wire import Change

STRICT = CipherPolicy("enc:2:", bound_only=True)


@pytest.fixture
async def rotating(house, anna):
    return Rotating(house, anna)


def fetches(house):
    return house.identity_app.paths.count(f"{VAULT}/key")


async def texts(caller, backend):
    found = await caller.call("secrets.list", backend=backend)
    return [secret["text"] for secret in found["secrets"]]


async def test_records_of_before_and_after_a_rotation_are_read(rotating, house):
    await rotating.keep("before")
    await rotating.rotate()
    other = house.new_backend(tables=())
    await rotating.caller.call("secrets.keep", backend=other, text="after")
    assert await texts(rotating.caller, other) == ["before", "after"]
    first, second = await rotating.log()
    old, new = (await rotating.ring()).previous[0], (await rotating.ring()).current
    assert [is_encrypted(change.data["text"]) for change in (first, second)] == [True, True]
    for wrong, change in ((new, first), (old, second)):
        with pytest.raises(DecryptionError):
            unwrap_value(change.data["text"], wrong)


async def test_what_is_encrypted_anew_is_no_push_of_the_call_that_it_began_with(rotating, house):
    await rotating.keep("before")
    await rotating.rotate()
    backend = house.new_backend()
    with watched_pushes() as pushes:
        assert await texts(rotating.caller, backend) == ["before"]
        await backend.renewals.settled()
    assert len(await rotating.log()) == 2  # it was encrypted anew
    assert pushes.fate == "not-written"


async def test_a_process_with_the_key_of_before_reads_what_another_one_wrote_since(rotating, house):
    """It holds the old key for up to half a minute, and asks again when that does not fit."""
    await rotating.keep("before")
    stale, fresh = house.new_backend(tables=()), house.new_backend(tables=())
    assert await texts(rotating.caller, stale) == ["before"]
    await rotating.rotate()
    kept = await rotating.caller.call("secrets.keep", backend=fresh, text="after")
    assert await texts(rotating.caller, stale) == ["before", "after"]
    found = await rotating.caller.call("secrets.get", backend=stale, id=kept["id"])
    assert found["text"] == "after"


@pytest.mark.parametrize("tool", ["secrets.list", "secrets.get", "secrets.change"])
async def test_every_way_to_a_record_asks_again_for_the_keys(rotating, house, tool):
    await rotating.keep("before")
    stale, fresh = house.new_backend(tables=()), house.new_backend(tables=())
    await texts(rotating.caller, stale)
    await rotating.rotate()
    kept = await rotating.caller.call("secrets.keep", backend=fresh, text="needle")
    given = {
        "secrets.list": {"containing": "needle"},
        "secrets.get": {"id": kept["id"]},
        "secrets.change": {"id": kept["id"], "text": "needle"},
    }[tool]
    before = len(await rotating.log())
    await rotating.caller.call(tool, backend=stale, **given)
    assert len(await rotating.log()) == before


async def test_a_damaged_value_asks_for_the_keys_once_a_call(rotating, house):
    for n in range(3):
        await rotating.plant(f"r{n}", "enc:1:damaged")
    backend = house.new_backend()
    for calls in (1, 2):
        with pytest.raises(DecryptionError, match="text of the record r0"):
            await texts(rotating.caller, backend)
        assert fetches(house) == 2 * calls
        house.clock.advance(31)


async def test_the_next_fetch_after_a_rotation_drops_what_other_tokens_had(rotating, house):
    keys = MasterKeyClient(house.identity, Forwarding(), clock=house.clock)
    old = await keys.get_keys(rotating.user_id, rotating.token)
    await rotating.rotate()
    house.clock.advance(1)
    other = await house.sign_in("anna@mana.test")
    new = await keys.get_keys(rotating.user_id, other.token)
    assert new.current != old.current
    assert new.previous == (old.current,)
    before = fetches(house)
    assert await keys.get_keys(rotating.user_id, rotating.token) is new
    assert fetches(house) == before + 1


async def test_the_next_fetch_after_zero_knowledge_drops_what_other_tokens_had(rotating, house):
    keys = MasterKeyClient(house.identity, Forwarding(), clock=house.clock)
    await keys.get_keys(rotating.user_id, rotating.token)
    vault = VaultClient(house.identity, rotating.token)
    await vault.set_up_recovery()
    await vault.enable_zero_knowledge()
    house.clock.advance(1)
    other = await house.sign_in("anna@mana.test")
    for token in (other.token, rotating.token):
        with pytest.raises(ZeroKnowledgeUserError):
            await keys.get_keys(rotating.user_id, token)


async def test_the_same_keys_stay_the_same_object_which_counts_what_it_encrypts(rotating, house):
    keys = MasterKeyClient(house.identity, Forwarding(), clock=house.clock)
    ring = await keys.get_keys(rotating.user_id, rotating.token)
    ring.current.seal(bytes(12), b"x")
    house.clock.advance(31)
    assert await keys.get_keys(rotating.user_id, rotating.token) is ring
    assert fetches(house) == 2
    assert ring.current.seals == 1


async def test_closing_forgets_the_keys_and_ends_what_is_being_fetched(rotating, house):
    keys = MasterKeyClient(house.identity, Forwarding(), clock=house.clock)
    await keys.get_keys(rotating.user_id, rotating.token)
    flying = asyncio.create_task(keys.get_keys("somebody", "token"))
    await asyncio.sleep(0)
    await keys.close()
    await keys.close()
    with pytest.raises(asyncio.CancelledError):
        await flying
    await keys.get_keys(rotating.user_id, rotating.token)
    assert fetches(house) == 2


async def test_nothing_shows_a_key(rotating, house, caplog):
    caplog.set_level(logging.DEBUG)
    backend = house.new_backend()
    await rotating.keep("hush")
    await rotating.rotate()
    answer = await house.identity.vault_key(rotating.token)
    secrets = {answer.master_key, answer.previous_keys[0].master_key}
    ring = await rotating.ring()
    for key in ring:
        secrets |= {key.export().hex(), repr(key.export()), key.export().decode("latin-1")}
    shown = [repr(answer), str(answer), repr(ring), repr(backend), repr(vars(backend))]
    await rotating.plant("r", "enc:1:damaged")
    try:
        await texts(rotating.caller, backend)
    except DecryptionError as error:
        below = traceback.walk_tb(error.__traceback__.tb_next)
        frames = traceback.StackSummary.extract(below, capture_locals=True)
        shown += ["".join(frames.format()), repr(error.__context__)]
    assert len(shown) == 7
    assert caplog.records
    shown.append(caplog.text)
    for secret in secrets:
        assert not [text for text in shown if secret in text]
    with pytest.raises(TypeError):
        pickle.dumps(ring)


async def test_the_re_encryption_begins_and_ends_by_itself(rotating, house):
    """No more is needed than that the user goes on calling tools."""
    for n in range(3):
        await rotating.keep(f"secret {n}")
    await rotating.rotate()
    await rotating.keep("with the key of before")
    assert len(await rotating.stale()) == 4
    house.clock.advance(31)
    assert await texts(rotating.caller, house.backend) == list(rotating.expected.values())
    await house.backend.renewals.settled()
    assert await rotating.stale() == set()
    before = len(house.sync_app.paths)
    house.clock.advance(31)
    await texts(rotating.caller, house.backend)
    await house.backend.renewals.settled()
    assert len(house.sync_app.paths) == before + 1
    await rotating.settle()
    assert await texts(rotating.caller, house.backend) == list(rotating.expected.values())
    await house.backend.renewals.settled()
    assert (await rotating.ring()).previous == ()
    assert house.backend.renewals.failure(rotating.user_id) is None
    await rotating.check()


async def test_concurrent_calls_begin_it_once(rotating, house):
    await rotating.keep("secret")
    await rotating.rotate()
    house.clock.advance(31)
    before = house.identity_app.paths.count(f"{VAULT}/key")
    await asyncio.gather(*(texts(rotating.caller, house.backend) for _ in range(10)))
    await house.backend.renewals.settled()
    assert house.identity_app.paths.count(f"{VAULT}/key") == before + 2
    assert len(await rotating.log()) == 2


async def test_what_failed_is_tried_again_at_the_next_fetch(rotating, house):
    await rotating.keep("secret")
    await rotating.rotate()
    house.clock.advance(31)
    way = httpx.ASGITransport(house.sync_app)

    class Refusing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            if request.method == "POST":
                raise httpx.ConnectError("down")
            return await way.handle_async_request(request)

    async with httpx.AsyncClient(transport=Refusing()) as http:
        sync = type(house.sync)(BASE, http, "tools")
        tables = house.registry.tables()
        async with Backend(house.identity, sync, clock=house.clock, tables=tables) as backend:
            assert await texts(rotating.caller, backend) == ["secret"]
            await backend.renewals.settled()
            failure = backend.renewals.failure(rotating.user_id)
            assert isinstance(failure, ServiceUnavailableError)
            assert len(await rotating.stale()) == 1
            Refusing.handle_async_request = lambda _, request: way.handle_async_request(request)
            house.clock.advance(31)
            await texts(rotating.caller, backend)
            await backend.renewals.settled()
            assert backend.renewals.failure(rotating.user_id) is None
    assert await rotating.stale() == set()


async def test_closing_stops_what_is_under_way_and_another_process_goes_on(rotating, house):
    await rotating.keep("secret")
    await rotating.rotate()
    backend = house.new_backend()
    assert await texts(rotating.caller, backend) == ["secret"]
    await backend.close()
    await backend.renewals.settled()
    await rotating.check()
    other = house.new_backend()
    await texts(rotating.caller, other)
    await other.renewals.settled()
    assert await rotating.stale() == set()
    await other.close()


async def test_renewals_of_many_users_are_bounded():
    begun, gate = [], asyncio.Event()

    class Slow:
        async def run(self, user_id, _token):
            begun.append(user_id)
            await gate.wait()

    key = PreviousKey(key_id="k000001", master_key="")
    answer = VaultKey(key_id="k000002", previous_keys=[key])
    async with Renewals(Slow()) as renewals:
        for n in range(MAX_WAITING + 10):
            renewals.start(f"user {n}", "token", answer)
        await asyncio.sleep(0)
        assert len(begun) == 2
        gate.set()
        await renewals.settled()
        assert len(begun) == MAX_WAITING
        renewals.start("user 0", "token", answer)
        assert len(begun) == MAX_WAITING
        renewals.start(f"user {MAX_WAITING}", "token", answer)
        await renewals.settled()
        assert len(begun) == MAX_WAITING + 1


async def test_without_tables_nothing_is_begun(rotating, house):
    await rotating.keep("secret")
    await rotating.rotate()
    backend = house.new_backend(tables=())
    await texts(rotating.caller, backend)
    await backend.renewals.settled()
    assert len(await rotating.stale()) == 1


async def test_an_original_vault_without_key_ids_works_as_before(rotating):
    """A deployed Mana names no keys, and knows no earlier ones."""
    answer = await rotating.house.identity.vault_key(rotating.token)
    body = {"masterKey": answer.master_key, "formatVersion": 1, "kekId": "env-v1"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    async with httpx.AsyncClient(transport=transport) as http:
        backend = Backend(
            IdentityClient(BASE, http),
            rotating.house.sync,
            clock=rotating.house.clock,
            passes=Forwarding(),
        )
        await rotating.caller.call("secrets.keep", backend=backend, text="hush")
        assert await texts(rotating.caller, backend) == ["hush"]
        await backend.close()


async def test_bound_values_are_written_where_the_setting_says_so(rotating, house):
    bound = house.new_backend(policy=CipherPolicy("enc:2:"))
    for text in ("hush", "enc:1:", "enc:2:k000001:AAAA.BBBB"):
        kept = await rotating.caller.call("secrets.keep", backend=bound, text=text)
        found = await rotating.caller.call("secrets.get", backend=house.backend, id=kept["id"])
        assert found["text"] == text
        changed = f"{text}!"
        await rotating.caller.call("secrets.change", backend=bound, id=kept["id"], text=changed)
        found = await rotating.caller.call("secrets.get", backend=house.backend, id=kept["id"])
        assert found["text"] == changed
    for change in await rotating.log():
        value = change.data["text"] if change.op == "insert" else change.fields["text"].value
        assert value.startswith("enc:2:k000001:")


async def test_a_value_that_was_moved_to_another_record_is_refused(rotating, house):
    backend = house.new_backend(policy=CipherPolicy("enc:2:"))
    one, other = [
        (await rotating.caller.call("secrets.keep", backend=backend, text=text))["id"]
        for text in ("mine", "yours")
    ]
    sealed = {change.id: change.data["text"] for change in await rotating.log()}
    house.clock.advance(1)
    stamp = rotating.house.clock.now().isoformat()
    moved = Change.to_update("secrets", one, {"text": sealed[other]}, stamp)
    await rotating.caller.push(
        "diary", moved.model_copy(update={"space_id": rotating.caller.space.id})
    )
    with pytest.raises(DecryptionError, match=f"text of the record {one}"):
        await rotating.caller.call("secrets.get", backend=backend, id=one)


@pytest.mark.parametrize("planted", ["plain", "older"])
async def test_a_downgrade_is_refused_where_only_bound_values_are_believed(
    rotating, house, planted
):
    backend = house.new_backend(policy=STRICT)
    await rotating.caller.call("secrets.keep", backend=backend, text="hush")
    assert await texts(rotating.caller, backend) == ["hush"]
    await rotating.caller.call("secrets.keep", backend=backend, text=None)
    assert await texts(rotating.caller, backend) == ["hush", None]
    key = (await rotating.ring()).current
    text = "planted" if planted == "plain" else wrap_value("planted", key)
    await rotating.plant("r", text, place=9)
    for fresh in (backend, house.new_backend(policy=STRICT)):
        with pytest.raises(DowngradeError):
            await rotating.caller.call("secrets.list", backend=fresh, place=9)


async def test_a_bound_value_without_its_form_is_refused(rotating, house):
    await rotating.plant("r", "enc:2:k1:AAAA")
    with pytest.raises(DecryptionError) as refused:
        await texts(rotating.caller, house.backend)
    assert not isinstance(refused.value, MalformedCiphertextError)


async def test_a_shared_space_stays_readable_for_all(rotating, house):
    ben = await house.user("ben")
    team = await house.share("Crew", rotating.caller, ben)
    backend = house.new_backend(policy=STRICT)
    text = "enc:2: is how it begins"
    await rotating.caller.call("secrets.keep", space=team, backend=backend, text=text)
    found = await ben.call("secrets.list", space=team, backend=backend)
    assert [secret["text"] for secret in found["secrets"]] == [text]


@pytest.mark.usefixtures("anna")
async def test_expired_tokens_are_not_remembered(house):
    keys = MasterKeyClient(house.identity, Forwarding(), clock=house.clock)
    for _ in range(5):
        caller = await house.sign_in("anna@mana.test")
        await keys.get_keys(caller.principal.user_id, caller.token)
        house.clock.advance(31)
    caller = await house.sign_in("anna@mana.test")
    ring = await keys.get_keys(caller.principal.user_id, caller.token)
    kept = [each for each in gc.get_referrers(ring) if hasattr(each, "until")]
    assert [len(each.until) for each in kept] == [1]
