"""Known attacks on Ed25519: Wycheproof's vectors, through the check that every token gets."""

import json
from datetime import UTC, datetime

import pytest
from crypto_house import AUDIENCE, DATA, ISSUER
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mana_lab.crypto import KeySet
from mana_lab.crypto.encoding import encode_base64url
from mana_lab.crypto.jwt import UnverifiedToken
from mana_lab.errors import InvalidTokenError, ProtocolError

NOW = datetime(2026, 1, 5, tzinfo=UTC)
T = int(NOW.timestamp())
PAYLOAD = json.dumps(
    {"sub": "u1", "iss": ISSUER, "aud": AUDIENCE, "iat": T, "exp": T + 900}
).encode()
VECTORS = json.loads((DATA / "wycheproof_ed25519.json").read_text("utf-8"))
SMALL_ORDER = [
    group["pk"]
    for group in VECTORS["groups"]
    if any("SmallOrderPublicKey" in flags for _, _, flags, *_ in group["tests"])
]
TESTS = {
    f"{number} {comment or flags[0]}": (group["pk"], msg, sig, result)
    for group in VECTORS["groups"]
    if group["pk"] not in SMALL_ORDER
    for number, comment, flags, msg, sig, result in group["tests"]
}
TOP_BIT = 1 << 255
FIELD = 2**255 - 19


def published(raw: bytes) -> KeySet:
    jwk = {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": encode_base64url(raw)}
    return KeySet.from_jwks({"keys": [jwk]})


def is_taken(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    token = UnverifiedToken("k", message, PAYLOAD, signature)
    try:
        return token.verify(key, issuer=ISSUER, audience=AUDIENCE, now=NOW).sub == "u1"
    except InvalidTokenError:
        return False


@pytest.mark.parametrize("name", TESTS)
def test_a_signature_is_judged_as_wycheproof_says(name: str) -> None:
    public, message, signature, result = TESTS[name]
    key = published(bytes.fromhex(public)).get("k")
    assert key is not None
    taken = is_taken(key, bytes.fromhex(message), bytes.fromhex(signature))
    assert taken is (result == "valid") or result == "acceptable"


def test_the_vectors_are_all_there() -> None:
    results = [result for *_, result in TESTS.values()]
    counted = [results.count(result) for result in ("valid", "invalid", "acceptable")]
    assert counted == [117, 64, 21]
    assert len(SMALL_ORDER) == 8


@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_a_published_key_under_which_anybody_can_sign_is_refused(raw: str) -> None:
    with pytest.raises(ProtocolError, match="anybody can sign"):
        published(bytes.fromhex(raw))


@pytest.mark.parametrize("y", [0, 1, FIELD - 1, FIELD, FIELD + 1])
@pytest.mark.parametrize("sign", [0, TOP_BIT])
def test_such_a_key_is_known_in_every_encoding(y: int, sign: int) -> None:
    with pytest.raises(ProtocolError):
        published((y + sign).to_bytes(32, "little"))
