import asyncio
import json
from pathlib import Path

import pytest

from mana_lab.identity.server.passwords import (
    PasswordCost,
    PasswordHasher,
    hash_password,
    verify_password,
)

VECTORS = json.loads((Path(__file__).parent / "data/password_hashes.json").read_text())
LIGHT = PasswordCost(n=16, r=1, p=1)


@pytest.mark.parametrize("vector", VECTORS["better_auth_scrypt"], ids=lambda v: v["hash"][:8])
def test_a_hash_is_the_one_that_better_auth_makes(vector):
    salt = vector["hash"].partition(":")[0]
    assert hash_password(vector["password"], PasswordCost(), salt) == vector["hash"]


def test_a_hash_of_better_auth_opens_with_its_password_only():
    vector = VECTORS["better_auth_scrypt"][0]
    assert verify_password(vector["password"], vector["hash"], PasswordCost())
    assert not verify_password(vector["password"] + "4", vector["hash"], PasswordCost())


def test_two_hashes_of_one_password_differ():
    assert hash_password("correct horse", LIGHT) != hash_password("correct horse", LIGHT)


def test_spellings_that_unicode_calls_compatible_are_one_password():
    assert verify_password("file size", hash_password("ﬁle size", LIGHT), LIGHT)


@pytest.mark.parametrize("stored", ["", ":", "nonsense", "ab:cd", "00" * 16 + ":"])
def test_a_stored_text_that_is_no_hash_fits_no_password(stored):
    assert not verify_password("correct horse", stored, LIGHT)


async def test_nobody_has_no_password():
    assert not await PasswordHasher(LIGHT).verify("", None)


async def test_the_event_loop_stays_free_while_passwords_are_hashed():
    hashing = asyncio.create_task(PasswordHasher(PasswordCost()).hash("correct horse"))
    turns = 0
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 100
