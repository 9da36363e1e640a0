"""The folder of an embedded lab: its databases, its secrets, its catalog and its lock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mana_lab.errors import CatalogError, SettingsError
from mana_lab.personas import Catalog, catalog_json, load_catalog
from mana_lab.settings import SECRETS_FILE, LabSecrets, write_private_text
from mana_lab.storage.folders import hold_folder

CATALOG_FILE = "catalog.json"


def holds_lab(path: Path) -> bool:
    """Return whether there is a lab in the folder *path*."""
    return (path / SECRETS_FILE).is_file()


def database_in(path: Path, name: str) -> str:
    """Return the URL of the database of the service *name* in the lab folder *path*."""
    return f"sqlite:///{path.resolve() / name}.db"


def catalog_in(path: Path) -> Catalog:
    """Return the personas of the lab in the folder *path*: those that were last seeded there.

    Where no others were seeded, or there is no lab yet, it is the shipped catalog.

    Raises:
        CatalogError: The folder's catalog is damaged.
    """
    own = path / CATALOG_FILE
    return load_catalog(own if own.exists() else None)


class LabFolder:
    """A lab's folder, held by one process at a time.

    Args:
        path: The folder; it is made if it is missing, readable by its owner only.

    Attributes:
        secrets: The lab's secrets, made on first open.

    Raises:
        LabBusyError: Another lab object, here or in another process, holds the folder.
        SettingsError: The path is a file or cannot be written, or the secrets are lost or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._lock = hold_folder(
            self.path,
            called="the lab folder",
            busy=f"the lab in {path} is open already; close it first (await lab.close(), or Ctrl-C "
            "for a command such as serve), or restart the kernel or process that has it open",
        )
        try:
            self._check_secrets()
            self.secrets = LabSecrets.load_or_create(self.path)
        except BaseException:
            self._lock.release()
            raise

    def _check_secrets(self) -> None:
        if not holds_lab(self.path) and any(self.path.glob("*.db")):
            raise SettingsError(
                f"the lab folder {self.path} has databases but no {SECRETS_FILE}, without which "
                "nobody can read them; restore it, or start a new lab folder"
            )

    def database_url(self, name: str) -> str:
        """Return the URL of the database of the service *name*."""
        return database_in(self.path, name)

    def release(self) -> None:
        """Let another process open the lab; again is harmless."""
        self._lock.release()


@dataclass(frozen=True)
class KeptCatalog:
    """The catalog of a lab, and the file in its folder that has later openings find it.

    Attributes:
        path: The lab's folder.
        catalog: The catalog.
    """

    path: Path
    catalog: Catalog

    def keep(self) -> None:
        """Have later openings find the catalog; the shipped one is found without a file.

        Raises:
            SettingsError: The folder cannot be written.
        """
        own = self.path / CATALOG_FILE
        try:
            if self._is(load_catalog()):
                own.unlink(missing_ok=True)
            else:
                write_private_text(own, catalog_json(self.catalog))
        except OSError as error:
            raise SettingsError(f"{own.name}: {error.strerror or error}") from None

    def forget(self) -> None:
        """Have later openings find the shipped catalog, if this one is what they would find."""
        with suppress(CatalogError):  # a damaged one is not this one
            if self._is(catalog_in(self.path)):
                (self.path / CATALOG_FILE).unlink(missing_ok=True)

    def _is(self, other: Catalog) -> bool:
        mine = self.catalog
        return (mine.personas, mine.spaces) == (other.personas, other.spaces)
