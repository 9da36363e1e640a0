"""Variants: what a user is promised and given otherwise than the app is, and nobody else."""

import pytest
from gateway_house import ERAS, call_echo, connected, open_house
from mcp import MCPError
from mcp.types import Tool

from mana_lab.errors import NotFoundError, ServiceUnavailableError
from mana_lab.gateway.variants import Variant, Variants
