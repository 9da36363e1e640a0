"""Published vectors, and what must hold over very many values."""

import json
import random

import numpy as np
import pytest
from crypto_house import DATA

from mana_lab.crypto import (
    CipherPolicy,
    FieldCipher,
    FieldPlace,
    KeyRing,
    MasterKey,
    generate_master_key,
    key_proof,
    wrap_value,
)
from mana_lab.crypto.derive import derive
from mana_lab.errors import DecryptionError

PUBLISHED = json.loads((DATA / "nist_gcm_rfc5869_hkdf.json").read_text("utf-8"))
IV_CHARS = 16


@pytest.mark.parametrize("row", PUBLISHED["gcm"], ids=lambda row: row["tag"][:8])
def test_nist_vectors_open_or_are_refused(row):
    raw = {name: bytes.fromhex(text) for name, text in row.items() if text is not None}
    key, sealed = MasterKey(raw["key"]), raw["ct"] + raw["tag"]
    if row["pt"] is None:
        with pytest.raises(DecryptionError):
            key.open(raw["iv"], sealed, raw["aad"])
        return
    assert key.open(raw["iv"], sealed, raw["aad"]) == raw["pt"]
    assert key.seal(raw["iv"], raw["pt"], raw["aad"]) == sealed
    for wrong in (raw["aad"] + b"\0", None if raw["aad"] else b"\0"):
        with pytest.raises(DecryptionError):
            key.open(raw["iv"], sealed, wrong)


def test_every_bit_of_a_sealed_value_counts():
    key, iv = generate_master_key(), bytes(12)
    sealed = key.seal(iv, b"diary", b"place")
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecryptionError):
            key.open(iv, bytes(altered), b"place")
    for short in range(len(sealed)):
        with pytest.raises(DecryptionError):
            key.open(iv, sealed[:short], b"place")


def test_the_derivation_is_that_of_rfc_5869():
    row = {name: bytes.fromhex(text) for name, text in PUBLISHED["hkdf"].items()}
    assert derive(row["ikm"], row["info"]) == row["okm"][:32]


def test_a_browser_derives_the_same(ask_node):
    rng = random.Random(9)
    secrets = [rng.randbytes(32) for _ in range(20)]
    asked = [{"op": "derive", "secret": raw.hex(), "info": "mana-key-proof-v1"} for raw in secrets]
    assert ask_node(asked) == [key_proof(MasterKey(raw)).hex() for raw in secrets]


def ivs(write, count, start):
    """Return the IVs of *count* values, as their base64 stands in the text."""
    found = bytearray()
    for _ in range(count):
        found += write()[start : start + IV_CHARS].encode()
    return np.frombuffer(bytes(found), dtype=f"S{IV_CHARS}")


def check_ivs(count):
    key = MasterKey(generate_master_key().export(), "k000001")
    place = FieldPlace("u", "notes", "notes", "n", "title")
    bound = FieldCipher(KeyRing(key), CipherPolicy("enc:2:"))
    found = np.concatenate(
        [
            ivs(lambda: wrap_value(1, key), count // 2, len("enc:1:")),
            ivs(lambda: bound.seal(1, place), count // 2, len("enc:2:k000001:")),
        ]
    )
    assert key.seals == count == len(np.unique(found))


def test_no_iv_is_used_twice():
    check_ivs(100_000)


@pytest.mark.slow
def test_no_iv_is_used_twice_in_ten_million_values():
    check_ivs(10_000_000)
