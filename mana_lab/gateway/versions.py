"""Which versions of MCP the gateway speaks, of both eras, and that it says so of all of them.

The SDK names only those of the stateless era where a client asks or is refused, as though clients
of the older one were not served (MCP 2026-07-28, versioning).
"""

from __future__ import annotations

from typing import Any, Final

from mcp.server import Server, ServerRequestContext
from mcp.types import UNSUPPORTED_PROTOCOL_VERSION, DiscoverResult, RequestParams
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS
from starlette.responses import Response

from mana_lab.gateway.answers import protocol_error

SUPPORTED_VERSIONS: Final = tuple(
    sorted((*MODERN_PROTOCOL_VERSIONS, *HANDSHAKE_PROTOCOL_VERSIONS), reverse=True)
)
"""All of them, the newest first."""

_DISCOVER = "server/discover"
_DISCOVER_TTL_MS = 300_000


def unsupported(
    version: str | None, stated: Any, request_id: str | int | None = None
) -> Response | None:
    """Return the refusal of a message in a version that nobody speaks here, or None.

    A message whose header and body name different versions is left to be told just that.

    Args:
        version: What the header says.
        stated: What the body's ``_meta`` says; None where it says nothing.
        request_id: The message's id.
    """
    if version is None or version in SUPPORTED_VERSIONS or stated not in (None, version):
        return None
    return protocol_error(
        UNSUPPORTED_PROTOCOL_VERSION,
        "Unsupported protocol version",
        request_id,
        {"supported": list(SUPPORTED_VERSIONS), "requested": version},
    )


def name_all_versions(server: Server) -> None:
    """Let ``server/discover`` of *server* name the versions of both eras."""
    entry = server.get_request_handler(_DISCOVER)
    assert entry is not None  # noqa: S101 - every server has it
    found_by_the_sdk = entry.handler

    async def discover(ctx: ServerRequestContext, params: RequestParams) -> DiscoverResult:
        found: Any = await found_by_the_sdk(ctx, params)
        said: DiscoverResult = found.model_copy(
            update={
                "supported_versions": list(SUPPORTED_VERSIONS),
                "ttl_ms": _DISCOVER_TTL_MS,
                "cache_scope": "private",
            }
        )
        return said

    server.add_request_handler(_DISCOVER, RequestParams, discover)
