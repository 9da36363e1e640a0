"""The folder of an embedded lab: its databases, its secrets, its catalog and its lock."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mana_lab.errors import CatalogError, SettingsError
from mana_lab.lab.manifest import MANIFEST
from mana_lab.lab.taped import TAPE
from mana_lab.personas import Catalog, catalog_json, load_catalog
from mana_lab.settings import SECRETS_FILE, LabSecrets, write_private_text
from mana_lab.storage.folders import hold_folder

CATALOG_FILE = "catalog.json"
DATABASES: Final = ("identity", "sync", "ledger", "gateway")
"""The services that have a database each, in the order in which these are made."""

_OF_AN_ARCHIVE: Final = "runs.parquet"
_OF_THE_SYSTEM: Final = frozenset(
    map(Path, ("/", "/boot", "/dev", "/etc", "/home", "/proc", "/run", "/sys", "/usr", "/var"))
)


def holds_lab(path: Path) -> bool:
    """Return whether there is a lab in the folder *path*."""
    return (path / SECRETS_FILE).is_file()


def holds_run(path: Path) -> bool:
    """Return whether the folder *path* is that of a run that was kept."""
    return (path / MANIFEST).is_file() and (path / TAPE).is_file()


def holds_archive(path: Path) -> bool:
    """Return whether the folder *path* is an archive."""
    return (path / _OF_AN_ARCHIVE).is_file() and not holds_run(path)


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
        SettingsError: The path is a file or cannot be written, holds something else than a lab, or
            the secrets are lost or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._check_free()
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

    def _check_free(self) -> None:
        """Refuse a folder of something else, which a lab in it would hide."""
        if holds_lab(self.path):
            return
        if holds_archive(self.path):
            there = "holds an archive; read it with Archive.open(...) or open_place(...)"
        elif holds_run(self.path):
            there = "holds a run that was kept; read it with RunFolder.open(...) or open_place(...)"
        elif self.path in _OF_THE_SYSTEM:
            there = "is a folder of the system"
        else:
            return
        raise SettingsError(f"{self.path} {there}; for a lab name another folder")

    def _check_secrets(self) -> None:
        if not holds_lab(self.path) and any(self.path.glob("*.db")):
            raise SettingsError(
                f"the lab folder {self.path} has databases but no {SECRETS_FILE}, without which "
                "nobody can read them; restore it, or start a new lab folder"
            )

    def check_databases(self) -> None:
        """Check that of the databases in the folder none has vanished.

        They are made in their order: the last ones are not there yet in a lab of an earlier release
        or one whose first opening was cut off.

        Raises:
            SettingsError: One is missing while a later one is there.
        """
        there = [(self.path / f"{name}.db").exists() for name in DATABASES]
        last = max((place for place, known in enumerate(there) if known), default=0)
        gone = [f"{DATABASES[place]}.db" for place in range(last) if not there[place]]
        if gone:
            raise SettingsError(
                f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} missing from the lab "
                f"folder {self.path}, which has {DATABASES[last]}.db; restore what is missing, or "
                "start a new lab folder"
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
