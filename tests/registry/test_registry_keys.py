import asyncio

import httpx
import pytest
from registry_house import BASE

from mana_lab.errors import (
    ServiceUnavailableError,
    VaultNotInitialisedError,
    ZeroKnowledgeUserError,
)
from mana_lab.identity.client import IdentityClient
from mana_lab.registry import MasterKeyClient
from mana_lab.registry.lru import LruMap
from mana_lab.registry.passes import Forwarding

VAULT = "/api/v1/me/encryption-vault/key"


def fetches(house):
    return house.identity_app.paths.count(VAULT)


FORWARDING = Forwarding()


async def test_concurrent_callers_share_one_fetch(anna, house):
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock)
    found = await asyncio.gather(
        *(keys.get_keys(anna.principal.user_id, anna.token) for _ in range(10))
    )
    assert len({ring.current.export() for ring in found}) == 1
    assert fetches(house) == 1


async def test_a_key_is_kept_for_half_a_minute(anna, house):
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock)
    await keys.get_keys(anna.principal.user_id, anna.token)
    house.clock.advance(29)
    await keys.get_keys(anna.principal.user_id, anna.token)
    assert fetches(house) == 1
    house.clock.advance(1)
    await keys.get_keys(anna.principal.user_id, anna.token)
    assert fetches(house) == 2


async def test_another_token_of_the_same_user_asks_the_vault_again(anna, house):
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock)
    await keys.get_keys(anna.principal.user_id, anna.token)
    house.clock.advance(1)
    other = await house.sign_in("anna@mana.test")
    assert other.token != anna.token
    await keys.get_keys(anna.principal.user_id, other.token)
    assert fetches(house) == 2


async def test_an_error_is_not_kept(house):
    ben = await house.user("ben", vault=False)
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock)
    with pytest.raises(VaultNotInitialisedError):
        await keys.get_keys(ben.principal.user_id, ben.token)
    await house.identity.vault_init(ben.token)
    assert await keys.get_keys(ben.principal.user_id, ben.token)


async def test_a_caller_who_gives_up_does_not_take_the_key_from_the_others(anna, house):
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock)
    impatient, patient = (
        asyncio.create_task(keys.get_keys(anna.principal.user_id, anna.token)) for _ in range(2)
    )
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    assert impatient.cancelled()
    assert fetches(house) == 1


async def test_the_key_that_was_not_used_for_longest_goes_first(anna, house):
    ben = await house.user("ben")
    keys = MasterKeyClient(house.identity, FORWARDING, clock=house.clock, capacity=1)
    for caller in (anna, ben, anna):
        await keys.get_keys(caller.principal.user_id, caller.token)
    assert fetches(house) == 3


def answering(status, body):
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return IdentityClient(BASE, httpx.AsyncClient(transport=transport))


async def test_a_zero_knowledge_user_is_refused_with_the_reason(clock):
    blob = {"requiresRecoveryCode": True, "recoveryWrappedMk": "x", "recoveryIv": "y"}
    keys = MasterKeyClient(answering(200, {**blob, "formatVersion": 1}), FORWARDING, clock=clock)
    with pytest.raises(ZeroKnowledgeUserError, match="zero-knowledge mode") as refused:
        await keys.get_keys("user", "token")
    assert "token" not in refused.value.message


@pytest.mark.parametrize("key", ["not base64!", "c2hvcnQ="])
async def test_a_vault_that_answers_with_no_key_breaks_the_protocol(clock, key):
    answer = {"masterKey": key, "formatVersion": 1, "kekId": "env-v1"}
    keys = MasterKeyClient(answering(200, answer), FORWARDING, clock=clock)
    with pytest.raises(Exception, match="vault") as broken:
        await keys.get_keys("user", "token")
    assert broken.value.code == "protocol-error"


async def test_a_vault_that_is_down_is_unavailable(clock):
    answer = {"error": "service-unavailable", "message": "down"}
    keys = MasterKeyClient(answering(503, answer), FORWARDING, clock=clock)
    with pytest.raises(ServiceUnavailableError):
        await keys.get_keys("user", "token")


def test_reading_an_entry_keeps_it():
    entries = LruMap(2)
    entries.put("a", 1)
    entries.put("b", 2)
    assert entries.get("a") == 1
    entries.put("c", 3)
    assert (entries.get("a"), entries.get("b"), entries.get("c")) == (1, None, 3)
    entries.discard("a")
    entries.discard("a")
    assert len(entries) == 1
