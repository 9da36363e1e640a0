"""The runner's service: personas who are due live their ticks, in real time, until it is stopped.

It stands in front of a Mana elsewhere; ``python -m mana_lab.runner`` starts it.
"""

from mana_lab.runner.service.app import create_app
from mana_lab.runner.service.diagnosis import Diagnosis
from mana_lab.runner.service.duty import Drained, Duty

__all__ = ["Diagnosis", "Drained", "Duty", "create_app"]
