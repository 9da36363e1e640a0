"""The commands of ``python -m mana_lab``, one file per room they open."""

from mana_lab.commands.app import app

__all__ = ["app"]
