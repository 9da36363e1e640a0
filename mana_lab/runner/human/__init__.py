"""A person as the brain: the loop, the forms and the words that every surface shares.

A surface is a :class:`Desk`. There are two: prompts in a terminal (``python -m mana_lab play``)
and widgets in a notebook (``mana_lab.notebook.desk``).
"""

from mana_lab.runner.human.brain import HumanBrain
from mana_lab.runner.human.desk import (
    Card,
    Choice,
    Desk,
    Finish,
    GiveUp,
    Line,
    Menu,
    Miss,
    Shelf,
    Use,
    Verdict,
)
from mana_lab.runner.human.fields import Field
from mana_lab.runner.human.forms import Form
from mana_lab.runner.human.telling import Report, Thing

__all__ = [
    "Card",
    "Choice",
    "Desk",
    "Field",
    "Finish",
    "Form",
    "GiveUp",
    "HumanBrain",
    "Line",
    "Menu",
    "Miss",
    "Report",
    "Shelf",
    "Thing",
    "Use",
    "Verdict",
]
