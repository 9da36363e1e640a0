"""The warehouse: what a lab or a run folder has, as frames and SQL views; it only reads."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar, cast

import pandas as pd

from mana_lab.analysis.choosing import OneRun, RunChoice, choose_run
from mana_lab.analysis.columns import VIEWS, Columns
from mana_lab.analysis.duck import Duck, ask, lock, only_reads, open_duck, typed_rows
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.in_context import RATINGS_IN_CONTEXT
from mana_lab.analysis.journeys import JOURNEYS
from mana_lab.analysis.sources import Source
from mana_lab.analysis.views import DERIVED, add_derived

_Made = TypeVar("_Made")


class Warehouse:
    """The data of a lab or a run folder, for reading.

    Every call looks at the data as they are now; those that have not changed are not read again.

    Args:
        source: Where the rows come from.
    """

    VIEWS = (*VIEWS, *DERIVED)
    """What a query can name: the rows, ratings in context, journeys, and what friction there is."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._one_at_a_time = Lock()
        self._state: object = None
        self._duck: Duck | None = None
        self._made: dict[Hashable, object] = {}

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
            duck = self._current()
            try:
                return ask(duck, query, parameters)
            finally:
                if not only_reads(duck, query):
                    self._let_go()

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
            return _known_run(run, self._current())[0]

    def typed(self, query: str, kinds: Columns, **parameters: Any) -> pd.DataFrame:
        """Return the rows of a query whose columns are known.

        Args:
            query: A query of this package that only reads.
            kinds: The kinds of its columns, in their order.
            parameters: Values for ``$name`` in the query.
        """
        with self._one_at_a_time:
            return typed_rows(self._current(), query, kinds, **parameters)

    def once(self, name: Hashable, make: Callable[[], _Made]) -> _Made:
        """Return what *make* makes of the rows; as long as these stay the same, it is made once.

        Args:
            name: What it is; the same name stands for the same thing.
            make: Asks this warehouse.
        """
        with self._one_at_a_time:
            duck = self._current()
            if name in self._made:
                return cast("_Made", self._made[name])
        made = make()
        with self._one_at_a_time:
            if self._duck is duck:
                self._made[name] = made
        return made

    def frames_of_run(self, run: str | None) -> dict[str, pd.DataFrame]:
        """Return the rows of a run in each view that has some.

        Args:
            run: The run's id; None for the rows that belong to none.
        """
        views = ("persona_actions", "persona_feedback", "ticks")
        if run is not None:
            return {view: self._frame(view, run) for view in views}
        with self._one_at_a_time:
            duck = self._current()
            return {
                view: typed_rows(duck, f"FROM {view} WHERE run IS NULL", self._source.views[view])
                for view in views
            }

    def _frame(self, view: str, run: RunChoice = None, *, key: str = "run_id") -> pd.DataFrame:
        kinds = self._source.views[view]
        with self._one_at_a_time:
            duck = self._current()
            if run is None:
                return typed_rows(duck, f"FROM {view}", kinds)
            query = f'FROM {view} WHERE "{key}" = $run'
            return typed_rows(duck, query, kinds, run=_known_run(run, duck)[1])

    def _current(self) -> Duck:
        """Return the views as the source has them now."""
        state = self._source.state()
        if self._duck is None or state != self._state:
            self._let_go()
            duck = open_duck()
            self._source.fill(duck)
            add_derived(duck, self.labs)
            lock(duck)
            self._state, self._duck = state, duck
        return self._duck

    def _let_go(self) -> None:
        if self._duck is not None:
            self._duck.close()
        self._duck = None
        self._made.clear()


def _known_run(run: OneRun, duck: Duck) -> tuple[int, str]:
    """Return the number and the id of a run."""
    return choose_run(duck.execute("SELECT run, id FROM runs ORDER BY ALL").fetchall(), run)
