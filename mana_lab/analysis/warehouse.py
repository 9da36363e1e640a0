"""The warehouse: what a lab or a run folder has, as frames and SQL views; it only reads."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock, local
from typing import Any, TypeVar, cast

import pandas as pd

from mana_lab.analysis.choosing import OneRun, RunChoice, choose_run
from mana_lab.analysis.columns import VIEWS, Columns
from mana_lab.analysis.duck import Duck, ask, only_reads, typed_rows
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.journeys import JOURNEYS
from mana_lab.analysis.snapshot import Snapshot
from mana_lab.analysis.sources import Source
from mana_lab.analysis.views import DERIVED

_Made = TypeVar("_Made")


class Warehouse:
    """The data of a lab or a run folder, for reading.

    Every call looks at the data as they are now; those that have not changed are not read again.
    What asks several times looks at them as they are once, in :meth:`snapshot`.

    Args:
        source: Where the rows come from.
    """

    VIEWS = (*VIEWS, *DERIVED)
    """What a query can name: the rows, ratings in context, journeys, and what friction there is."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._one_at_a_time = Lock()
        self._newest: Snapshot | None = None
        self._of_thread = local()

    def __repr__(self) -> str:
        return f"<Warehouse: {', '.join(self.VIEWS)}>"

    def actions_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the audited calls; see :data:`mana_lab.analysis.columns.ACTIONS`.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._frame("persona_actions", run)

    def feedback_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ratings; see :data:`mana_lab.analysis.columns.FEEDBACK`.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._frame("persona_feedback", run)

    def ticks_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the ticks; see :data:`mana_lab.analysis.columns.TICKS`.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._frame("ticks", run)

    def runs_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return the runs; see :data:`mana_lab.analysis.columns.RUNS`.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._frame("runs", run, key="id")

    def personas_df(self) -> pd.DataFrame:
        """Return the personas; see :data:`mana_lab.analysis.columns.PERSONAS`."""
        return self._frame("personas")

    def ratings_in_context(self, run: RunChoice = None) -> pd.DataFrame:
        """Return every rating with what it rests on; see :mod:`mana_lab.analysis.in_context`.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._derived(RATINGS_IN_CONTEXT, run)

    def journeys_df(self, run: RunChoice = None) -> pd.DataFrame:
        """Return what personas set out to do, tick by tick; see :mod:`mana_lab.analysis.journeys`.

        Args:
            run: A run, its id or its number; None for all.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._derived(JOURNEYS, run)

    def _derived(self, definition: Definition, run: RunChoice) -> pd.DataFrame:
        where = "true" if run is None else f"run = {self.run_number(run)}"
        scope = Scope(keys=self.labs, labs=self.labs, where=where)
        return self.typed(definition.sql(scope), definition.columns(*self.labs))

    def sql(self, query: str, /, **parameters: Any) -> pd.DataFrame:
        """Return the result of a query over all runs.

        It sees the views ``persona_actions``, ``persona_feedback``, ``personas``, ``runs`` and
        ``ticks``, which have the columns of the frames, ``ratings_in_context``, ``journeys``, and
        those of
        :class:`~mana_lab.analysis.friction.Friction`, such as ``friction_tools``, run by run; and
        nothing else: no files, no network.

        Args:
            query: DuckDB's SQL, such as ``SELECT module, avg(rating) AS mean FROM
                persona_feedback WHERE run = $run GROUP BY ALL ORDER BY ALL``.
            parameters: Values for ``$name`` in the query.

        Raises:
            QueryError: DuckDB refused the query; the message is DuckDB's own.
        """
        with self._one_at_a_time:
            seen = self._current()
            try:
                return ask(seen.duck, query, parameters)
            finally:
                if not only_reads(seen.duck, query):
                    seen.changed = True
                    self._let_go(seen)

    @property
    def labs(self) -> tuple[str, ...]:
        """``("lab",)`` where the rows are of several labs and say of which; otherwise empty."""
        return ("lab",) if "lab" in self._source.views["runs"] else ()

    def run_number(self, run: OneRun) -> int:
        """Return the number of a run.

        Args:
            run: A run, its id or its number.

        Raises:
            NotFoundError: There is no such run.
        """
        with self._one_at_a_time:
            return _known_run(run, self._current().duck)[0]

    def typed(self, query: str, kinds: Columns, **parameters: Any) -> pd.DataFrame:
        """Return the rows of a query whose columns are known.

        Args:
            query: A query of this package that only reads.
            kinds: The kinds of its columns, in their order.
            parameters: Values for ``$name`` in the query.
        """
        with self._one_at_a_time:
            return typed_rows(self._current().duck, query, kinds, **parameters)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Let all that this thread asks within the block see the rows as they are now.

        It is for what asks several questions whose answers must be of one time, such as a report
        while a run goes on. Blocks may stand in one another; the outermost counts.
        """
        outer: Snapshot | None = getattr(self._of_thread, "snapshot", None)
        with self._one_at_a_time:
            seen = self._current()
            seen.holders += 1
        self._of_thread.snapshot = seen
        try:
            yield seen
        finally:
            self._of_thread.snapshot = outer
            with self._one_at_a_time:
                seen.holders -= 1
                self._close_unless_used(seen)

    def once(self, name: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what *make* makes of the rows; as long as these stay the same, it is made once.

        Args:
            name: What it is; the same name stands for the same thing.
            make: Asks this warehouse, and sees the rows of one time.
        """
        with self.snapshot() as seen:
            if name not in seen.made:
                seen.made[name] = make()
            return cast("_Made", seen.made[name])

    def frames_of_run(self, run: str | None) -> dict[str, pd.DataFrame]:
        """Return the rows of a run in each view that has some.

        Args:
            run: The run's id; None for the rows that belong to none.
        """
        views = ("persona_actions", "persona_feedback", "ticks")
        if run is not None:
            return {view: self._frame(view, run) for view in views}
        with self._one_at_a_time:
            duck = self._current().duck
            return {
                view: typed_rows(duck, f"FROM {view} WHERE run IS NULL", self._source.views[view])
                for view in views
            }

    def _frame(self, view: str, run: RunChoice = None, *, key: str = "run_id") -> pd.DataFrame:
        kinds = self._source.views[view]
        with self._one_at_a_time:
            duck = self._current().duck
            if run is None:
                return typed_rows(duck, f"FROM {view}", kinds)
            query = f'FROM {view} WHERE "{key}" = $run'
            return typed_rows(duck, query, kinds, run=_known_run(run, duck)[1])

    def _current(self) -> Snapshot:
        """Return the views as this thread holds them, or else as the source has them now."""
        held: Snapshot | None = getattr(self._of_thread, "snapshot", None)
        if held is not None and not held.changed:
            return held
        state = self._source.state()
        if self._newest is None or state != self._newest.state:
            if self._newest is not None:
                self._let_go(self._newest)
            self._newest = Snapshot.of(self._source, state, self.labs)
        return self._newest

    def _let_go(self, seen: Snapshot) -> None:
        """Use a snapshot for no new question: there are newer rows, or a query changed it."""
        if self._newest is seen:
            self._newest = None
        self._close_unless_used(seen)

    def _close_unless_used(self, seen: Snapshot) -> None:
        if self._newest is not seen and seen.holders == 0:
            seen.close()


def _known_run(run: OneRun, duck: Duck) -> tuple[int, str]:
    """Return the number and the id of a run."""
    return choose_run(duck.execute("SELECT run, id FROM runs ORDER BY ALL").fetchall(), run)
