"""The MCP gateway: the one door through which the app's tools are called.

Knows tokens, sessions, spaces and the protocol; knows no tool by name. Identity and sync are
reached over HTTP, through their clients.
"""

from __future__ import annotations

from mana_lab.gateway.app import MCP_PATH, create_app, running
from mana_lab.gateway.config import DEFAULT_HOST, DEFAULT_PORT, GatewayConfig
from mana_lab.gateway.surface import ERROR_META, IDEMPOTENCY_META

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "ERROR_META",
    "IDEMPOTENCY_META",
    "MCP_PATH",
    "GatewayConfig",
    "create_app",
    "running",
]
