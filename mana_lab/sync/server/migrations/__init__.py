"""Steps from release to release for stores of the sync service (:mod:`mana_lab.storage`)."""
