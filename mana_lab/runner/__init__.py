"""The runner: personas sign in, use the app through one audited client, and rate it."""

from mana_lab.runner.brain import Brain, Rating, Scene, TickMemory
from mana_lab.runner.calls import CallError, CallOutcome, Toolbox, ToolInfo, module_of
from mana_lab.runner.connection import Agree
from mana_lab.runner.endpoint import Endpoint
from mana_lab.runner.fleet import Fleet
from mana_lab.runner.ledger import METADATA, Ledger
from mana_lab.runner.recorder import Action, Recorder
from mana_lab.runner.run import Run
from mana_lab.runner.scripted import ScriptedBrain
from mana_lab.runner.session import App
from mana_lab.runner.tick import House

__all__ = [
    "METADATA",
    "Action",
    "Agree",
    "App",
    "Brain",
    "CallError",
    "CallOutcome",
    "Endpoint",
    "Fleet",
    "House",
    "Ledger",
    "Rating",
    "Recorder",
    "Run",
    "Scene",
    "ScriptedBrain",
    "TickMemory",
    "ToolInfo",
    "Toolbox",
    "module_of",
]
