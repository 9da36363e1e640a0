"""The lab: opens, connects and closes everything below it."""

from mana_lab.lab.deployed import Deployed, Deployment
from mana_lab.lab.folder import catalog_in, database_in, holds_lab
from mana_lab.lab.history import RecordHistory
from mana_lab.lab.lab import DEFAULT_FOLDER, Lab
from mana_lab.lab.places import open_lab, open_place
from mana_lab.lab.replays import Replay
from mana_lab.lab.run_folder import RunFolder
from mana_lab.lab.serving import Gateway, serve_lab
from mana_lab.lab.session import PersonaSession
from mana_lab.lab.standing import UNTHROTTLED, Addresses
from mana_lab.lab.target import Target
from mana_lab.lab.tools import approve_tools

__all__ = [
    "DEFAULT_FOLDER",
    "UNTHROTTLED",
    "Addresses",
    "Deployed",
    "Deployment",
    "Gateway",
    "Lab",
    "PersonaSession",
    "RecordHistory",
    "Replay",
    "RunFolder",
    "Target",
    "approve_tools",
    "catalog_in",
    "database_in",
    "holds_lab",
    "open_lab",
    "open_place",
    "serve_lab",
]
