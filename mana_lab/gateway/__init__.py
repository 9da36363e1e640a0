"""The MCP gateway: the one door through which the app's tools are called.

Knows tokens, sessions, spaces and the protocol; knows no tool by name. Identity and sync are
reached over HTTP, through their clients.
"""

from __future__ import annotations

from mana_lab.gateway.app import MCP_PATH, create_app, log_of, running
from mana_lab.gateway.calls import IDEMPOTENCY_META
from mana_lab.gateway.config import DEFAULT_HOST, DEFAULT_PORT, LOCAL_ORIGINS, GatewayConfig
from mana_lab.gateway.keys import GatewayKeys
from mana_lab.gateway.memory import Memory
from mana_lab.gateway.results import ERROR_META
from mana_lab.gateway.surface import SERVER_NAME
from mana_lab.gateway.tables import METADATA

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "ERROR_META",
    "IDEMPOTENCY_META",
    "LOCAL_ORIGINS",
    "MCP_PATH",
    "METADATA",
    "SERVER_NAME",
    "GatewayConfig",
    "GatewayKeys",
    "Memory",
    "create_app",
    "log_of",
    "running",
]
