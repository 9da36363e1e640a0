"""Where services stand: the form of their addresses."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

from mana_lab.errors import SettingsError

_URL = re.compile(r"https?://[\x21\x23-\x5b\x5d-\x7e]+")


def check_url(url: str, whose: str) -> None:
    """Hold *url* against the form that services and resources of Mana have.

    Args:
        url: What was given.
        whose: What it is the URL of, for the message.

    Raises:
        SettingsError: It is not an http or https URL, or has a query.
    """
    if not _is_plain_url(url):
        raise SettingsError(f"{whose}: {url!r} is not an http or https URL without a query")


def url_of(host: str, sock: socket.socket) -> str:
    """Return the URL of what listens on *sock*.

    Args:
        host: The address of this machine, as it was given.
        sock: A listening socket.
    """
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{sock.getsockname()[1]}"


def _is_plain_url(url: str) -> bool:
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and not parts.query and not parts.fragment
