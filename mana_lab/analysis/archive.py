"""Archives: the rows of labs as Parquet files, partitioned by run the way Hive does it.

Whatever reads Parquet reads them: ``personas.parquet`` and ``runs.parquet``, and for each run
``actions/run=1/data.parquet``, ``ratings/run=1/data.parquet`` and ``ticks/run=1/data.parquet``;
calls by hand are under ``run=__HIVE_DEFAULT_PARTITION__``. The columns are those of
:mod:`mana_lab.analysis.columns`; ``run`` is in the name of the folder alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb

from mana_lab.analysis.columns import SQL_TYPES, VIEWS, Columns
from mana_lab.analysis.duck import Duck, literal
from mana_lab.analysis.kept import add_files, begin_view
from mana_lab.analysis.parquet import DAMAGED, writing
from mana_lab.analysis.soundness import what_is_unsound
from mana_lab.analysis.telling import Tell, untold
from mana_lab.analysis.warehouse import Warehouse
from mana_lab.errors import ArchiveError, InvalidInputError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WHOLE: Final = {"personas": "personas.parquet", "runs": "runs.parquet"}
_BY_RUN: Final = {"persona_actions": "actions", "persona_feedback": "ratings", "ticks": "ticks"}
_NO_RUN: Final = "__HIVE_DEFAULT_PARTITION__"
_PART: Final = re.compile(rf"/run=(0|[1-9]\d{{0,17}}|{_NO_RUN})/data\.parquet$")
_RUN: Final = r"TRY_CAST(regexp_extract(filename, '[/\\]run=(\d+)[/\\][^/\\]*$', 1) AS BIGINT)"
_READ: Final = {
    **dict.fromkeys(_WHOLE, "read_parquet($files, hive_partitioning = false)"),
    **dict.fromkeys(_BY_RUN, "read_parquet($files, hive_partitioning = false, filename = true)"),
}


def write_archive(warehouse: Warehouse, folder: Path, tell: Tell = untold) -> None:
    """Write what a warehouse has, as an archive; the same rows give the same bytes.

    Args:
        warehouse: Where the rows come from.
        folder: Where to; it is there and empty.
        tell: Told after each run how many there are done, and of how many.
    """
    runs = warehouse.runs_df()
    parts = [(f"run={number}", run) for number, run in zip(runs["run"], runs["id"], strict=True)]
    with writing() as parquet:
        parquet.write(runs, VIEWS["runs"], folder / _WHOLE["runs"])
        parquet.write(warehouse.personas_df(), VIEWS["personas"], folder / _WHOLE["personas"])
        for place, (name, run) in enumerate([*parts, (f"run={_NO_RUN}", None)], start=1):
            for view, frame in warehouse.frames_of_run(run).items():
                if not frame.empty:
                    part = folder / _BY_RUN[view] / name
                    part.mkdir(parents=True)
                    parquet.write(frame, _without_run(VIEWS[view]), part / "data.parquet")
            tell(min(place, len(parts)), len(parts))


class ArchiveSource:
    """Archives as a source; of several, each row says first from which one it is.

    Args:
        places: Where they are, by what to call them: folders, or addresses of *filesystem*.
        filesystem: Where addresses lead, such as ``fsspec.filesystem("s3")``.
    """

    def __init__(
        self, places: Mapping[str, str | Path], filesystem: AbstractFileSystem | None = None
    ) -> None:
        self._places = dict(places)
        self._filesystem = filesystem
        lab: Columns = {"lab": "text"} if len(places) > 1 else {}
        self.views = {view: {**lab, **kinds} for view, kinds in VIEWS.items()}

    def state(self) -> object:
        """Return what stays the same: an archive is written once."""
        return id(self)

    def fill(self, duck: Duck) -> None:
        """Make the views.

        Raises:
            InvalidInputError: The file system is none of fsspec.
            ArchiveError: A place is no archive, cannot be read, or is not whole.
        """
        self._register(duck)
        for view, kinds in self.views.items():
            begin_view(duck, view, kinds)
        for name, place in self._places.items():
            self._check(place)
            try:
                self._add(duck, name, place)
            except DAMAGED as error:
                reason = str(error).partition("\n")[0]
                raise ArchiveError(f"{place}: cannot be read as an archive: {reason}") from None
            wrong = what_is_unsound(duck, name if len(self._places) > 1 else None)
            if wrong is not None:
                raise ArchiveError(
                    f"{place}: {wrong}; part of it was lost, copied or changed since it was "
                    "written: make it again with lab.export(…)"
                )

    def _register(self, duck: Duck) -> None:
        if self._filesystem is None:
            return
        try:
            duck.register_filesystem(self._filesystem)
        except duckdb.Error:
            raise InvalidInputError(
                f"filesystem: got {type(self._filesystem).__name__}, allowed: a file system of "
                "fsspec, such as fsspec.filesystem('s3')"
            ) from None

    def _check(self, place: str | Path) -> None:
        if "://" in str(place):
            if self._filesystem is None:
                raise ArchiveError(
                    f"{place}: is an address; say what reads it, as with filesystem="
                    "fsspec.filesystem('s3')"
                )
        elif not Path(place).is_dir():
            raise ArchiveError(f"{place}: there is no such folder; lab.export(…) makes an archive")

    def _add(self, duck: Duck, name: str, place: str | Path) -> None:
        for view, file in _WHOLE.items():
            found = list(_files(duck, place, file))
            if not found:
                raise ArchiveError(f"{place}: has no {file}; make an archive with lab.export(…)")
            self._insert(duck, view, name, found)
        for view, folder in _BY_RUN.items():
            parts = sorted(_files(duck, place, f"{folder}/*/*.parquet"), key=_place_of)
            if parts:
                self._insert(duck, view, name, parts)

    def _insert(self, duck: Duck, view: str, name: str, files: list[str]) -> None:
        _check(duck, view, files)
        columns = ", ".join(_column(view, column) for column in VIEWS[view])
        given: dict[str, Any] = {}
        if len(self._places) > 1:
            columns, given = f"$name, {columns}", {"name": name}
        add_files(duck, view, f"SELECT {columns} FROM {_READ[view]}", files, given)  # noqa: S608


def _column(view: str, column: str) -> str:
    return _RUN if view in _BY_RUN and column == "run" else f'"{column}"'


def _check(duck: Duck, view: str, files: list[str]) -> None:
    given = {"files": [literal(file) for file in files]}
    rows = duck.sql(f"SELECT * FROM {_READ[view]}", params=given)  # noqa: S608
    found = dict(zip(rows.columns, map(str, rows.types), strict=True))
    wanted = _without_run(VIEWS[view]) if view in _BY_RUN else VIEWS[view]
    for name, kind in wanted.items():
        if found.get(name) != SQL_TYPES[kind]:
            raise ArchiveError(
                f"{files[0]}: its column {name} is {found.get(name) or 'missing'}, need "
                f"{SQL_TYPES[kind]}"
            )


def _files(duck: Duck, place: str | Path, pattern: str) -> Iterator[str]:
    if "://" not in str(place):
        yield from (path.as_posix() for path in Path(place).absolute().glob(pattern))
        return
    query = "SELECT file FROM glob($pattern)"
    found = duck.execute(
        query, {"pattern": f"{literal(str(place).rstrip('/'))}/{pattern}"}
    ).fetchall()
    yield from (str(row[0]) for row in found)


def _place_of(file: str) -> tuple[bool, int, str]:
    """Return where a file stands among the others: by run, calls by hand last."""
    part = _PART.search(file)
    if part is None:
        raise ArchiveError(
            f"{file}: is in no folder of a run, or is another file than its data; allowed: such as "
            "run=1/data.parquet"
        )
    by_hand = part[1] == _NO_RUN
    return by_hand, 0 if by_hand else int(part[1]), file


def _without_run(kinds: Columns) -> Columns:
    return {name: kind for name, kind in kinds.items() if name != "run"}
