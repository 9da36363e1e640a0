"""Finding the one bearer token of a request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mana_lab.errors import UnauthenticatedError

_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


def bearer_token(
    headers: Sequence[tuple[bytes, bytes]] | Mapping[str, str] | Mapping[bytes, bytes],
) -> str:
    """Return the token of a request's ``Authorization: Bearer`` header (RFC 6750 §2.1).

    Args:
        headers: The raw pairs of an ASGI scope, or a mapping of a web framework.

    Raises:
        UnauthenticatedError: There is no such header, there are several, or it is malformed.
    """
    pairs: Iterable[tuple[str | bytes, str | bytes]] = (
        headers.items() if isinstance(headers, Mapping) else headers
    )
    found = [_text(value) for name, value in pairs if _text(name).lower() == "authorization"]
    match = _BEARER.fullmatch(found[0].strip(" \t")) if len(found) == 1 else None
    if match is None:
        raise UnauthenticatedError("send exactly one header: Authorization: Bearer <token>")
    return match[1]


def _text(header: str | bytes) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header
