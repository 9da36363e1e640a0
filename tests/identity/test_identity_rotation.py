import asyncio

import pytest
from identity_house import PASSWORD, bearer
from sqlalchemy import delete
from vault_house import ROOT, WRAP, Asking, audit, key_text, proof_of, refusal

from mana_lab.errors import RotationUnfinishedError
from mana_lab.identity.server.schema import USERS, VAULT_AUDIT, VAULT_KEYS, VAULTS
from mana_lab.identity.server.vault_keys import MAX_PREVIOUS_KEYS
from mana_lab.identity.wire import RotationFinish

SETTLED_S = 16 * 60


@pytest.fixture
async def ask(house):
    """Somebody with a vault."""
    asking = Asking(house, await house.person())
    await house.identity.vault_init(asking.token)
    return asking


async def settle(ask):
    """Let the time pass after which no earlier token is good any more."""
    ask.house.clock.advance(SETTLED_S)
    ask.token = (await ask.house.identity.login("anna@example.test", PASSWORD)).access_token


def finish(key) -> dict[str, str]:
    return {"keyId": key["keyId"], "keyProof": proof_of(key["masterKey"])}


async def test_rotating_makes_a_new_key_and_keeps_the_one_before(ask):
    old = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    answer = await ask("POST", "rotate")
    assert answer.status_code == 200
    body = answer.json()
    assert body["masterKey"] != old
    assert (body["formatVersion"], body["kekId"], body["keyId"]) == (1, "env-v1", "k000002")
    former = {"keyId": "k000001", "masterKey": old, "removable": False}
    assert body["previousKeys"] == [former]
    assert (await ask("GET", "key")).json() == body
    assert (await ask("POST", "init")).json() == body
    assert (await ask("GET", "status")).json()["hasRecoveryWrap"] is False
    assert ("rotate", 200, None) in await audit(ask.house)
    (row,) = await ask.house.rows(VAULTS)
    assert row.rotated_at is not None


async def test_without_a_rotation_there_are_no_previous_keys(ask):
    assert set((await ask("GET", "key")).json()) == {
        "masterKey",
        "formatVersion",
        "kekId",
        "requiresRecoveryCode",
        "keyId",
    }


async def test_rotating_without_a_vault_makes_one(house):
    ask = Asking(house, await house.person())
    answer = await ask("POST", "rotate")
    assert answer.status_code == 200
    assert "previousKeys" not in answer.json()
    assert await audit(house) == [("rotate", 201, "init-on-rotate")]


async def test_rotating_again_keeps_all_keys_until_they_are_given_up(ask):
    keys = [await ask.key()]
    for _ in range(3):
        keys.append((await ask("POST", "rotate")).json()["masterKey"])
    answer = (await ask("GET", "key")).json()
    assert answer["masterKey"] == keys[-1]
    assert [key["masterKey"] for key in answer["previousKeys"]] == keys[-2::-1]
    assert [key["keyId"] for key in answer["previousKeys"]] == ["k000003", "k000002", "k000001"]


async def test_many_rotations_at_once_lose_no_key(house, ask):
    first = await ask.key()
    path = f"{ROOT}/rotate"
    answers = await asyncio.gather(
        *(house.http.post(path, headers=bearer(ask.token)) for _ in range(20))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * MAX_PREVIOUS_KEYS + [409] * 4
    made = {answer.json()["masterKey"] for answer in answers if answer.status_code == 200}
    held = (await ask("GET", "key")).json()
    assert made | {first} == {held["masterKey"]} | {
        key["masterKey"] for key in held["previousKeys"]
    }
    assert {row.context for row in await house.rows(VAULT_AUDIT) if row.status == 409} == {
        "too-many-keys"
    }


async def test_previous_keys_are_given_up_by_who_proves_the_current_one(ask):
    old = await ask.key()
    current = (await ask("POST", "rotate")).json()
    await settle(ask)
    assert (await ask("GET", "key")).json()["previousKeys"][0]["removable"] is True
    for proof in (proof_of(old), key_text(), current["masterKey"]):
        body = {"keyId": current["keyId"], "keyProof": proof}
        answer = await ask("POST", "rotate/finish", body)
        assert (answer.status_code, answer.json()["error"]) == (403, "key-proof-failed")
        assert (await audit(ask.house))[-1] == ("rotate_finish", 403, "wrong-proof")
        assert len((await ask("GET", "key")).json()["previousKeys"]) == 1
    for context in (None, "nothing-left"):
        answer = await ask("POST", "rotate/finish", finish(current))
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        assert (await audit(ask.house))[-1] == ("rotate_finish", 200, context)
    after = (await ask("GET", "key")).json()
    assert "previousKeys" not in after
    assert after["masterKey"] == current["masterKey"]
    assert [row.key_id for row in await ask.house.rows(VAULT_KEYS)] == ["k000002"]


async def test_a_key_stays_while_a_token_from_its_time_is_good(ask):
    """A tool call takes the key and writes with the same token; it must not write unreadably."""
    current = (await ask("POST", "rotate")).json()
    answer = await ask("POST", "rotate/finish", finish(current))
    assert (answer.status_code, answer.json()["error"]) == (409, "rotation-unfinished")
    assert (await audit(ask.house))[-1] == ("rotate_finish", 409, "too-early")
    assert len((await ask("GET", "key")).json()["previousKeys"]) == 1
    former = ask.token
    await settle(ask)
    late, ask.token = ask.token, former
    assert (await ask("GET", "key")).status_code == 401
    ask.token = late
    assert (await ask("POST", "rotate/finish", finish(current))).status_code == 200


async def test_a_rotation_in_between_is_noticed_and_is_no_wrong_proof(house, ask):
    first = (await ask("POST", "rotate")).json()
    await settle(ask)
    second = (await ask("POST", "rotate")).json()
    for _ in range(6):
        with pytest.raises(RotationUnfinishedError):
            await house.identity.vault_finish_rotation(
                ask.token, RotationFinish.model_validate(finish(first))
            )
    assert (await audit(house))[-1] == ("rotate_finish", 409, "rotated-since")
    assert len((await ask("GET", "key")).json()["previousKeys"]) == 2
    await settle(ask)
    assert (await ask("POST", "rotate/finish", finish(second))).status_code == 200
    third = (await ask("POST", "rotate")).json()
    assert third["keyId"] == "k000004"


async def test_zero_knowledge_mode_waits_for_the_end_of_a_rotation(ask):
    """The service would go on holding a key of theirs, or records would become unreadable."""
    current = (await ask("POST", "rotate")).json()
    await ask("POST", "recovery-wrap", WRAP)
    answer = await ask("POST", "zero-knowledge", {"enable": True})
    assert (answer.status_code, answer.json()["error"]) == (409, "rotation-unfinished")
    assert (await audit(ask.house))[-1] == ("zk_enable", 409, "rotation-unfinished")
    await settle(ask)
    await ask("POST", "rotate/finish", finish(current))
    assert (await ask("POST", "zero-knowledge", {"enable": True})).status_code == 200
    locked = (await ask("GET", "key")).json()
    assert "masterKey" not in locked
    assert "previousKeys" not in locked
    assert locked["keyId"] == "k000002"


@pytest.mark.parametrize("key_id", ["", "k 1", "k" * 65, "é", None, 7, "k:1"], ids=repr)
async def test_a_malformed_key_id_is_a_bad_request(ask, key_id):
    body = {"keyId": key_id, "keyProof": key_text()}
    assert refusal(await ask("POST", "rotate/finish", body)) == (400, "BAD_REQUEST")


async def test_nobody_rotates_without_a_token(house):
    for name in ("rotate", "rotate/finish", "recovery-wrap", "zero-knowledge"):
        assert (await house.http.post(f"{ROOT}/{name}")).status_code == 401


async def test_the_keys_go_with_the_account(house, ask):
    await ask("POST", "rotate")
    await house.store.write(
        lambda connection: connection.execute(delete(USERS).where(USERS.c.id == ask.login.user.id))
    )
    for table in (VAULTS, VAULT_KEYS, VAULT_AUDIT):
        assert await house.rows(table) == []


async def test_every_operation_of_the_vault_is_documented_once(house):
    openapi = (await house.http.get("/openapi.json")).json()
    found = [
        operation["operationId"]
        for path, operations in openapi["paths"].items()
        if path.startswith(ROOT)
        for operation in operations.values()
    ]
    assert len(found) == len(set(found)) == 9
