"""Access tokens: JWTs signed with Ed25519 (RFC 7519, RFC 8037).

A general JWT library accepts much that no token of Mana ever has. Here a token is first held
against its exact form; only then are its signature and its claims looked at, and whatever is
wrong with it, the answer is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mana_lab.crypto.encoding import decode_base64url
from mana_lab.crypto.strictjson import strict_json
from mana_lab.crypto.tokenkeys import KEY_ID, KeySet, SigningKey, is_ed25519_name
from mana_lab.errors import InvalidJsonError, InvalidTokenError, TokenExpiredError

MAX_TOKEN_CHARS: Final = 8192
"""Longest token that is looked at."""
MAX_LIFETIME_S: Final = 24 * 3600
"""Longest time between ``iat`` and ``exp``, in seconds."""

_SIGNATURE_BYTES = 64
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_SCOPE = r"^([\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*)?$"  # RFC 6749 §3.3
_ED25519 = pyjwt.algorithms.OKPAlgorithm()
_NOBODY = SigningKey.generate().private_key()
_NOBODYS_KEY = _NOBODY.public_key()
_NOBODYS_SIGNATURE = _NOBODY.sign(b"another text")


def _audiences(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _present(value: Any) -> Any:
    if value is None:
        raise ValueError("a claim that is there has a value")
    return value


class Claims(BaseModel):
    """What a verified token says.

    Attributes:
        sub: The user's id: 1 to 128 visible ASCII characters.
        email: The account's address.
        role: ``user`` or ``admin``.
        tier: The access tier, such as ``public`` or ``founder``.
        kind: ``human``, ``persona`` or ``system``.
        sid: Id of the session that the token was minted for.
        zoneinfo: Where the user lives, as an IANA time zone (OpenID Connect Core §5.1); empty
            where the token does not say.
        scope: What the token may be used for, in words with a space between (RFC 8693 §4.2); None
            where the token does not say, which is no limit.
        iss: Who issued it.
        aud: Whom it is for.
        iat: When it was issued, in Unix seconds.
        exp: When it ends, in Unix seconds.
        nbf: When it begins, in Unix seconds; 0 where the token does not say.
        jti: The token's own id; empty where it has none.
        space: The only space that the token opens; empty where it does not say.
        tool: What it was made for; empty where it does not say.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    sub: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    email: str = ""
    role: str = "user"
    tier: str = "public"
    kind: str = "human"
    sid: str = ""
    zoneinfo: str = ""
    scope: Annotated[str | None, BeforeValidator(_present), Field(pattern=_SCOPE)] = None
    iss: Annotated[str, Field(min_length=1)]
    aud: Annotated[tuple[str, ...], BeforeValidator(_audiences), Field(min_length=1)]
    iat: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0)]
    nbf: Annotated[int, Field(ge=0)] = 0
    jti: str = ""
    space: str = ""
    tool: str = ""

    @property
    def expires_at(self) -> datetime:
        """The end of the token as an aware UTC datetime."""
        return datetime.fromtimestamp(self.exp, UTC)


@dataclass(frozen=True)
class UnverifiedToken:
    """A token of the right form whose signature nobody has checked yet.

    Attributes:
        kid: The key it says it was signed with.
        signed: The bytes that the signature covers.
        payload: The decoded claims, still bytes.
        signature: 64 bytes.
    """

    kid: str
    signed: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @classmethod
    def parse(cls, token: str) -> UnverifiedToken:
        """Hold *token* against the form of a compact JWS (RFC 7515 §7.1) as Mana issues it.

        Raises:
            InvalidTokenError: It does not have that form.
        """
        try:
            return cls._parse(token)
        except InvalidTokenError:
            _check_in_vain()
            raise

    @classmethod
    def _parse(cls, token: str) -> UnverifiedToken:
        if len(token) > MAX_TOKEN_CHARS or token.count(".") != 2:
            raise _refusal()
        header, payload, signature = (decode_base64url(part) for part in token.split("."))
        if header is None or payload is None or signature is None:
            raise _refusal()
        if len(signature) != _SIGNATURE_BYTES:
            raise _refusal()
        signed = token.rpartition(".")[0].encode("ascii")
        return cls(_key_id(header), signed, payload, signature)

    def verify(
        self,
        key: Ed25519PublicKey,
        *,
        issuer: str,
        audience: str | Collection[str],
        now: datetime,
        leeway_s: int = 30,
    ) -> Claims:
        """Check signature and claims; arguments and errors are those of :func:`verify`."""
        if not _ED25519.verify(self.signed, key, self.signature):
            raise _refusal()
        try:
            claims = Claims.model_validate(strict_json(self.payload))
        except (InvalidJsonError, ValidationError):
            raise _refusal() from None
        seconds = now.timestamp()
        accepted = {audience} if isinstance(audience, str) else audience
        if (
            claims.iss != issuer
            or not any(name in accepted for name in claims.aud)
            or not 0 < claims.exp - claims.iat <= MAX_LIFETIME_S
            or max(claims.iat, claims.nbf) > seconds + leeway_s
        ):
            raise _refusal()
        if seconds >= claims.exp + leeway_s:
            raise TokenExpiredError
        return claims


def sign(claims: Mapping[str, Any], key: SigningKey) -> str:
    """Return a compact JWS of *claims* whose header is exactly ``{"alg":"EdDSA","kid":…}``."""
    return pyjwt.encode(
        dict(claims),
        key.private_key(),
        algorithm="EdDSA",
        headers={"kid": key.kid, "typ": None},
    )


def verify(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    audience: str | Collection[str],
    now: datetime,
    leeway_s: int = 30,
) -> Claims:
    """Return the claims of a genuine token.

    Args:
        token: As it came in the request.
        keys: The issuer's published keys.
        issuer: The only ``iss`` that is accepted.
        audience: What ``aud`` has to be or to contain; of several, any.
        now: The time to judge by; aware.
        leeway_s: How far the issuer's clock may differ, in seconds.

    Raises:
        TokenExpiredError: The token is genuine and past its end.
        InvalidTokenError: Anything else is wrong with it, always in the same words.
    """
    return judge(
        UnverifiedToken.parse(token),
        keys,
        issuer=issuer,
        audience=audience,
        now=now,
        leeway_s=leeway_s,
    )


def judge(
    token: UnverifiedToken,
    keys: KeySet,
    *,
    issuer: str,
    audience: str | Collection[str],
    now: datetime,
    leeway_s: int = 30,
) -> Claims:
    """Return the claims of a token that was parsed already; otherwise like :func:`verify`."""
    key = keys.get(token.kid)
    if key is None:
        _check_in_vain()
        raise _refusal()
    return token.verify(key, issuer=issuer, audience=audience, now=now, leeway_s=leeway_s)


def _check_in_vain() -> None:
    """Take the time of a signature check, so that no refusal tells by its haste what was wrong."""
    _ED25519.verify(b"", _NOBODYS_KEY, _NOBODYS_SIGNATURE)


def _refusal() -> InvalidTokenError:
    return InvalidTokenError()


def _key_id(header: bytes) -> str:
    try:
        members = strict_json(header)
    except InvalidJsonError:
        raise _refusal() from None
    if not isinstance(members, dict) or not members.keys() <= _HEADER_MEMBERS:
        raise _refusal()
    kid = members.get("kid")
    if (
        not isinstance(kid, str)
        or not KEY_ID.fullmatch(kid)
        or not is_ed25519_name(members.get("alg"))
        or members.get("typ", "JWT") != "JWT"
    ):
        raise _refusal()
    return kid
