"""The mirror: the rows of runs that are over, as Parquet files beside the databases.

It is a cache: whatever does not stand there as the databases have it now is read from them. A
database gives its rows one by one; a million of them take it many seconds, and the mirror less
than one.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.parquet import writing

_STATE = "state"
_FORMAT = repr(VIEWS)
"""Files with other columns are of another version."""


class Mirror:
    """A folder with the rows of some runs.

    Args:
        folder: Where they are; it is made when something is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def parts(self, run: str, state: str) -> dict[str, Path] | None:
        """Return the files of a run by their views; None where it is not there as it is now.

        Args:
            run: The run's id.
            state: How it stands.
        """
        folder = self._folder / run
        with suppress(OSError):
            if (folder / _STATE).read_text() == _digest(state):
                return {path.stem: path for path in folder.glob("*.parquet")}
        return None

    def keep(self, run: str, state: str, frames: Mapping[str, pd.DataFrame]) -> None:
        """Keep the rows of a run, where the folder can be written; it need not be.

        Args:
            run: The run's id.
            state: How it stands.
            frames: Its rows, by their views.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".", dir=self._folder))
            try:
                with writing() as files:
                    for view, frame in frames.items():
                        files.write(frame, VIEWS[view], made / f"{view}.parquet")
                (made / _STATE).write_text(_digest(state))
                shutil.rmtree(self._folder / run, ignore_errors=True)
                made.rename(self._folder / run)
            finally:
                shutil.rmtree(made, ignore_errors=True)

    def clear(self) -> None:
        """Remove all of it; again is harmless."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _digest(state: str) -> str:
    return hashlib.sha256(f"{_FORMAT}\n{state}".encode()).hexdigest()
