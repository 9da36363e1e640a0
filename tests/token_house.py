"""Tokens of every wrong kind, and of every right one, for whoever judges tokens.

All of them are made from a genuine token, and all are signed with a genuine key wherever the
signature is not the point, so that each is wrong in the one way that its name tells.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mana_lab.crypto import SigningKey
from mana_lab.crypto.encoding import encode_base64url
from mana_lab.crypto.jwt import MAX_LIFETIME_S

GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
PREVIOUS = SigningKey.from_bytes("previous", bytes(32))
WITHDRAWN = SigningKey.from_bytes("withdrawn", b"w" * 32)
_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_EC = ec.derive_private_key(7, ec.SECP256R1())
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
GONE = object()
"""As the value of a member: leave it out."""


def part(content: Any) -> str:
    """Encode one segment of a token."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return encode_base64url(raw)


def _jwk(key: Any, **more: str) -> dict[str, str]:
    algorithm = pyjwt.algorithms.RSAAlgorithm if key is _RSA else pyjwt.algorithms.ECAlgorithm
    return dict(algorithm.to_jwk(key.public_key(), as_dict=True)) | more


def other_kinds() -> list[dict[str, str]]:
    """Return published keys of kinds that sign no token here, each with an id of its own."""
    ed25519 = WITHDRAWN.public_jwk()
    return [
        _jwk(_RSA, kid="rsa", alg="RS256", use="sig"),
        _jwk(_EC, kid="ec", alg="ES256", use="sig"),
        {"kty": "oct", "kid": "oct", "alg": "HS256", "k": encode_base64url(b"s" * 32)},
        ed25519 | {"kid": "x25519", "crv": "X25519"},
        ed25519 | {"kid": "ed448", "crv": "Ed448"},
        ed25519 | {"kid": "es256", "alg": "ES256"},
        ed25519 | {"kid": "enc", "use": "enc"},
        ed25519 | {"kid": "wrapped", "kty": "EC"},
    ]


@dataclass(frozen=True)
class Forge:
    """Makes tokens with a genuine key.

    Attributes:
        key: The key that is published as the current one.
        claims: What a genuine token says.
    """

    key: SigningKey
    claims: dict[str, Any] = field(repr=False)

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": "EdDSA", "kid": self.key.kid}

    def sign(self, header: Any = None, payload: Any = None, key: SigningKey | None = None) -> str:
        """Sign any header and payload with a genuine key."""
        head = self.header if header is None else header
        signed = f"{part(head)}.{part(self.claims if payload is None else payload)}"
        private = (key or self.key).private_key()
        return f"{signed}.{encode_base64url(private.sign(signed.encode()))}"

    def with_header(self, **changes: Any) -> str:
        return self.sign(_without_gone(self.header | changes))

    def with_claims(self, **changes: Any) -> str:
        return self.sign(payload=_without_gone(self.claims | changes))

    def with_payload(self, change: Callable[[bytes], bytes]) -> str:
        return self.sign(payload=change(json.dumps(self.claims).encode()))

    def with_signature(self, change: Callable[[bytes], bytes]) -> str:
        signed, _, signature = self.sign().rpartition(".")
        return f"{signed}.{encode_base64url(change(base64.urlsafe_b64decode(signature + '==')))}"

    def with_mac(self, secret: bytes, **changes: Any) -> str:
        """Sign with HMAC, as a verifier would that takes the public key for a shared secret."""
        signed = f"{part(self.header | {'alg': 'HS256'} | changes)}.{part(self.claims)}"
        return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"

    def with_own_key(self, algorithm: str, **changes: Any) -> str:
        """Sign with a key of one's own that is no Ed25519 key."""
        private = _RSA if algorithm.startswith(("RS", "PS")) else _EC
        headers = {"kid": self.key.kid, "typ": None} | changes
        return pyjwt.encode(self.claims, private, algorithm, headers)


def _without_gone(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not GONE}


def _malleated(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def _last_bits_set(token: str) -> str:
    return token[:-1] + _ALPHABET[_ALPHABET.index(token[-1]) | 1]


def bad_tokens(forge: Forge) -> dict[str, dict[str, str]]:
    """Return tokens to refuse, by family and by what is wrong with each."""
    return {
        "algorithm": _algorithm(forge),
        "header": _header(forge),
        "key id": _key_id(forge),
        "time": _time(forge),
        "issuer": _issuer(forge),
        "audience": _audience(forge),
        "subject": _subject(forge),
        "other claims": _other_claims(forge),
        "payload": _payload(forge),
        "signature": _signature(forge),
        "shape": _shape(forge),
    }


def _algorithm(forge: Forge) -> dict[str, str]:
    public = forge.key.private_key().public_key()
    raw = public.public_bytes_raw()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = part(forge.claims)
    return {
        "alg none": forge.with_header(alg="none"),
        "alg None": forge.with_header(alg="None"),
        "alg none without signature": f"{part(forge.header | {'alg': 'none'})}.{body}.",
        "alg NONE without signature": f"{part(forge.header | {'alg': 'NONE'})}.{body}.",
        "alg missing": forge.with_header(alg=GONE),
        "alg null": forge.with_header(alg=None),
        "alg list": forge.with_header(alg=["EdDSA"]),
        "alg object": forge.with_header(alg={"EdDSA": 1}),
        "alg lower case": forge.with_header(alg="eddsa"),
        "alg with white space": forge.with_header(alg="EdDSA "),
        "alg HS256": forge.with_header(alg="HS256"),
        "alg ES256": forge.with_header(alg="ES256"),
        "alg Ed448": forge.with_header(alg="Ed448"),
        "HS256 keyed with the raw public key": forge.with_mac(raw),
        "HS256 keyed with the x of the public key": forge.with_mac(encode_base64url(raw).encode()),
        "HS256 keyed with the hex of the public key": forge.with_mac(raw.hex().encode()),
        "HS256 keyed with the DER of the public key": forge.with_mac(spki),
        "HS256 keyed with the PEM of the public key": forge.with_mac(pem),
        "HS256 keyed with the JWK of the public key": forge.with_mac(
            json.dumps(forge.key.public_jwk()).encode()
        ),
        "HS256 keyed with nothing": forge.with_mac(b""),
        "alg RS256 with an embedded key": forge.with_header(alg="RS256", jwk=_jwk(_RSA)),
        "RS256 with an embedded key": forge.with_own_key("RS256", jwk=_jwk(_RSA)),
        "RS256 of a foreign key": forge.with_own_key("RS256"),
        "PS256 of a foreign key": forge.with_own_key("PS256"),
        "ES256 with an embedded key": forge.with_own_key("ES256", jwk=_jwk(_EC)),
        "ES256 of a foreign key": forge.with_own_key("ES256"),
        "RS256 of a published RSA key": forge.with_own_key("RS256", kid="rsa"),
        "ES256 of a published EC key": forge.with_own_key("ES256", kid="ec"),
        "HS256 of a published secret": forge.with_mac(b"s" * 32, kid="oct"),
        **{
            f"EdDSA of a key published as {kid}": forge.sign(
                {"alg": "EdDSA", "kid": kid}, key=WITHDRAWN
            )
            for kid in ("x25519", "ed448", "es256", "enc", "wrapped")
        },
    }


def _header(forge: Forge) -> dict[str, str]:
    kid = forge.key.kid.encode()
    return {
        "header jku": forge.with_header(jku="http://evil.example/jwks"),
        "header x5u": forge.with_header(x5u="http://evil.example/cert"),
        "header x5c": forge.with_header(x5c=["AAAA"]),
        "header jwk": forge.with_header(jwk=forge.key.public_jwk()),
        "foreign key that brings itself along": forge.sign(
            forge.header | {"jwk": WITHDRAWN.public_jwk()}, key=WITHDRAWN
        ),
        "header crit": forge.with_header(crit=["exp"]),
        "header b64": forge.with_header(b64=True),
        "header zip": forge.with_header(zip="DEF"),
        "header cty": forge.with_header(cty="JWT"),
        "header unknown member": forge.with_header(x=1),
        "typ foreign": forge.with_header(typ="at+jwt"),
        "typ lower case": forge.with_header(typ="jwt"),
        "typ null": forge.with_header(typ=None),
        "header duplicate member": forge.sign(
            b'{"alg":"EdDSA","kid":"previous","kid":"' + kid + b'"}'
        ),
        "header duplicate alg": forge.sign(b'{"alg":"none","alg":"EdDSA","kid":"' + kid + b'"}'),
        "header array": forge.sign(["EdDSA", forge.key.kid]),
        "header text": forge.sign("EdDSA"),
        "header number": forge.sign(1),
        "header not JSON": forge.sign(b"alg=EdDSA"),
        "header not UTF-8": forge.sign(b'{"alg":"EdDSA","kid":"\xff"}'),
        "header empty": forge.sign(b"{}"),
        "header BOM": forge.sign(b'\xef\xbb\xbf{"alg":"EdDSA","kid":"' + kid + b'"}'),
        "header 100,000 deep": forge.sign(b'{"alg":' + b"[" * 100_000),
    }


def _key_id(forge: Forge) -> dict[str, str]:
    return {
        "kid missing": forge.with_header(kid=GONE),
        "kid null": forge.with_header(kid=None),
        "kid number": forge.with_header(kid=7),
        "kid list": forge.with_header(kid=[forge.key.kid]),
        "kid empty": forge.with_header(kid=""),
        "kid path": forge.with_header(kid="../../etc/passwd"),
        "kid SQL": forge.with_header(kid="' OR 1=1 --"),
        "kid URL": forge.with_header(kid="http://evil.example/key"),
        "kid control character": forge.with_header(kid=f"{forge.key.kid}\x00"),
        "kid newline": forge.with_header(kid=f"{forge.key.kid}\n"),
        "kid not ASCII": forge.with_header(kid="schlüssel"),
        "kid of 65": forge.with_header(kid="k" * 65),
        "kid of 5000": forge.with_header(kid="k" * 5000),
        "kid unknown": forge.with_header(kid="unknown"),
        "kid of another published key": forge.with_header(kid="previous"),
        "withdrawn key": forge.sign({"alg": "EdDSA", "kid": "withdrawn"}, key=WITHDRAWN),
        "foreign key under our kid": forge.sign(key=WITHDRAWN),
    }


def _time(forge: Forge) -> dict[str, str]:
    now, end = forge.claims["iat"], forge.claims["exp"]
    return {
        "exp missing": forge.with_claims(exp=GONE),
        "exp text": forge.with_claims(exp=str(end)),
        "exp null": forge.with_claims(exp=None),
        "exp bool": forge.with_claims(exp=True),
        "exp list": forge.with_claims(exp=[end]),
        "exp fraction": forge.with_claims(exp=end + 0.5),
        "exp NaN": forge.with_claims(exp=float("nan")),
        "exp infinite": forge.with_payload(lambda raw: raw.replace(b"%d" % end, b"1e999")),
        "exp exponent": forge.with_payload(lambda raw: raw.replace(b"%d" % end, b"2e9")),
        "exp negative": forge.with_claims(exp=-1),
        "exp far future": forge.with_claims(exp=now + 10 * 365 * 86400),
        "exp with 400 digits": forge.with_claims(exp=10**400),
        "exp before iat": forge.with_claims(exp=now - 1),
        "exp at iat": forge.with_claims(exp=now),
        "lifetime above 24 hours": forge.with_claims(exp=now + MAX_LIFETIME_S + 1),
        "iat missing": forge.with_claims(iat=GONE),
        "iat text": forge.with_claims(iat=str(now)),
        "iat bool": forge.with_claims(iat=False),
        "iat negative": forge.with_claims(iat=-1),
        "iat in the future": forge.with_claims(iat=now + 31),
        "iat far future": forge.with_claims(iat=now + 10**9, exp=now + 10**9 + 900),
        "nbf in the future": forge.with_claims(nbf=now + 31),
        "nbf text": forge.with_claims(nbf="0"),
        "nbf null": forge.with_claims(nbf=None),
        "nbf fraction": forge.with_claims(nbf=now - 0.5),
    }


def _issuer(forge: Forge) -> dict[str, str]:
    issuer = forge.claims["iss"]
    return {
        "iss missing": forge.with_claims(iss=GONE),
        "iss empty": forge.with_claims(iss=""),
        "iss null": forge.with_claims(iss=None),
        "iss number": forge.with_claims(iss=1),
        "iss list": forge.with_claims(iss=[issuer]),
        "iss with slash": forge.with_claims(iss=issuer + "/"),
        "iss upper case": forge.with_claims(iss=issuer.upper()),
        "iss longer": forge.with_claims(iss=issuer + "1"),
        "iss shorter": forge.with_claims(iss=issuer[:-1]),
        "iss foreign": forge.with_claims(iss="http://evil.example"),
    }


def _audience(forge: Forge) -> dict[str, str]:
    audience = forge.claims["aud"]
    return {
        "aud missing": forge.with_claims(aud=GONE),
        "aud empty": forge.with_claims(aud=""),
        "aud empty list": forge.with_claims(aud=[]),
        "aud number": forge.with_claims(aud=1),
        "aud null": forge.with_claims(aud=None),
        "aud object": forge.with_claims(aud={audience: True}),
        "aud upper case": forge.with_claims(aud=audience.upper()),
        "aud longer": forge.with_claims(aud=f"{audience}-sync"),
        "aud characters": forge.with_claims(aud=list(audience)),
        "aud list with a number": forge.with_claims(aud=[audience, 1]),
        "aud nested": forge.with_claims(aud=[[audience]]),
        "aud of others": forge.with_claims(aud=["sync", "identity"]),
    }


def _subject(forge: Forge) -> dict[str, str]:
    return {
        "sub missing": forge.with_claims(sub=GONE),
        "sub empty": forge.with_claims(sub=""),
        "sub null": forge.with_claims(sub=None),
        "sub number": forge.with_claims(sub=1),
        "sub list": forge.with_claims(sub=["u1"]),
        "sub with space": forge.with_claims(sub="u 1"),
        "sub with newline": forge.with_claims(sub="u1\n"),
        "sub not ASCII": forge.with_claims(sub="ü1"),
        "sub of 129": forge.with_claims(sub="u" * 129),
    }


def _other_claims(forge: Forge) -> dict[str, str]:
    return {
        "role list": forge.with_claims(role=["admin"]),
        "role null": forge.with_claims(role=None),
        "tier number": forge.with_claims(tier=3),
        "kind bool": forge.with_claims(kind=True),
        "sid object": forge.with_claims(sid={}),
        "scope null": forge.with_claims(scope=None),
        "scope list": forge.with_claims(scope=["mcp:tools"]),
        "scope number": forge.with_claims(scope=1),
        "scope with a leading space": forge.with_claims(scope=" mcp:tools"),
        "scope with two spaces": forge.with_claims(scope="mcp:read  mcp:tools"),
        "scope with a newline": forge.with_claims(scope="mcp:tools\n"),
        "scope with a tab": forge.with_claims(scope="mcp:read\tmcp:tools"),
        "scope with a quote": forge.with_claims(scope='mcp:tools"'),
        "scope not ASCII": forge.with_claims(scope="mcp:töols"),
        "email lone surrogate": forge.with_claims(email="\ud800@mana.test"),
    }


def _payload(forge: Forge) -> dict[str, str]:
    return {
        "payload duplicate member": forge.with_payload(lambda raw: raw[:-1] + b',"sub":"u2"}'),
        "payload duplicate aud": forge.with_payload(lambda raw: b'{"aud":"x",' + raw[1:]),
        "payload not JSON": forge.sign(payload=b"sub=u1"),
        "payload with a tail": forge.with_payload(lambda raw: raw + b"{}"),
        "payload array": forge.sign(payload=[forge.claims]),
        "payload null": forge.sign(payload=b"null"),
        "payload text": forge.sign(payload="u1"),
        "payload number": forge.sign(payload=1),
        "payload empty object": forge.sign(payload=b"{}"),
        "payload not UTF-8": forge.with_payload(lambda raw: raw[:-1] + b',"x":"\xff"}'),
        "payload in UTF-16": forge.with_payload(lambda raw: raw.decode().encode("utf-16")),
        "payload deep": forge.with_claims(x=json.loads("[" * 40 + "]" * 40)),
        "payload very deep": forge.sign(payload=b'{"x":' + b"[" * 5000),
        "payload 100,000 deep": forge.sign(payload=b'{"x":' + b"[" * 100_000),
        "payload of 1 MB": forge.with_claims(x="x" * 1_000_000),
        "token above the limit": forge.with_claims(x="x" * 6100),
    }


def _signature(forge: Forge) -> dict[str, str]:
    token = forge.sign()
    head, body, signature = token.split(".")
    return {
        "signature stripped": f"{head}.{body}.",
        "signature truncated": forge.with_signature(lambda raw: raw[:-1]),
        "signature halved": forge.with_signature(lambda raw: raw[:32]),
        "signature longer": forge.with_signature(lambda raw: raw + b"\x00"),
        "signature twice": forge.with_signature(lambda raw: raw + raw),
        "signature zero": forge.with_signature(lambda raw: bytes(len(raw))),
        "signature of the neutral point": forge.with_signature(lambda _: b"\x01" + bytes(63)),
        "signature bit flipped": forge.with_signature(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
        "signature last bit flipped": forge.with_signature(
            lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])
        ),
        "signature halves swapped": forge.with_signature(lambda raw: raw[32:] + raw[:32]),
        "signature malleated": forge.with_signature(_malleated),
        "signature padded": token + "==",
        "signature not canonical": _last_bits_set(token),
        "signature in standard base64": f"{head}.{body}.{'+' * 86}",
        "header bit flipped": f"{head[:-2]}AA.{body}.{signature}",
        "header of another token": f"{part(forge.header | {'kid': 'x'})}.{body}.{signature}",
        "payload of another token": f"{head}.{part(forge.claims | {'sub': 'u2'})}.{signature}",
        "payload with white space": f"{head}.{part(json.dumps(forge.claims, indent=1).encode())}."
        f"{signature}",
    }


def _shape(forge: Forge) -> dict[str, str]:
    token = forge.sign()
    head, body, signature = token.split(".")
    return {
        "header missing": f".{body}.{signature}",
        "payload missing": f"{head}..{signature}",
        "payload padded": f"{head}.{body}=.{signature}",
        "only a payload": f".{body}.",
        "trailing newline": f"{token}\n",
        "newline inside": f"{head}.\n{body}.{signature}",
        "white space inside": f"{head}. {body}.{signature}",
        "NUL at the end": f"{token}\x00",
        "Bearer left in": f"Bearer {token}",
        "two tokens": f"{token},{token}",
        "quoted": f'"{token}"',
        "not ASCII": token.replace("e", "\u0435", 1),
        "lone surrogate": "\ud800" + token,
        "dots": "..",
        "one dot": ".",
        "one segment": head,
        "two segments": f"{head}.{body}",
        "payload and signature only": f"{body}.{signature}",
        "four segments": f"{token}.{signature}",
        "an empty fourth segment": f"{token}.",
        "five segments, as a JWE": f"{token}.{signature}.{signature}",
        "8,192 dots": "." * 8192,
        "1 MB": "x" * 1_000_000,
        "JSON serialisation": json.dumps(
            {"protected": head, "payload": body, "signature": signature}
        ),
        "general JSON serialisation": json.dumps(
            {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
        ),
        "an opaque session token": "1f0e3dad99908345f7439f8ffabdffc4",
    }


def good_tokens(forge: Forge) -> dict[str, str]:
    """Return tokens to accept, by what is odd about each."""
    now = forge.claims["iat"]
    audience = forge.claims["aud"]
    return {
        "current key": forge.sign(),
        "previous key": forge.sign({"alg": "EdDSA", "kid": "previous"}, key=PREVIOUS),
        "typ JWT": forge.with_header(typ="JWT"),
        "alg Ed25519": forge.with_header(alg="Ed25519"),
        "aud in a list": forge.with_claims(aud=["other", audience]),
        "extra claims": forge.with_claims(jti="x", org={"a": [1.5, None]}, amr=["pwd"]),
        "scope for the tools": forge.with_claims(scope="openid mcp:tools email"),
        "nbf now": forge.with_claims(nbf=now),
        "nbf within the leeway": forge.with_claims(nbf=now + 30),
        "iat within the leeway": forge.with_claims(iat=now + 30),
        "expired within the leeway": forge.with_claims(iat=now - 900, exp=now - 29),
        "lifetime of 24 hours": forge.with_claims(exp=now + MAX_LIFETIME_S),
        "white space in the JSON": forge.sign(payload=json.dumps(forge.claims, indent=2).encode()),
        "members in another order": forge.sign(
            {"typ": "JWT", "kid": forge.key.kid, "alg": "EdDSA"},
            dict(reversed(forge.claims.items())),
        ),
    }


def flat(families: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the tokens of all families by their names, which are unique."""
    found: dict[str, str] = {}
    for tokens in families.values():
        assert not found.keys() & tokens.keys()
        found |= tokens
    return found
