import asyncio
import base64

import pytest
from identity_house import bearer
from sqlalchemy import delete, insert, update

from mana_lab.errors import InfrastructureError, UnauthenticatedError, VaultNotInitialisedError
from mana_lab.identity.server.schema import USERS, VAULT_AUDIT, VAULTS
from mana_lab.identity.server.vaults import Caller, Vaults

ROOT = "/api/v1/me/encryption-vault"


async def audit(house):
    rows = sorted(await house.rows(VAULT_AUDIT), key=lambda row: (row.created_at, row.action))
    return [(row.action, row.status, row.context) for row in rows]


async def test_a_new_account_has_no_vault(house):
    login = await house.person()
    answer = await house.http.get(f"{ROOT}/status", headers=bearer(login.access_token))
    assert answer.json() == {
        "vaultExists": False,
        "hasRecoveryWrap": False,
        "zeroKnowledge": False,
        "recoverySetAt": None,
    }
    assert await audit(house) == []


async def test_a_vault_is_made_once_and_gives_its_key_ever_after(house):
    login = await house.person()
    answer = await house.http.post(f"{ROOT}/init", headers=bearer(login.access_token))
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) >= {"masterKey", "formatVersion", "kekId"}
    assert len(base64.b64decode(body["masterKey"], validate=True)) == 32
    again = await house.identity.vault_init(login.access_token)
    fetched = await house.identity.vault_key(login.access_token)
    assert again.master_key == fetched.master_key == body["masterKey"]
    assert fetched.kek_id == "env-v1"
    assert (await house.identity.vault_status(login.access_token)).vault_exists


async def test_many_first_calls_at_once_make_one_key(house):
    """The original failed here: concurrent first calls ended in a primary-key error."""
    login = await house.person()
    keys = await asyncio.gather(*(house.identity.vault_init(login.access_token) for _ in range(50)))
    assert len({key.master_key for key in keys}) == 1
    assert len(await house.rows(VAULTS)) == 1
    statuses = [row.status for row in await house.rows(VAULT_AUDIT)]
    assert sorted(statuses) == [200] * 49 + [201]


async def test_every_access_is_audited(house):
    login = await house.person()
    for name in ("init", "init", "key"):
        method = "GET" if name == "key" else "POST"
        await house.http.request(
            method,
            f"{ROOT}/{name}",
            headers=bearer(login.access_token) | {"User-Agent": "x" * 300},
        )
        house.clock.advance(1)
    assert await audit(house) == [
        ("init", 201, "created"),
        ("init", 200, "already-exists"),
        ("fetch", 200, None),
    ]
    row = (await house.rows(VAULT_AUDIT))[0]
    assert (row.user_id, row.ip_address, row.user_agent) == (
        login.user.id,
        "127.0.0.1",
        "x" * 255,
    )


async def test_the_audit_of_a_failed_access_stays(house):
    """The original failed here: failures were audited in the transaction that was rolled back."""
    login = await house.person()
    with pytest.raises(VaultNotInitialisedError):
        await house.identity.vault_key(login.access_token)
    assert await audit(house) == [("failed_fetch", 404, "not-initialised")]


async def test_a_damaged_wrap_is_an_audited_failure_that_says_nothing(house):
    login = await house.person()
    await house.identity.vault_init(login.access_token)
    house.tamper(update(VAULTS).values(wrap_iv="AAAAAAAAAAAAAAAA"))
    house.clock.advance(1)
    answer = await house.http.get(f"{ROOT}/key", headers=bearer(login.access_token))
    assert (answer.status_code, answer.json()["error"]) == (500, "infrastructure")
    assert (await audit(house))[-1] == ("failed_fetch", 500, "unwrap-failed")
    with pytest.raises(InfrastructureError):
        await house.identity.vault_key(login.access_token)


async def test_a_zero_knowledge_vault_hands_out_no_key(house):
    login = await house.person()
    house.tamper(
        insert(VAULTS).values(
            user_id=login.user.id,
            recovery_wrapped_mk="w",
            recovery_iv="i",
            zero_knowledge=True,
            created_at=house.clock.now(),
        )
    )
    for answer in (
        await house.http.get(f"{ROOT}/key", headers=bearer(login.access_token)),
        await house.http.post(f"{ROOT}/init", headers=bearer(login.access_token)),
    ):
        assert "masterKey" not in answer.json()
        assert answer.json()["requiresRecoveryCode"] is True
        assert answer.json()["recoveryWrappedMk"] == "w"
        assert answer.json()["recoveryIv"] == "i"
    assert set(await audit(house)) == {
        ("fetch", 200, "zk-recovery-blob"),
        ("init", 200, "already-exists-zk"),
    }


async def test_a_vault_is_its_owners_only(house):
    anna, eve = await house.person("anna@a.test"), await house.person("eve@a.test")
    keys = [
        (await house.identity.vault_init(login.access_token)).master_key for login in (anna, eve)
    ]
    assert keys[0] != keys[1]
    assert (await house.http.get(f"{ROOT}/key")).status_code == 401


async def test_the_master_key_lies_in_the_store_only_wrapped(house):
    login = await house.person()
    key = (await house.identity.vault_init(login.access_token)).master_key
    await house.store.close()
    stored = house.home.stored()
    assert key.encode() not in stored
    assert base64.b64decode(key) not in stored
    assert key not in repr(house)


async def test_the_token_of_a_deleted_account_opens_no_vault(house):
    login = await house.person()
    await house.store.write(
        lambda connection: connection.execute(delete(USERS).where(USERS.c.id == login.user.id))
    )
    for method, name in (("POST", "init"), ("GET", "key"), ("GET", "status")):
        answer = await house.http.request(
            method, f"{ROOT}/{name}", headers=bearer(login.access_token)
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    assert await house.rows(VAULT_AUDIT) == []


async def test_an_account_deleted_in_the_middle_of_a_call_is_no_crash(house):
    vaults = Vaults(house.store, house.config.kek, house.clock)
    with pytest.raises(UnauthenticatedError):
        await vaults.init(Caller("gone"))
    with pytest.raises(VaultNotInitialisedError):
        await vaults.key(Caller("gone"))
