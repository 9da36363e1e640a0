"""Vaults are kept apart twice: by the service's own conditions and by row-level security."""

import pytest
from identity_house import PASSWORD
from vault_house import WRAP, Asking, key_text, proof_of
from walls_house import owned_tables, reached, take_down_row_security, unfiltered

from mana_lab.identity.server import METADATA
from mana_lab.identity.server.vault_keys import SETTLING
from mana_lab.storage import RowScope

on_postgres = pytest.mark.parametrize("home", ["postgres"], indirect=True)


async def leaks(house):
    """Return what eve comes to know or change of anna's vault through the service."""
    found = set()
    anna, keys = await _anna(house)
    before = await _rows_of(house, anna)
    eve = Asking(house, await house.person("eve@example.test"))
    status = (await eve("GET", "status")).json()
    if status["vaultExists"] or status["hasRecoveryWrap"]:
        found.add("the status")
    if (await eve("GET", "key")).status_code != 404:
        found.add("a vault before there is one")
    await eve("POST", "init")
    own = (await eve("GET", "key")).json()
    if own.get("masterKey") in keys:
        found.add("the key")
    if "previousKeys" in own:
        found.add("earlier keys")
    wrong = await eve("PUT", "recovery-wrap", {**WRAP, "keyProof": key_text()})
    if wrong.status_code == 429:
        found.add("how often proofs were wrong")
    await eve("POST", "rotate")
    house.clock.advance(SETTLING.total_seconds())
    eve.token = (await house.identity.login("eve@example.test", PASSWORD)).access_token
    key = (await eve("GET", "key")).json()
    finish = {"keyId": key["keyId"], "keyProof": proof_of(key["masterKey"])}
    await eve("POST", "rotate/finish", finish)
    await eve("POST", "recovery-wrap", {**WRAP, "keyProof": proof_of(await eve.key())})
    await eve("DELETE", "recovery-wrap")
    await eve("POST", "recovery-wrap", WRAP)
    await eve("POST", "zero-knowledge", {"enable": True})
    after = await _rows_of(house, anna)
    return found | {f"rows of {name}" for name in before if before[name] != after[name]}


async def _anna(house):
    """Make a vault with two keys, a recovery wrap and as many wrong proofs as there may be."""
    login = await house.person("anna@example.test")
    anna = Asking(house, login)
    await anna("POST", "init")
    first = await anna.key()
    await anna("POST", "rotate")
    await anna("POST", "recovery-wrap", WRAP)
    for _ in range(5):
        await anna("PUT", "recovery-wrap", {**WRAP, "keyProof": key_text()})
    return login.user.id, {first, await anna.key()}


async def _rows_of(house, user):
    return {
        table.name: sorted(map(str, (r for r in await house.rows(table) if r.user_id == user)))
        for table in owned_tables(METADATA)
    }


async def test_the_services_own_conditions_are_enough(house):
    take_down_row_security(house.home, METADATA)
    assert await leaks(house) == set()


@on_postgres
async def test_row_level_security_is_enough(house):
    with unfiltered(house.store):
        assert await leaks(house) == set()


async def test_with_neither_everybody_has_everybodys_keys(house):
    """The test of the tests above: each wall was down, and nothing else stood there."""
    take_down_row_security(house.home, METADATA)
    with unfiltered(house.store):
        assert await leaks(house) >= {
            "the status",
            "a vault before there is one",
            "the key",
            "earlier keys",
            "how often proofs were wrong",
            "rows of encryption_vaults",
            "rows of encryption_vault_keys",
        }


@on_postgres
async def test_statements_in_a_users_scope_reach_no_vault_but_theirs(house):
    people = []
    for name in ("anna", "eve"):
        login = await house.person(f"{name}@example.test")
        await Asking(house, login)("POST", "init")
        people.append(login.user.id)
    anna, eve = people
    assert await reached(house.store, METADATA, RowScope(eve), anna) == set()
    take_down_row_security(house.home, METADATA)
    free = await reached(house.store, METADATA, RowScope(eve), anna)
    acts = ("read", "lock", "update", "delete", "take", "give", "insert")
    assert free == {f"{act} {table.name}" for act in acts for table in owned_tables(METADATA)}
