"""Steps from release to release for stores of the ledger (:mod:`mana_lab.storage`)."""
