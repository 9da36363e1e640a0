import base64
import json
import random

import pytest
from crypto_house import DATA

from mana_lab.crypto import (
    MasterKey,
    RecoveryCode,
    WrappedKey,
    generate_master_key,
    import_master_key,
    is_proof,
    key_proof,
    proof_verifier,
)
from mana_lab.crypto.derive import derive
from mana_lab.errors import WrongRecoveryCodeError

VECTOR = json.loads((DATA / "recovery.json").read_text("utf-8"))
KEK = json.loads((DATA / "kek_wrap.json").read_text("utf-8"))
CODE = RecoveryCode.parse(VECTOR["code"])
WRAP = WrappedKey(VECTOR["recovery_wrapped_mk"], VECTOR["recovery_iv"])
GENERIC = r"^the recovery code does not open this vault$"


def test_a_code_is_shown_as_the_browser_shows_it():
    assert CODE.export().hex() == VECTOR["secret_hex"]
    assert CODE.format() == VECTOR["code"]
    assert len(VECTOR["code"]) == 79


def test_the_wrapping_key_is_the_browsers():
    info = VECTOR["hkdf_info"].encode()
    assert derive(CODE.export(), info).hex() == VECTOR["wrap_key_hex"]


def test_the_vector_opens_and_is_made_again_byte_for_byte():
    key = CODE.unwrap(WRAP)
    assert key.export().hex() == KEK["mk_hex"]
    iv = base64.b64decode(VECTOR["recovery_iv"])
    assert CODE.wrap(key, random_bytes=lambda length: iv[:length]) == WRAP


@pytest.mark.parametrize(
    "typed",
    [
        VECTOR["code"].lower(),
        VECTOR["code"].replace("-", ""),
        VECTOR["code"].replace("-", " "),
        f"\n {VECTOR['code'].replace('-', ' - ')}\t",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed):
    assert RecoveryCode.parse(typed) == CODE


@pytest.mark.parametrize(
    "typed",
    ["", "-", VECTOR["code"][:-1], VECTOR["code"] + "0", "G" * 64, "٣" * 64, "0x" + "0" * 62],
)
def test_what_cannot_be_a_code_is_refused_as_a_wrong_one(typed):
    with pytest.raises(WrongRecoveryCodeError, match=GENERIC):
        RecoveryCode.parse(typed)


def test_a_fresh_code_comes_from_the_random_source_and_differs_each_time():
    assert RecoveryCode.generate(random_bytes=random.Random(1).randbytes).format() != (
        RecoveryCode.generate(random_bytes=random.Random(2).randbytes).format()
    )
    assert len({RecoveryCode.generate().format() for _ in range(100)}) == 100


def test_another_code_or_an_altered_wrap_says_no_more_than_that():
    iv, sealed = base64.b64decode(WRAP.wrap_iv), base64.b64decode(WRAP.wrapped_mk)
    altered = [
        WrappedKey(base64.b64encode(sealed[:-1] + b"x").decode(), WRAP.wrap_iv),
        WrappedKey(base64.b64encode(sealed[:-1]).decode(), WRAP.wrap_iv),
        WrappedKey(WRAP.wrapped_mk, base64.b64encode(bytes(12)).decode()),
        WrappedKey(WRAP.wrapped_mk, base64.b64encode(iv + b"x").decode()),
        WrappedKey("not base64", "é"),
        WrappedKey("", ""),
    ]
    for code, wrap in [(RecoveryCode.generate(), WRAP), *((CODE, wrap) for wrap in altered)]:
        with pytest.raises(WrongRecoveryCodeError, match=GENERIC) as caught:
            code.unwrap(wrap)
        assert caught.value.__cause__ is None


def test_a_code_shows_itself_only_when_it_is_formatted():
    for shown in (repr(CODE), str(CODE), f"{CODE}", repr([CODE])):
        assert VECTOR["code"][:4] not in shown.upper()
        assert VECTOR["secret_hex"][:4] not in shown


def test_a_proof_is_recognised_and_gives_neither_key_nor_proof_away():
    key, other = generate_master_key(), generate_master_key()
    verifier = proof_verifier(key_proof(key))
    assert is_proof(key_proof(key), verifier)
    assert not is_proof(key_proof(other), verifier)
    assert not is_proof(key.export(), verifier)
    assert not is_proof(verifier, verifier)
    assert not is_proof(b"", verifier)
    assert not is_proof(key_proof(key), b"")
    assert key_proof(key) != key.export()


def test_the_proof_is_hkdf_of_the_key_so_that_any_client_can_make_it():
    key = import_master_key(bytes(range(32)))
    assert key_proof(key) == derive(bytes(range(32)), b"mana-key-proof-v1")
    assert isinstance(key, MasterKey)
