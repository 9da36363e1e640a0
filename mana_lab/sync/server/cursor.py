"""Cursors: a place in the log as the text that clients hand back unread.

A cursor gives no right to anything: what a reader sees is decided by who they are. Its check
digits only catch texts that this service never handed out.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime

from mana_lab.errors import InvalidInputError
from mana_lab.sync.stamps import START, parse_stamp

_PREFIX = "c1."
_BODY = struct.Struct(">Q")
_CHECK = struct.Struct(">I")
_LAST = 2**63 - 1


@dataclass(frozen=True)
class Since:
    """Where a reader wants to go on.

    Attributes:
        seq: After this place in the log; None where only a time is known.
        moment: Written at this time or later, for readers that know nothing but a time.
    """

    seq: int | None
    moment: datetime | None = None


def encode_cursor(seq: int) -> str:
    """Return the cursor of the place *seq*, from 0 for the start of the log."""
    body = _BODY.pack(seq)
    return _PREFIX + _text(body + _CHECK.pack(zlib.crc32(body)))


def read_since(text: str | None) -> Since:
    """Return where *text* points: a cursor, an ISO time, or nothing for the start.

    Raises:
        InvalidInputError: It is none of these.
    """
    if not text:
        return Since(0)
    if text.startswith(_PREFIX):
        return Since(_decode(text))
    try:
        return Since(None, max(parse_stamp(text), parse_stamp(START)))
    except InvalidInputError:
        raise _malformed(text) from None


def _decode(text: str) -> int:
    encoded = text.removeprefix(_PREFIX)
    try:
        raw = base64.urlsafe_b64decode(encoded)
    except (binascii.Error, ValueError):
        raise _malformed(text) from None
    if len(raw) != _BODY.size + _CHECK.size or _text(raw) != encoded:
        raise _malformed(text)
    body, check = raw[: _BODY.size], raw[_BODY.size :]
    (seq,) = _BODY.unpack(body)
    if _CHECK.pack(zlib.crc32(body)) != check or seq > _LAST:
        raise _malformed(text)
    return int(seq)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")


def _malformed(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"since: {text[:40]!r} is neither a cursor of this service nor an ISO time such as "
        f"{START}; leave it out to start from the beginning"
    )
