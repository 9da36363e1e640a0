import base64
import copy
import json
import pickle

import pytest
from crypto_house import DATA

from mana_lab.crypto import (
    MasterKey,
    SigningKey,
    WrappedKey,
    generate_master_key,
    import_master_key,
    unwrap_master_key,
    wrap_master_key,
)
from mana_lab.crypto.keys import MAX_SEALS, HiddenKey
from mana_lab.errors import DecryptionError, InvalidKeyError, KeyExhaustedError

RAW = b"canary-canary-canary-canary-cana"
WRAP = json.loads((DATA / "kek_wrap.json").read_text("utf-8"))
KEK = base64.b64decode(WRAP["kek_b64"])
KEYS = [MasterKey(RAW), SigningKey.from_bytes("k1", RAW)]


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_is_exactly_32_bytes(length: int) -> None:
    with pytest.raises(InvalidKeyError, match=f"{length} bytes"):
        import_master_key(bytes(length))
    with pytest.raises(InvalidKeyError):
        SigningKey.from_bytes("k1", bytes(length))


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_nothing_shows_the_bytes_of_a_key(key: HiddenKey) -> None:
    for shown in [repr(key), str(key), f"{key}", f"{key!r:>40}", repr([key]), repr({"k": key})]:
        assert "canary" not in shown
        assert RAW.hex() not in shown
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        vars(key)


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_a_key_is_neither_pickled_nor_duplicated(key: HiddenKey) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(key, protocol)
    with pytest.raises(TypeError, match="no state"):
        key.__getstate__()
    assert copy.copy(key) is key
    assert copy.deepcopy({"key": key})["key"] is key


def test_keys_are_equal_by_their_bytes_and_kind() -> None:
    assert import_master_key(RAW) == import_master_key(bytearray(RAW))
    assert import_master_key(RAW) != generate_master_key()
    assert import_master_key(RAW) != SigningKey.from_bytes("k1", RAW)
    assert import_master_key(RAW) != RAW
    with pytest.raises(TypeError):
        hash(import_master_key(RAW))


def test_a_key_comes_back_from_its_export() -> None:
    key = generate_master_key()
    assert len(key.export()) == 32
    assert import_master_key(key.export()) == key


def test_the_kek_vector_wraps_and_unwraps() -> None:
    key = import_master_key(bytes.fromhex(WRAP["mk_hex"]))
    iv = base64.b64decode(WRAP["wrap_iv"])
    wrapped = wrap_master_key(key, KEK, random_bytes=lambda length: iv[:length])
    assert wrapped == WrappedKey(wrapped_mk=WRAP["wrapped_mk"], wrap_iv=WRAP["wrap_iv"])
    assert unwrap_master_key(wrapped, KEK) == key


def test_wrapping_twice_gives_two_texts() -> None:
    key = generate_master_key()
    assert wrap_master_key(key, KEK) != wrap_master_key(key, KEK)


@pytest.mark.parametrize(
    ("wrapped_mk", "wrap_iv"),
    [
        (WRAP["wrapped_mk"], base64.b64encode(bytes(12)).decode()),
        (WRAP["wrapped_mk"], base64.b64encode(bytes(16)).decode()),
        (base64.b64encode(bytes(48)).decode(), WRAP["wrap_iv"]),
        (base64.b64encode(bytes(47)).decode(), WRAP["wrap_iv"]),
        (base64.b64encode(bytes(64)).decode(), WRAP["wrap_iv"]),
        (WRAP["wrapped_mk"][:-4], WRAP["wrap_iv"]),
        ("*" * 64, WRAP["wrap_iv"]),
        ("é" * 64, WRAP["wrap_iv"]),
        ("", ""),
    ],
)
def test_an_altered_wrap_does_not_open(wrapped_mk: str, wrap_iv: str) -> None:
    with pytest.raises(DecryptionError, match=r"^the value does not open with this key$"):
        unwrap_master_key(WrappedKey(wrapped_mk, wrap_iv), KEK)


def test_another_kek_does_not_open_a_wrap() -> None:
    wrapped = wrap_master_key(generate_master_key(), KEK)
    with pytest.raises(DecryptionError):
        unwrap_master_key(wrapped, bytes(32))


def test_a_kek_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidKeyError):
        wrap_master_key(generate_master_key(), bytes(16))
    with pytest.raises(InvalidKeyError):
        unwrap_master_key(wrap_master_key(generate_master_key(), KEK), bytes(16))


def test_a_key_stops_before_its_ivs_could_repeat() -> None:
    key = MasterKey(RAW, "k000001", max_seals=3)
    sealed = [key.seal(bytes([n]) * 12, b"x") for n in range(3)]
    assert key.seals == 3
    for _ in range(2):
        with pytest.raises(KeyExhaustedError, match="rotate"):
            key.seal(bytes(12), b"x")
    assert key.seals == 3
    assert key.open(bytes(12), sealed[0]) == b"x"


def test_the_limit_of_a_key_is_far_below_the_bound_of_the_standard() -> None:
    assert MAX_SEALS <= 2**32 // 16
    assert generate_master_key().seals == 0


def test_the_name_of_a_key_is_no_part_of_the_key() -> None:
    assert MasterKey(RAW, "k000001") == MasterKey(RAW, "k000002") == import_master_key(RAW)
    assert import_master_key(RAW, "k000001").key_id == "k000001"
