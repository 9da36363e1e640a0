"""Which ``Host`` and ``Origin`` headers are let in: the defence against DNS rebinding.

Names are compared whole, after the header was taken apart; a prefix never matches, so
``localhost:1@evil.example`` is nobody (MCP 2026-07-28, transports, security warning).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from mana_lab.errors import (
    ForbiddenError,
    ManaLabError,
    MisdirectedRequestError,
    SettingsError,
)
from mana_lab.gateway.answers import OnRefusal
from mana_lab.gateway.headers import header
from mana_lab.web.errors import refusal

_NAME = r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)"
_HOST = re.compile(rf"(?P<name>{_NAME})(:(?P<port>[0-9]{{1,5}}))?")
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_HOST.pattern}")
_HOST_RULE = re.compile(rf"{_NAME}(:([0-9]{{1,5}}|\*))?")
_ORIGIN_RULE = re.compile(rf"https?://{_HOST_RULE.pattern}")


def check_host_rule(rule: str) -> None:
    """Hold a rule against its form: ``name``, ``name:port`` or ``name:*``.

    Raises:
        SettingsError: It has another one.
    """
    if not _HOST_RULE.fullmatch(rule):
        raise SettingsError(f"{rule!r} is not a host; write name, name:port or name:*")


def check_origin_rule(rule: str) -> None:
    """Hold a rule against its form: ``scheme://`` and a host, with a port or ``:*`` or neither.

    Raises:
        SettingsError: It has another one.
    """
    if not _ORIGIN_RULE.fullmatch(rule):
        raise SettingsError(f"{rule!r} is not an origin; write http://name:port or http://name:*")


def origin_rules(given: Sequence[str]) -> tuple[str, ...]:
    """Return what somebody typed as rules for ``Origin``.

    Raises:
        SettingsError: It is no origin.
    """
    rules = tuple(each.lower() for each in given)
    for rule in rules:
        check_origin_rule(rule)
    return rules


def is_allowed_host(host: str, rules: Sequence[str]) -> bool:
    """Return whether a ``Host`` header names this server."""
    found = _HOST.fullmatch(host.lower())
    return found is not None and (found[0] in rules or f"{found['name']}:*" in rules)


def is_allowed_origin(origin: str, rules: Sequence[str]) -> bool:
    """Return whether an ``Origin`` header names a page that may use this server."""
    found = _ORIGIN.fullmatch(origin.lower())
    if found is None:
        return False
    return found[0] in rules or f"{found['scheme']}://{found['name']}:*" in rules


class OriginGuard:
    """Lets only requests through that are meant for this server and come from no foreign page.

    Args:
        app: What stands behind.
        hosts: Rules for ``Host``, which must be there.
        origins: Rules for ``Origin``, which only browsers send.
        refused: Is told of what is refused.
    """

    def __init__(
        self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str], refused: OnRefusal
    ) -> None:
        self._app = app
        self._refused = refused
        self._hosts = hosts
        self._origins = origins
        self._usual: str | None = None

    def _is_allowed_host(self, host: str) -> bool:
        if host == self._usual:
            return True
        allowed = is_allowed_host(host, self._hosts)
        if allowed:
            self._usual = host
        return allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421 or 403."""
        error = self._objection(header(scope, b"host") or "", header(scope, b"origin"))
        if error is None:
            await self._app(scope, receive, send)
            return
        self._refused(scope, error.code)
        await refusal(error)(scope, receive, send)

    def _objection(self, host: str, origin: str | None) -> ManaLabError | None:
        if not self._is_allowed_host(host):
            return MisdirectedRequestError("this server is not called what Host says")
        if origin is not None and not is_allowed_origin(origin, self._origins):
            return ForbiddenError("pages of that Origin may not use this server")
        return None
