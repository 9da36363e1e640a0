import base64
import contextlib
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crypto_house import AUDIENCE, DATA, ISSUER
from jwt.algorithms import OKPAlgorithm
from token_house import PREVIOUS, WITHDRAWN, Forge, bad_tokens, flat, good_tokens, other_kinds

from mana_lab.crypto import Claims, KeySet, SigningKey, sign, verify
from mana_lab.crypto.encoding import encode_base64url
from mana_lab.crypto.jwt import MAX_LIFETIME_S, MAX_TOKEN_CHARS, UnverifiedToken
from mana_lab.errors import InvalidTokenError, TokenExpiredError

NOW = datetime(2026, 1, 5, tzinfo=UTC)
T = int(NOW.timestamp())
KEY = SigningKey.from_bytes("current", bytes(range(32)))
KEYS = KeySet.from_jwks({"keys": [PREVIOUS.public_jwk(), KEY.public_jwk(), *other_kinds()]})
CLAIMS = {"sub": "u1", "iss": ISSUER, "aud": AUDIENCE, "iat": T, "exp": T + 900}
FORGE = Forge(KEY, CLAIMS)


def judge(token: str, now: datetime = NOW) -> Claims:
    return verify(token, KEYS, issuer=ISSUER, audience=AUDIENCE, now=now)


TOKEN = FORGE.sign()
BAD = flat(bad_tokens(FORGE)) | {"empty": "", "leading space": f" {TOKEN}"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused_in_the_same_words(name: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        judge(BAD[name])
    assert type(caught.value) is InvalidTokenError
    assert caught.value.message == "the token is not valid here; sign in again"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", [*BAD, "a good one"])
def test_every_token_costs_one_signature_check_whatever_is_wrong_with_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = []
    check = OKPAlgorithm.verify

    def counted(self: OKPAlgorithm, message: bytes, key: Any, signature: bytes) -> bool:
        checks.append(len(signature))
        return check(self, message, key, signature)

    monkeypatch.setattr(OKPAlgorithm, "verify", counted)
    with contextlib.suppress(InvalidTokenError):
        judge(BAD.get(name, TOKEN))
    assert checks == [64]


GOOD = good_tokens(FORGE) | {
    "as we sign it": sign(CLAIMS, KEY),
    "sub of 128": FORGE.with_claims(sub="~" * 128),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_is_accepted(name: str) -> None:
    found = judge(GOOD[name])
    assert found.iss == ISSUER
    assert AUDIENCE in found.aud


def test_every_claim_comes_out() -> None:
    given = {
        "email": "anna@mana.test",
        "role": "admin",
        "tier": "founder",
        "kind": "persona",
        "sid": "s1",
        "zoneinfo": "Europe/Berlin",
        "jti": "j1",
        "space": "home",
        "tool": "todo.create",
    }
    found = judge(FORGE.with_claims(**given))
    assert found.model_dump() == CLAIMS | given | {"aud": (AUDIENCE,), "nbf": 0, "scope": None}
    assert found.expires_at == NOW + timedelta(seconds=900)


def test_a_token_of_a_deployed_mana_has_no_kind_and_passes() -> None:
    found = judge(FORGE.with_claims(email="anna@mana.test", role="user", tier="beta", sid="s1"))
    assert (found.kind, found.tier) == ("human", "beta")
    bare = judge(TOKEN)
    assert (bare.email, bare.role, bare.tier, bare.sid) == ("", "user", "public", "")


def test_a_genuine_token_past_its_end_is_expired() -> None:
    with pytest.raises(TokenExpiredError):
        judge(TOKEN, NOW + timedelta(seconds=930))
    assert judge(TOKEN, NOW + timedelta(seconds=929)).sub == "u1"


@pytest.mark.parametrize(
    "token",
    [
        FORGE.sign(key=WITHDRAWN),
        BAD["signature malleated"],
        FORGE.with_claims(aud="other"),
        FORGE.with_claims(iss="other"),
        FORGE.with_claims(sub=""),
        FORGE.with_claims(exp=T + MAX_LIFETIME_S + 1),
    ],
    ids=["foreign key", "malleated", "other audience", "other issuer", "no sub", "long life"],
)
def test_only_a_genuine_token_is_called_expired(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        judge(token, NOW + timedelta(days=30))


def test_every_single_changed_character_is_refused() -> None:
    for place, was in enumerate(TOKEN):
        for instead in {"A", "_", "=", "\n"} - {was}:
            with pytest.raises(InvalidTokenError):
                judge(TOKEN[:place] + instead + TOKEN[place + 1 :])


def test_the_longest_token_is_8_kb() -> None:
    filler = MAX_TOKEN_CHARS - len(FORGE.with_claims(x="")) - 400
    short = FORGE.with_claims(x="x" * (filler * 3 // 4))
    assert len(short) <= MAX_TOKEN_CHARS
    assert judge(short).sub == "u1"


def test_a_signed_token_has_exactly_the_header_of_the_original() -> None:
    head, body, _ = sign(CLAIMS, KEY).split(".")
    assert base64.urlsafe_b64decode(head + "==") == b'{"alg":"EdDSA","kid":"current"}'
    assert json.loads(base64.urlsafe_b64decode(body + "==")) == CLAIMS


def test_the_rfc_8037_vector() -> None:
    vector = json.loads((DATA / "eddsa_jws_rfc8037.json").read_text("utf-8"))
    seed = base64.urlsafe_b64decode(vector["d"] + "=")
    key = SigningKey.from_bytes("rfc", seed)
    jwk = key.public_jwk()
    assert jwk["x"] == vector["x"]
    members = {name: jwk[name] for name in ("crv", "kty", "x")}
    canonical = json.dumps(members, separators=(",", ":")).encode()
    assert encode_base64url(hashlib.sha256(canonical).digest()) == vector["thumbprint"]
    signed, _, signature = vector["jws"].rpartition(".")
    assert encode_base64url(key.private_key().sign(signed.encode())) == signature
    with pytest.raises(InvalidTokenError):
        UnverifiedToken.parse(vector["jws"])


def test_a_parsed_token_shows_nothing_but_its_key_id() -> None:
    assert repr(UnverifiedToken.parse(TOKEN)) == "UnverifiedToken(kid='current')"
