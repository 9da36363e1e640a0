"""Steps from release to release for stores of the identity service (:mod:`mana_lab.storage`)."""
