"""Archives: what labs had, as Parquet files, read without the labs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mana_lab.errors import InvalidInputError
from mana_lab.lab.reading import Reading

if TYPE_CHECKING:
    import pandas as pd
    from fsspec import AbstractFileSystem

    from mana_lab.analysis import Friction, Source, Warehouse


class Archive(Reading):
    """What a lab had when :meth:`Lab.export` was called; open one with :meth:`open`.

    It has the frames, SQL, charts, summary and report of a lab.

    Attributes:
        place: Where it is.
    """

    def __init__(self, place: str | Path, source: Source) -> None:
        self.place = place
        self._known = source

    @classmethod
    def open(cls, place: str | Path, *, filesystem: AbstractFileSystem | None = None) -> Self:
        """Open an archive.

        Args:
            place: Its folder, or its address in an object store, such as ``s3://bucket/lab``.
            filesystem: What reads that address, such as ``fsspec.filesystem("s3")``.

        Raises:
            ArchiveError: It is no archive, or cannot be read.
        """
        from mana_lab.analysis.archive import ArchiveSource

        archive = cls(place, ArchiveSource({"": place}, filesystem))
        archive.runs_df()  # what is wrong is told here
        return archive

    def __repr__(self) -> str:
        runs, calls = (
            self.sql(f"SELECT count(*) AS n FROM {view}")["n"].item()  # noqa: S608
            for view in ("runs", "persona_actions")
        )
        return f"<Archive: {runs} runs, {calls} calls>"

    def _source(self) -> Source:
        return self._known


class Archives:
    """Several archives, read together; open them with :meth:`open`.

    Every row says in ``lab``, its first column, from which one it is; the rest of the columns are
    those of one lab, so that the same SQL runs over all of them.

    Attributes:
        labs: What they are called.
    """

    def __init__(self, labs: Iterable[str], warehouse: Warehouse) -> None:
        self.labs = tuple(labs)
        self._warehouse = warehouse

    @classmethod
    def open(
        cls,
        places: Mapping[str, str | Path],
        *,
        filesystem: AbstractFileSystem | None = None,
    ) -> Self:
        """Open several archives.

        Args:
            places: As for :meth:`Archive.open`, by what to call them.
            filesystem: As there.

        Raises:
            InvalidInputError: They are fewer than two, or not called anything.
            ArchiveError: One is no archive, or cannot be read.
        """
        from mana_lab.analysis import Warehouse
        from mana_lab.analysis.archive import ArchiveSource

        if not isinstance(places, Mapping) or len(places) < 2:
            raise InvalidInputError(
                f"got {str(places)[:80]}, allowed: two archives or more by what to call them, such "
                "as {'monday': 'monday', 'tuesday': 'tuesday'}; Archive.open(…) opens one"
            )
        archives = cls(places, Warehouse(ArchiveSource(places, filesystem)))
        archives.runs_df()
        return archives

    def __repr__(self) -> str:
        return f"<Archives: {', '.join(self.labs)}>"

    def sql(self, query: str, /, **parameters: Any) -> pd.DataFrame:
        """Return the result of a DuckDB query; see :meth:`mana_lab.analysis.Warehouse.sql`.

        Raises:
            QueryError: DuckDB refused the query; the message is DuckDB's own.
        """
        return self._warehouse.sql(query, **parameters)

    def actions_df(self) -> pd.DataFrame:
        """Return the audited calls; see :data:`mana_lab.analysis.columns.ACTIONS`."""
        return self._warehouse.actions_df()

    def feedback_df(self) -> pd.DataFrame:
        """Return the ratings; see :data:`mana_lab.analysis.columns.FEEDBACK`."""
        return self._warehouse.feedback_df()

    def ratings_in_context(self) -> pd.DataFrame:
        """Return every rating with what it rests on; see :mod:`mana_lab.analysis.in_context`."""
        return self._warehouse.ratings_in_context()

    def journeys_df(self) -> pd.DataFrame:
        """Return what personas set out to do; see :mod:`mana_lab.analysis.journeys`."""
        return self._warehouse.journeys_df()

    def ticks_df(self) -> pd.DataFrame:
        """Return the ticks; see :data:`mana_lab.analysis.columns.TICKS`."""
        return self._warehouse.ticks_df()

    def runs_df(self) -> pd.DataFrame:
        """Return the runs; see :data:`mana_lab.analysis.columns.RUNS`."""
        return self._warehouse.runs_df()

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return self._warehouse.personas_df()

    @cached_property
    def friction(self) -> Friction:
        """Where personas get stuck, lab by lab; a run is chosen by its number in every lab."""
        from mana_lab.analysis import Friction

        return Friction(self._warehouse)
