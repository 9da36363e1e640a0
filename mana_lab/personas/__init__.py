"""Personas: the catalog, their passwords, and how they become real users and stop being ones."""

from mana_lab.identity.wire import Traits
from mana_lab.personas.catalog import Catalog, Persona, SharedSpace, catalog_schema
from mana_lab.personas.cleanup import CleanupReport, cleanup
from mana_lab.personas.passwords import persona_password
from mana_lab.personas.reading import catalog_json, load_catalog
from mana_lab.personas.sampling import sample
from mana_lab.personas.seeding import SeedOutcome, SeedReport, plan_seed, seed
from mana_lab.personas.sharing import SpaceOutcome

__all__ = [
    "Catalog",
    "CleanupReport",
    "Persona",
    "SeedOutcome",
    "SeedReport",
    "SharedSpace",
    "SpaceOutcome",
    "Traits",
    "catalog_json",
    "catalog_schema",
    "cleanup",
    "load_catalog",
    "persona_password",
    "plan_seed",
    "sample",
    "seed",
]
