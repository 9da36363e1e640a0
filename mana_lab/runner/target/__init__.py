"""Servers that are not Mana: personas use them, and the audit is the same."""

from mana_lab.runner.target.app import TargetApp
from mana_lab.runner.target.door import TargetDoor, TargetView
from mana_lab.runner.target.modules import ModulesGiven, ModuleTable, read_table
from mana_lab.runner.target.program import ProgramServer
from mana_lab.runner.target.remote import Auth, RemoteServer
from mana_lab.runner.target.server import ProtocolChoice, Server, ServerLimits

__all__ = [
    "Auth",
    "ModuleTable",
    "ModulesGiven",
    "ProgramServer",
    "ProtocolChoice",
    "RemoteServer",
    "Server",
    "ServerLimits",
    "TargetApp",
    "TargetDoor",
    "TargetView",
    "read_table",
]
