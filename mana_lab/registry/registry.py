"""Registry: the tools by name, and the one way to call them."""

from __future__ import annotations

import difflib
import html
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from pydantic import BaseModel

from mana_lab.errors import DuplicateToolError, InvalidInputError, UnknownToolError
from mana_lab.registry.admission import ADMITTED, Admission, check_admitted
from mana_lab.registry.context import ToolContext
from mana_lab.registry.names import look_alike
from mana_lab.registry.spec import ToolSpec
from mana_lab.registry.tables import Table

AnyToolSpec: TypeAlias = ToolSpec[Any, Any]

_MAX_NAME = 128


class Registry:
    """A set of tools; iterating goes by name.

    Args:
        specs: The tools to start with.
        admitted: Which modules may be used in which types of spaces.

    Raises:
        DuplicateToolError: Two of them have one name, or names easily mistaken.
    """

    def __init__(
        self, specs: Iterable[AnyToolSpec] = (), *, admitted: Admission = ADMITTED
    ) -> None:
        self._specs: dict[str, AnyToolSpec] = {}
        self._admitted = admitted
        for spec in specs:
            self.add(spec)

    def add(self, spec: AnyToolSpec) -> None:
        """Add a tool.

        Raises:
            DuplicateToolError: There is a tool of that name, or of one easily taken for it.
            InvalidInputError: Another tool says of the same table that other fields are encrypted.
        """
        if spec.name in self._specs:
            raise DuplicateToolError(f"there are two tools called {spec.name}")
        for name in self._specs:
            if look_alike(spec.name, name):
                raise DuplicateToolError(f"the name {spec.name} is easily taken for {name}")
        known = {(table.app_id, table.name): table for table in self.tables()}
        for table in spec.tables:
            other = known.get((table.app_id, table.name), table)
            if set(other.encrypted) != set(table.encrypted):
                raise InvalidInputError(
                    f"{spec.name} encrypts {sorted(table.encrypted)} of {table.app_id}/{table.name}"
                    f", other tools {sorted(other.encrypted)}"
                )
        self._specs[spec.name] = spec

    def get(self, name: str) -> AnyToolSpec:
        """Return the tool called *name*.

        Raises:
            UnknownToolError: There is none; the message names a similar one.
        """
        if name in self._specs:
            return self._specs[name]
        near = difflib.get_close_matches(name[:_MAX_NAME], sorted(self._specs), n=1)
        hint = f"; did you mean {near[0]}?" if near else "; list the tools to see which there are"
        raise UnknownToolError(f"there is no tool called {name[:_MAX_NAME]!r}{hint}")

    async def invoke(self, name: str, arguments: Any, ctx: ToolContext) -> BaseModel:
        """Call a tool: validate the arguments, run it, validate its result.

        What the handler raises comes out as it is.

        Args:
            name: The tool.
            arguments: What came over the wire; None counts as no arguments.
            ctx: Who calls, and in which space.

        Raises:
            UnknownToolError: No tool has that name.
            ModuleNotAdmittedError: The space of *ctx* does not admit the tool's module.
            ToolInputError: The arguments are not what the input schema says.
            InvalidOutputError: The result is not what the output schema says.
        """
        spec = self.get(name)
        check_admitted(spec.module, ctx.space, self._admitted)
        result: BaseModel = await spec.run(arguments, ctx)
        return result

    def exposable(self) -> Registry:
        """Return a registry without the tools of admin scope."""
        exposed = (spec for spec in self if spec.scope != "admin")
        return Registry(exposed, admitted=self._admitted)

    def modules(self) -> list[str]:
        """Return the modules that have tools, sorted."""
        return sorted({spec.module for spec in self})

    def tables(self) -> list[Table]:
        """Return the tables that the tools touch, sorted: the source of the encryption audit."""
        return sorted({table for spec in self for table in spec.tables})

    def __iter__(self) -> Iterator[AnyToolSpec]:
        return iter([self._specs[name] for name in sorted(self._specs)])

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        counts = Counter(spec.module for spec in self)
        parts = ", ".join(f"{module} {counts[module]}" for module in self.modules())
        return f"Registry({len(self)} tools: {parts})" if parts else "Registry(no tools)"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><code>{html.escape(spec.name)}</code></td><td>{spec.policy_hint}</td>"
            f"<td>{html.escape(spec.description.splitlines()[0])}</td></tr>"
            for spec in self
        )
        head = "<tr><th>tool</th><th>policy</th><th>purpose</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
