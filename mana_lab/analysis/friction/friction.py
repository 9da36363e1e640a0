"""The friction of one warehouse, as ``lab.friction`` offers it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import pandas as pd

from mana_lab.analysis.choosing import choose_persona
from mana_lab.analysis.friction.definition import Definition, Scope
from mana_lab.analysis.friction.discovery import tools_named
from mana_lab.analysis.friction.views import DEFINITIONS
from mana_lab.checks import texts_of

if TYPE_CHECKING:
    from mana_lab.analysis.choosing import RunChoice
    from mana_lab.analysis.warehouse import Warehouse


class Friction:
    """Where personas get stuck: what fails, what they do then, and what they never find.

    Each method answers from one definition, and ``lab.sql`` sees the same as a view with ``run``
    among its columns, such as ``friction_tools``; ``lab.describe("friction_tools")`` says what the
    columns mean. Each takes a run, its id or its number, or counts all runs and calls by hand
    together, and the name or address of a persona; both must be there.

    These tables describe. Calls of one persona are like one another, so that the persona and not
    the call is the unit of any inference, and the intervals, which take calls for independent, are
    too narrow for one.

    Args:
        warehouse: Where the data come from.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def __repr__(self) -> str:
        names = (name.removeprefix("friction_") for name in DEFINITIONS)
        return f"<Friction: {', '.join(names)}>"

    def calls(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return every call and what became of it: retried, recovered or abandoned.

        See :mod:`mana_lab.analysis.friction.calls`.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_calls", run, persona)

    def tools(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return how often each tool failed and how, the one that fails most often first.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_tools", run, persona)

    def personas(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return the counts and rates of :meth:`tools` for each persona with each tool.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_personas", run, persona)

    def errors(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return every kind of error by tool, the most frequent first.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_errors", run, persona)

    def error_recovery(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return how often each error is recovered within two calls, the worst first.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_error_recovery", run, persona)

    def first_success(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return how long each persona took until each tool worked for them.

        See :mod:`mana_lab.analysis.friction.learning`.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_first_success", run, persona)

    def repeats(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return who called a tool with the same input again, after a failure or harmlessly.

        See :mod:`mana_lab.analysis.friction.repeats`.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_repeats", run, persona)

    def detours(
        self,
        run: RunChoice = None,
        persona: str | None = None,
        *,
        reads: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Return how many calls of each persona the same outcomes did not take, the most first.

        See :mod:`mana_lab.analysis.friction.repeats`.

        Args:
            run: A run, its id or its number; None for all.
            persona: A name or address; None for all.
            reads: The tools that only read. A call that changes something is then no detour, also
                where it is repeated; None counts every identical call.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        if reads is None:
            return self._ask("friction_detours", run, persona)
        condition = "list_contains($reads::VARCHAR[], tool_name)"
        known = sorted(texts_of(reads, "reads", "todo.list"))
        return self._ask("friction_detours", run, persona, {"reads": condition}, reads=known)

    def undiscovered(
        self,
        run: RunChoice = None,
        persona: str | None = None,
        *,
        offered: Collection[str] | None = None,
    ) -> pd.DataFrame:
        """Return the tools that a persona never called although the module is in their mix.

        Only personas that took part are looked at: those with a tick or a call.

        Args:
            run: A run, its id or its number; None for all.
            persona: A name or address; None for all.
            offered: The names of the tools on offer. None stands for those that anybody called with
                success in the lab, in whatever run; one that nobody found is then missing.

        Raises:
            NotFoundError: There is no such run or persona.
            InvalidInputError: *offered* is no collection of names.
        """
        if offered is None:
            return self._ask("friction_undiscovered", run, persona)
        named = sorted(set(texts_of(offered, "offered", "todo.list")))
        tools = {"offered": tools_named(Scope(labs=self._labs).of_lab())}
        return self._ask("friction_undiscovered", run, persona, tools, offered=named)

    def unknown_tools(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return the names that were called and no tool has, with the tool that is named alike.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_unknown_tools", run, persona)

    def transitions(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return how often each tool followed each within a tick.

        A row per pair that occurred; ``pivot(index="tool_name", columns="next_tool",
        values="share")`` makes a matrix of it. See :mod:`mana_lab.analysis.friction.sequences`.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_transitions", run, persona)

    def variants(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return the paths that ticks took through the tools, the most frequent first.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_variants", run, persona)

    def confusion(self, run: RunChoice = None, persona: str | None = None) -> pd.DataFrame:
        """Return which tool was tried when another was right, the surest first.

        See :mod:`mana_lab.analysis.friction.confusion`.

        Raises:
            NotFoundError: There is no such run or persona.
        """
        return self._ask("friction_confusion", run, persona)

    @property
    def _labs(self) -> tuple[str, ...]:
        return self._warehouse.labs

    def _ask(
        self,
        name: str,
        run: RunChoice,
        persona: str | None,
        more: dict[str, str] | None = None,
        **given: Any,
    ) -> pd.DataFrame:
        definition: Definition = DEFINITIONS[name]
        conditions = []
        if run is not None:
            conditions.append(f"run = {self._warehouse.run_number(run)}")
        if persona is not None:
            who = choose_persona(self._warehouse.personas_df(), persona)
            conditions.append("email = $email")
            given["email"] = str(who["email"])
        where = " AND ".join(conditions) or "true"
        scope = Scope(keys=self._labs, labs=self._labs, where=where, **(more or {}))
        kinds = definition.columns(*self._labs)
        return self._warehouse.typed(definition.sql(scope), kinds, **given)
