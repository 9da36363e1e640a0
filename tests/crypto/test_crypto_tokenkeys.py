from typing import Any

import pytest

from mana_lab.crypto import KeySet, SigningKey
from mana_lab.errors import InvalidKeyError, ProtocolError

KEY = SigningKey.from_bytes("k1", bytes(range(32)))
JWK = KEY.public_jwk()
RSA = {"kty": "RSA", "kid": "r1", "n": "AQAB", "e": "AQAB"}
OCT = {"kty": "oct", "kid": "o1", "k": "AAAA"}


def test_the_published_key_has_exactly_the_members_of_the_original() -> None:
    assert list(JWK) == ["alg", "crv", "x", "kty", "kid"]
    assert (JWK["alg"], JWK["crv"], JWK["kty"], JWK["kid"]) == ("EdDSA", "Ed25519", "OKP", "k1")


def test_reads_ed25519_keys_and_ignores_others() -> None:
    others = [RSA, OCT, {"kty": "OKP", "crv": "X25519", "kid": "x1", "x": JWK["x"]}]
    others += [JWK | {"kid": "enc", "use": "enc"}, JWK | {"kid": "alg", "alg": "ES256"}]
    keys = KeySet.from_jwks({"keys": [*others, JWK], "extra": 1})
    assert len(keys) == 1
    found = keys.get("k1")
    assert found is not None
    assert found == KEY.private_key().public_key()
    assert all(keys.get(kid) is None for kid in ("r1", "o1", "x1", "enc", "alg", ""))
    assert repr(keys) == "<KeySet of 1>"


@pytest.mark.parametrize(
    "jwk",
    [
        JWK | {"use": "sig"},
        JWK | {"alg": "Ed25519"},
        {name: value for name, value in JWK.items() if name != "alg"},
        JWK | {"key_ops": ["verify"], "extra": 1},
    ],
    ids=["use sig", "alg Ed25519", "no alg", "extra members"],
)
def test_reads_the_forms_that_issuers_publish(jwk: dict[str, Any]) -> None:
    assert KeySet.from_jwks({"keys": [jwk]}).get("k1") is not None


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "keys",
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": ["k1"]},
        {"keys": [JWK, None]},
        {"keys": [OCT]},
        {"keys": [RSA]},
        {"keys": [JWK | {"d": "AAAA"}]},
        {"keys": [JWK, RSA | {"d": "AAAA"}]},
        {"keys": [JWK, JWK]},
        {"keys": [JWK, RSA | {"kid": "k1"}]},
        {"keys": [JWK | {"kid": None}]},
        {"keys": [JWK | {"kid": 1}]},
        {"keys": [JWK | {"kid": "../k"}]},
        {"keys": [JWK | {"x": None}]},
        {"keys": [JWK | {"x": "AAAA"}]},
        {"keys": [JWK | {"x": JWK["x"] + "="}]},
        {"keys": [JWK | {"x": [JWK["x"]]}]},
        {"keys": [JWK | {"alg": ["EdDSA"]}]},
    ],
)
def test_refuses_what_is_not_a_usable_key_set(document: Any) -> None:
    with pytest.raises(ProtocolError):
        KeySet.from_jwks(document)


def test_a_generated_key_has_an_id_of_32_letters_and_digits() -> None:
    first, second = SigningKey.generate(), SigningKey.generate()
    assert first.kid != second.kid
    assert first != second
    assert len(first.kid) == 32
    assert first.kid.isalnum()
    assert SigningKey.from_bytes(first.kid, first.export()) == first


@pytest.mark.parametrize("kid", ["", "k" * 65, "a b", "k\n", "ü", "../k"])
def test_a_signing_key_takes_no_odd_id(kid: str) -> None:
    with pytest.raises(InvalidKeyError):
        SigningKey.from_bytes(kid, bytes(32))
