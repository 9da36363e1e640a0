"""Friction: what fails, what people do then, what they mix up and what they never find.

Every question is defined once, as SQL over the views of a warehouse; it is a view that ``lab.sql``
can name, and a method of :class:`Friction`.
"""

from mana_lab.analysis.friction.friction import Friction
from mana_lab.analysis.friction.of_frames import failed_calls, frequent_errors, tool_friction
from mana_lab.analysis.friction.views import DEFINITIONS

__all__ = [
    "DEFINITIONS",
    "Friction",
    "failed_calls",
    "frequent_errors",
    "tool_friction",
]
