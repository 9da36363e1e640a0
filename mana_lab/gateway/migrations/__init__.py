"""Steps from release to release for stores of the gateway (:mod:`mana_lab.storage`)."""
