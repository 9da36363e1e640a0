"""The lab: opens, connects and closes everything below it."""

from mana_lab.lab.lab import Lab

__all__ = ["Lab"]
