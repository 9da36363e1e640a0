"""Finding the one bearer token of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mana_lab.errors import UnauthenticatedError

_NAME = "authorization"
_LENGTH = len(_NAME)
_BEARER = re.compile(r"bearer +([^ ].*)", re.IGNORECASE | re.DOTALL)


def bearer_token(
    headers: Sequence[tuple[bytes, bytes]] | Mapping[str, str] | Mapping[bytes, bytes],
) -> str:
    """Return the token of a request's ``Authorization: Bearer`` header (RFC 6750 §2.1).

    That is whatever stands there for one; it is for a verifier to say whether it is a token.

    Args:
        headers: The raw pairs of an ASGI scope, or a mapping of a web framework.

    Raises:
        UnauthenticatedError: There is no such header, there are several, or it holds no token.
    """
    pairs: Iterable[tuple[str | bytes, str | bytes]] = (
        headers.items() if isinstance(headers, Mapping) else headers
    )
    found = [
        _text(value) for name, value in pairs if len(name) == _LENGTH and _is_authorization(name)
    ]
    match = _BEARER.fullmatch(found[0].strip(" \t")) if len(found) == 1 else None
    if match is None:
        raise UnauthenticatedError("send exactly one header: Authorization: Bearer <token>")
    return match[1]


def _is_authorization(name: str | bytes) -> bool:
    return _text(name).lower() == _NAME


def _text(header: str | bytes) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header
