"""A lab's databases as a source: read run by run, and those that are over from their mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pandas as pd
from sqlalchemy import Engine

from mana_lab.analysis import frames
from mana_lab.analysis.columns import VIEWS
from mana_lab.analysis.duck import Duck
from mana_lab.analysis.frames import Context, Which
from mana_lab.analysis.kept import add_files, add_frame, add_view, begin_view
from mana_lab.analysis.mirror import Mirror
from mana_lab.analysis.parquet import DAMAGED
from mana_lab.analysis.states import States, pulse
from mana_lab.analysis.telling import Tell, untold

Database: TypeAlias = Literal["identity", "ledger"]
LARGE: Final = 20_000
"""From so many calls on reading takes a while, so that the runs that are over are mirrored."""

_BY_RUN = ("persona_actions", "persona_feedback", "ticks")


class Databases:
    """A lab's databases.

    Args:
        engines: Read-only engines: ``identity`` with users, personas, actions and feedback, and
            ``ledger`` with runs and ticks.
        mirror: A folder to keep the rows of runs that are over in; None to read them every time.
        tell: Told how many calls have been read.
        large: From so many calls on the mirror is used.
    """

    views = VIEWS

    def __init__(
        self,
        engines: Mapping[Database, Engine],
        mirror: Path | None = None,
        tell: Tell = untold,
        large: int = LARGE,
    ) -> None:
        self._identity = engines["identity"]
        self._ledger = engines["ledger"]
        self._mirror = None if mirror is None else Mirror(mirror)
        self._tell = tell
        self._large = large

    def state(self) -> object:
        """Return what is another one when a row has come, gone or changed."""
        return pulse(self._identity, self._ledger)

    def fill(self, duck: Duck) -> None:
        """Make the views of what the databases hold now."""
        try:
            self._fill(duck)
        except DAMAGED:
            if self._mirror is None:
                raise
            self._mirror.clear()  # it is damaged
            self._fill(duck)

    def _fill(self, duck: Duck) -> None:
        states = States.read(self._identity, self._ledger)
        personas, runs = frames.personas_df(self._identity), frames.runs_df(self._ledger)
        add_view(duck, "personas", VIEWS["personas"], personas)
        add_view(duck, "runs", VIEWS["runs"], runs)
        for view in _BY_RUN:
            begin_view(duck, view, VIEWS[view])
        for parts in _joined(self._runs(states, personas, runs)):
            for view, part in parts.items():
                _add(duck, view, part)

    def _runs(
        self, states: States, personas: pd.DataFrame, runs: pd.DataFrame
    ) -> Iterator[Mapping[str, pd.DataFrame | Path]]:
        """Yield the rows of each run, the oldest first, and those of none."""
        done, total = 0, states.size
        mirror = self._mirror if total >= self._large else None
        for run, status in runs[["id", "status"]].itertuples(index=False):
            state = states.of_run(run)
            if mirror is not None and (kept := mirror.parts(run, state)):
                yield kept
                continue
            read = self._read(Which(run), personas, runs)
            if mirror is not None and status != "running":
                mirror.keep(run, state, read)
                done += len(read["persona_actions"])
                self._tell(done, total)
            yield read
        yield self._read(Which(without_run=states.without_run()), personas, runs)

    def _read(
        self, which: Which, personas: pd.DataFrame, runs: pd.DataFrame
    ) -> dict[str, pd.DataFrame]:
        ticks = frames.ticks_df(self._ledger, personas, runs, which)
        context = Context(personas, runs, ticks)
        calls = frames.read_actions(self._identity, which)
        ratings = frames.read_feedback(self._identity, which)
        return {
            "persona_actions": frames.actions_df(calls, context),
            "persona_feedback": frames.feedback_df(ratings, context),
            "ticks": ticks,
        }


def _add(duck: Duck, view: str, part: pd.DataFrame | Sequence[Path]) -> None:
    if isinstance(part, pd.DataFrame):
        add_frame(duck, view, VIEWS[view], part)
        return
    columns = ", ".join(f'"{column}"' for column in VIEWS[view])
    query = f"SELECT {columns} FROM read_parquet($files, hive_partitioning = false)"  # noqa: S608
    add_files(duck, view, query, part)


def _joined(
    runs: Iterator[Mapping[str, pd.DataFrame | Path]],
) -> Iterator[Mapping[str, pd.DataFrame | Sequence[Path]]]:
    """Yield the same, with files of runs that follow each other together."""
    files: dict[str, list[Path]] = {}
    for parts in runs:
        paths = {view: part for view, part in parts.items() if isinstance(part, Path)}
        for view, path in paths.items():
            files.setdefault(view, []).append(path)
        if not paths:
            if files:
                yield files
            files = {}
            yield {view: part for view, part in parts.items() if isinstance(part, pd.DataFrame)}
