"""The identity service."""

from mana_lab.identity.server.app import create_app, prepare
from mana_lab.identity.server.config import AdminAccount, IdentityConfig
from mana_lab.identity.server.passwords import PasswordCost
from mana_lab.identity.server.schema import METADATA

__all__ = [
    "METADATA",
    "AdminAccount",
    "IdentityConfig",
    "PasswordCost",
    "create_app",
    "prepare",
]
