import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crypto_house import AUDIENCE, DATA, ISSUER

from mana_lab.crypto import Claims, KeySet, SigningKey, sign, verify
from mana_lab.crypto.encoding import encode_base64url
from mana_lab.crypto.jwt import MAX_LIFETIME_S, MAX_TOKEN_CHARS, UnverifiedToken
from mana_lab.errors import InvalidTokenError, TokenExpiredError

NOW = datetime(2026, 1, 5, tzinfo=UTC)
T = int(NOW.timestamp())
KEY = SigningKey.from_bytes("current", bytes(range(32)))
PREVIOUS = SigningKey.from_bytes("previous", bytes(32))
WITHDRAWN = SigningKey.from_bytes("withdrawn", b"w" * 32)
KEYS = KeySet.from_jwks({"keys": [PREVIOUS.public_jwk(), KEY.public_jwk()]})
HEADER = {"alg": "EdDSA", "kid": "current"}
CLAIMS = {"sub": "u1", "iss": ISSUER, "aud": AUDIENCE, "iat": T, "exp": T + 900}
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
_GONE = object()


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return encode_base64url(raw)


def forge(header: Any = HEADER, payload: Any = CLAIMS, key: SigningKey = KEY) -> str:
    """Sign any header and payload with a genuine key, so that the signature is never to blame."""
    signed = f"{part(header)}.{part(payload)}"
    return f"{signed}.{encode_base64url(key.private_key().sign(signed.encode()))}"


def header(**changes: Any) -> str:
    merged = HEADER | changes
    return forge({name: value for name, value in merged.items() if value is not _GONE})


def claims(**changes: Any) -> str:
    merged = CLAIMS | changes
    return forge(payload={name: value for name, value in merged.items() if value is not _GONE})


def keyed_with(secret: bytes) -> str:
    signed = f"{part(HEADER | {'alg': 'HS256'})}.{part(CLAIMS)}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"


def with_signature(change: Callable[[bytes], bytes]) -> str:
    signed, _, signature = forge().rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    return f"{signed}.{encode_base64url(change(raw))}"


def malleated(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def last_bits_set(token: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]


def judge(token: str, now: datetime = NOW) -> Claims:
    return verify(token, KEYS, issuer=ISSUER, audience=AUDIENCE, now=now)


PUBLIC = KEY.private_key().public_key().public_bytes_raw()
TOKEN = forge()
HEAD, BODY, SIGNATURE = TOKEN.split(".")

BAD: dict[str, str] = {
    "alg none": header(alg="none"),
    "alg None": header(alg="None"),
    "alg NONE without signature": f"{part(HEADER | {'alg': 'NONE'})}.{BODY}.",
    "alg missing": header(alg=_GONE),
    "alg null": header(alg=None),
    "alg list": header(alg=["EdDSA"]),
    "alg lower case": header(alg="eddsa"),
    "alg HS256": header(alg="HS256"),
    "HS256 keyed with the raw public key": keyed_with(PUBLIC),
    "HS256 keyed with the x of the public key": keyed_with(encode_base64url(PUBLIC).encode()),
    "alg RS256 with an embedded key": header(alg="RS256", jwk={"kty": "RSA", "n": "AQAB"}),
    "alg ES256": header(alg="ES256"),
    "alg Ed448": header(alg="Ed448"),
    "header jku": header(jku="http://evil.example/jwks"),
    "header x5u": header(x5u="http://evil.example/cert"),
    "header x5c": header(x5c=["AAAA"]),
    "header jwk": header(jwk=KEY.public_jwk()),
    "header crit": header(crit=["exp"]),
    "header b64": header(b64=True),
    "header zip": header(zip="DEF"),
    "header cty": header(cty="JWT"),
    "header unknown member": header(x=1),
    "typ foreign": header(typ="at+jwt"),
    "typ lower case": header(typ="jwt"),
    "typ null": header(typ=None),
    "kid missing": header(kid=_GONE),
    "kid null": header(kid=None),
    "kid number": header(kid=7),
    "kid list": header(kid=["current"]),
    "kid empty": header(kid=""),
    "kid path": header(kid="../../etc/passwd"),
    "kid SQL": header(kid="' OR 1=1 --"),
    "kid URL": header(kid="http://evil.example/key"),
    "kid control character": header(kid="current\x00"),
    "kid newline": header(kid="current\n"),
    "kid of 65": header(kid="k" * 65),
    "kid of 5000": header(kid="k" * 5000),
    "kid unknown": header(kid="unknown"),
    "kid of another published key": header(kid="previous"),
    "withdrawn key": forge(HEADER | {"kid": "withdrawn"}, key=WITHDRAWN),
    "foreign key under our kid": forge(key=WITHDRAWN),
    "header duplicate member": forge(b'{"alg":"EdDSA","kid":"previous","kid":"current"}'),
    "header array": forge(["EdDSA", "current"]),
    "header text": forge("EdDSA"),
    "header not JSON": forge(b"alg=EdDSA"),
    "header empty": forge(b"{}"),
    "header BOM": forge(b'\xef\xbb\xbf{"alg":"EdDSA","kid":"current"}'),
    "exp missing": claims(exp=_GONE),
    "exp text": claims(exp=str(T + 900)),
    "exp null": claims(exp=None),
    "exp bool": claims(exp=True),
    "exp fraction": claims(exp=T + 900.5),
    "exp NaN": forge(payload=json.dumps(CLAIMS | {"exp": float("nan")}).encode()),
    "exp infinite": forge(payload=json.dumps(CLAIMS).replace(str(T + 900), "1e999").encode()),
    "exp negative": claims(exp=-1),
    "exp far future": claims(exp=T + 10 * 365 * 86400),
    "exp with 400 digits": claims(exp=10**400),
    "exp before iat": claims(exp=T - 1),
    "lifetime above 24 hours": claims(exp=T + MAX_LIFETIME_S + 1),
    "iat missing": claims(iat=_GONE),
    "iat text": claims(iat=str(T)),
    "iat bool": claims(iat=False),
    "iat negative": claims(iat=-1),
    "iat in the future": claims(iat=T + 31),
    "nbf in the future": claims(nbf=T + 31),
    "nbf text": claims(nbf="0"),
    "nbf null": claims(nbf=None),
    "iss missing": claims(iss=_GONE),
    "iss empty": claims(iss=""),
    "iss number": claims(iss=1),
    "iss list": claims(iss=[ISSUER]),
    "iss with slash": claims(iss=ISSUER + "/"),
    "iss upper case": claims(iss=ISSUER.upper()),
    "iss other port": claims(iss="http://localhost:30011"),
    "aud missing": claims(aud=_GONE),
    "aud empty": claims(aud=""),
    "aud empty list": claims(aud=[]),
    "aud number": claims(aud=1),
    "aud null": claims(aud=None),
    "aud object": claims(aud={"mana": True}),
    "aud upper case": claims(aud="MANA"),
    "aud longer": claims(aud="mana-sync"),
    "aud characters": claims(aud=["m", "a", "n", "a"]),
    "aud list with a number": claims(aud=["mana", 1]),
    "sub missing": claims(sub=_GONE),
    "sub empty": claims(sub=""),
    "sub null": claims(sub=None),
    "sub number": claims(sub=1),
    "sub list": claims(sub=["u1"]),
    "sub with space": claims(sub="u 1"),
    "sub with newline": claims(sub="u1\n"),
    "sub not ASCII": claims(sub="ü1"),
    "sub of 129": claims(sub="u" * 129),
    "role list": claims(role=["admin"]),
    "role null": claims(role=None),
    "tier number": claims(tier=3),
    "kind bool": claims(kind=True),
    "email lone surrogate": claims(email="\ud800@mana.test"),
    "payload duplicate member": forge(payload=json.dumps(CLAIMS)[:-1].encode() + b',"sub":"u2"}'),
    "payload not JSON": forge(payload=b"sub=u1"),
    "payload array": forge(payload=[CLAIMS]),
    "payload null": forge(payload=None),
    "payload text": forge(payload="u1"),
    "payload not UTF-8": forge(payload=json.dumps(CLAIMS)[:-1].encode() + b',"x":"\xff"}'),
    "payload deep": claims(x=json.loads("[" * 40 + "]" * 40)),
    "payload very deep": forge(payload=b'{"x":' + b"[" * 5000),
    "payload of 1 MB": claims(x="x" * 1_000_000),
    "token above the limit": claims(x="x" * 6100),
    "signature stripped": f"{HEAD}.{BODY}.",
    "signature truncated": with_signature(lambda raw: raw[:-1]),
    "signature longer": with_signature(lambda raw: raw + b"\x00"),
    "signature zero": with_signature(lambda raw: bytes(len(raw))),
    "signature bit flipped": with_signature(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    "signature malleated": with_signature(malleated),
    "signature padded": TOKEN + "==",
    "signature not canonical": last_bits_set(TOKEN),
    "signature in standard base64": f"{HEAD}.{BODY}.{'+' * 86}",
    "header bit flipped": f"{HEAD[:-2]}AA.{BODY}.{SIGNATURE}",
    "payload of another token": f"{HEAD}.{part(CLAIMS | {'sub': 'u2'})}.{SIGNATURE}",
    "payload padded": f"{HEAD}.{BODY}=.{SIGNATURE}",
    "header missing": f".{BODY}.{SIGNATURE}",
    "payload missing": f"{HEAD}..{SIGNATURE}",
    "white space": f" {TOKEN}",
    "trailing newline": f"{TOKEN}\n",
    "newline inside": f"{HEAD}.\n{BODY}.{SIGNATURE}",
    "Bearer left in": f"Bearer {TOKEN}",
    "not ASCII": TOKEN.replace("e", "\u0435", 1),
    "lone surrogate": "\ud800" + TOKEN,
    "empty": "",
    "dots": "..",
    "one segment": HEAD,
    "two segments": f"{HEAD}.{BODY}",
    "four segments": f"{TOKEN}.{SIGNATURE}",
    "five segments, as a JWE": f"{TOKEN}.{SIGNATURE}.{SIGNATURE}",
    "JSON serialisation": json.dumps({"protected": HEAD, "payload": BODY, "signature": SIGNATURE}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_refused_in_the_same_words(name: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        judge(BAD[name])
    assert type(caught.value) is InvalidTokenError
    assert caught.value.message == "the token is not valid here; sign in again"
    assert caught.value.__cause__ is None


GOOD: dict[str, str] = {
    "as we sign it": sign(CLAIMS, KEY),
    "previous key": forge(HEADER | {"kid": "previous"}, key=PREVIOUS),
    "typ JWT": header(typ="JWT"),
    "alg Ed25519": header(alg="Ed25519"),
    "aud in a list": claims(aud=["other", "mana"]),
    "extra claims": claims(jti="x", org={"a": [1.5, None]}, scope=["a"]),
    "nbf now": claims(nbf=T),
    "nbf within the leeway": claims(nbf=T + 30),
    "iat within the leeway": claims(iat=T + 30),
    "expired within the leeway": claims(iat=T - 900, exp=T - 29),
    "lifetime of 24 hours": claims(exp=T + MAX_LIFETIME_S),
    "sub of 128": claims(sub="~" * 128),
    "white space in the JSON": forge(payload=json.dumps(CLAIMS, indent=2).encode()),
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
    }
    found = judge(claims(**given))
    assert found.model_dump() == CLAIMS | given | {"aud": (AUDIENCE,), "nbf": 0}
    assert found.expires_at == NOW + timedelta(seconds=900)


def test_a_token_of_a_deployed_mana_has_no_kind_and_passes() -> None:
    found = judge(claims(email="anna@mana.test", role="user", tier="beta", sid="s1"))
    assert (found.kind, found.tier) == ("human", "beta")
    bare = judge(forge())
    assert (bare.email, bare.role, bare.tier, bare.sid) == ("", "user", "public", "")


def test_a_genuine_token_past_its_end_is_expired() -> None:
    with pytest.raises(TokenExpiredError):
        judge(TOKEN, NOW + timedelta(seconds=930))
    assert judge(TOKEN, NOW + timedelta(seconds=929)).sub == "u1"


@pytest.mark.parametrize(
    "token",
    [
        forge(key=WITHDRAWN),
        with_signature(malleated),
        claims(aud="other"),
        claims(iss="other"),
        claims(sub=""),
        claims(exp=T + MAX_LIFETIME_S + 1),
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
    filler = MAX_TOKEN_CHARS - len(claims(x="")) - 400
    short = claims(x="x" * (filler * 3 // 4))
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
