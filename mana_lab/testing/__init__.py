"""What pytest gets from mana_lab: fixtures of a lab, and the gate that holds runs against others.

pytest finds :mod:`mana_lab.testing.plugin` by itself once mana_lab is installed; nothing of it
loads more than pytest before it is used.
"""
