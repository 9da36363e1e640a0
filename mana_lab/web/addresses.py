"""Where services stand: the form of their addresses."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from mana_lab.errors import SettingsError

_URL = re.compile(r"https?://[\x21\x23-\x5b\x5d-\x7e]+")
_NEAR = (".localhost", ".local", ".internal")
_LONGEST_SHOWN = 80
_LONGEST_URL = 2_000


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


def service_url(url: str, whose: str = "--auth") -> str:
    """Return *url* if a service can stand there.

    Args:
        url: What was given.
        whose: As what it was given, for the message.

    Raises:
        SettingsError: None can.
    """
    check_url(url, whose)
    try:
        parts = urlsplit(url)
        if parts.port != 0 and (parts.hostname or "").encode("idna"):
            return url
    except ValueError:
        pass
    raise SettingsError(f"{whose}: {url!r} has a host name or a port that cannot exist")


def confidential_url(url: str, whose: str) -> str:
    """Return *url* if passwords and tokens may be sent there.

    Plain http is for this machine and for networks that nobody else is in: private addresses
    (RFC 1918, RFC 4193), names without a dot, and names below ``.localhost``, ``.local`` and
    ``.internal``.

    Args:
        url: What was given.
        whose: As what it was given, for the message.

    Raises:
        SettingsError: They may not, or no service can stand there.
    """
    if not isinstance(url, str) or len(url) > _LONGEST_URL:
        shown = str(url)[:_LONGEST_SHOWN]
        raise SettingsError(f"{whose}: {shown!r} is not an http or https URL without a query")
    if "@" in url:
        raise SettingsError(f"{whose}: has a user or a password in it; leave them out")
    parts = urlsplit(service_url(url, whose))
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_near(host):
        raise SettingsError(
            f"{whose}: passwords and tokens would go to {host[:_LONGEST_SHOWN]} in plain; use https"
        )
    return url.rstrip("/")


def place_of(url: str) -> str:
    """Return the host of *url*, and its port if it names one."""
    return urlsplit(url).netloc


def url_of(host: str, sock: socket.socket) -> str:
    """Return the URL of what listens on *sock*.

    Args:
        host: The address of this machine, as it was given.
        sock: A listening socket.
    """
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{sock.getsockname()[1]}"


def _is_near(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_NEAR)
    return (address.is_private or address.is_loopback) and not address.is_unspecified


def _is_plain_url(url: str) -> bool:
    if not _URL.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and not parts.query and not parts.fragment
