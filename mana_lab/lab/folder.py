"""The folder of an embedded lab: its databases, its secrets and its lock."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout

from mana_lab.errors import LabBusyError, SettingsError
from mana_lab.settings import SECRETS_FILE, LabSecrets


def holds_lab(path: Path) -> bool:
    """Return whether there is a lab in the folder *path*."""
    return (path / SECRETS_FILE).is_file()


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
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FileLock(self.path / "lock", is_singleton=False)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise LabBusyError(
                f"the lab in {path} is open already; close it first (await lab.close()), "
                "or restart the kernel or process that has it open"
            ) from None
        except OSError as error:
            raise SettingsError(f"the lab folder {path} cannot be used: {error.strerror}") from None
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
        return f"sqlite:///{self.path / name}.db"

    def release(self) -> None:
        """Let another process open the lab; again is harmless."""
        self._lock.release()
