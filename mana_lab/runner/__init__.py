"""The runner: personas sign in, use the app through one audited client, and rate it."""

from mana_lab.runner.brain import Brain, Rating, Scene, TickMemory
from mana_lab.runner.budget import Budget, Limits
from mana_lab.runner.calls import CallError, CallOutcome, Toolbox, ToolInfo, module_of
from mana_lab.runner.claims import Holder
from mana_lab.runner.connection import Agree
from mana_lab.runner.door import Door, ManaDoor
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.fleet import Fleet
from mana_lab.runner.human import HumanBrain
from mana_lab.runner.ledger import METADATA, Ledger
from mana_lab.runner.meter import Usage
from mana_lab.runner.recorder import Action, Recorder
from mana_lab.runner.run import Run
from mana_lab.runner.scripted import ScriptedBrain
from mana_lab.runner.session import App
from mana_lab.runner.terms import Terms
from mana_lab.runner.tick import House

__all__ = [
    "METADATA",
    "Action",
    "Agree",
    "App",
    "Brain",
    "Budget",
    "CallError",
    "CallOutcome",
    "Door",
    "Endpoint",
    "Fleet",
    "Holder",
    "House",
    "HumanBrain",
    "Ledger",
    "Limits",
    "ManaDoor",
    "Rating",
    "Recorder",
    "Run",
    "Scene",
    "ScriptedBrain",
    "Terms",
    "TickMemory",
    "ToolInfo",
    "Toolbox",
    "Usage",
    "module_of",
]
