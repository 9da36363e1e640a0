"""Modules of a server that has none: which tools belong together, and who wants them.

Personas reach for modules by weight (``module_mix``), ratings are given by module, and charts
compare modules. Other servers only have tools. So their tools are sorted into modules, by a table
or by their names, and personas who want modules of the catalog get those that stand for them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mana_lab.errors import ProtocolError, SettingsError
from mana_lab.personas import Persona
from mana_lab.runner.verbs import is_verb

ModuleName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-zA-Z0-9]{0,59}$")]
Pattern: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^*]{1,200}\*?$|^\*$")]
ModulesGiven: TypeAlias = Mapping[str, Sequence[str]] | str | Path

_MAX_BYTES = 1024 * 1024
_SHOWN = 12


class ModuleTable(BaseModel):
    """Which tools of a server make up which module.

    Attributes:
        modules: The tools of each module: names, or beginnings of names with a ``*`` behind them.
            A name counts more than a beginning, a longer beginning more than a shorter one.
        stands_for: Modules of the catalog, and the module of this server that stands for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    modules: dict[ModuleName, Annotated[tuple[Pattern, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    stands_for: dict[ModuleName, ModuleName] = Field(default_factory=dict)


def read_table(
    modules: ModulesGiven | None, stands_for: Mapping[str, str] | None = None
) -> ModuleTable:
    """Read the table of modules.

    Args:
        modules: The tools of each module, or a TOML or JSON file with the tables ``modules`` and
            ``stands_for``.
        stands_for: The modules of the catalog that modules of the server stand for, unless a file
            says so.

    Raises:
        SettingsError: The file cannot be read, or the table breaks a rule; the message says where.
    """
    if isinstance(modules, str | Path):
        if stands_for:
            raise SettingsError("stands_for= stands in the file of modules= already; give one")
        place, content = Path(modules).name, _read(Path(modules))
    else:
        place = "modules="
        content = {
            "modules": {name: _listed(tools) for name, tools in (modules or {}).items()},
            "stands_for": dict(stands_for or {}),
        }
    try:
        table = ModuleTable.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]")
        raise SettingsError(
            f"{place}: {where or 'the table'}: {_reason(first['type'], first['msg'])}"
        ) from None
    _check_patterns(place, table)
    return table


class Modules:
    """The modules of one server.

    Args:
        table: Which tools belong together; empty to go by their names.
        server: The name of the server, which the rest of its tools is called by.
        tools: The names of its tools.

    Raises:
        ProtocolError: It has no tools.
        SettingsError: The table names a tool or a module that the server does not have.
    """

    def __init__(self, table: ModuleTable, server: str, tools: Iterable[str]) -> None:
        self._table = table
        self._rest = module_name(server) or "server"
        self._by_pattern = {
            pattern: module for module, patterns in table.modules.items() for pattern in patterns
        }
        names = sorted(tools)
        if not names:
            raise ProtocolError(f"the server {server} offers no tool that can be used")
        self._check_tools(names)
        self.names = tuple(sorted({self.of(name) for name in names}))
        """The modules that have tools, sorted."""
        self._check_modules()

    def of(self, tool_name: str) -> str:
        """Return the module of a tool, also of one that the server does not have."""
        if self._by_pattern:
            pattern = _best(self._by_pattern, tool_name)
            return self._rest if pattern is None else self._by_pattern[pattern]
        first, *more = re.split(r"[._-]", tool_name, maxsplit=1)
        named = module_name(first) if more and not is_verb(first) else ""
        return named or self._rest

    def cast(self, persona: Persona) -> Persona:
        """Return a persona as a user of this server.

        They want the modules that stand for what they want in the catalog, or are called so. Who
        wants none of them uses all modules alike.
        """
        mix: dict[str, float] = {}
        for wanted, weight in persona.module_mix.items():
            module = self._table.stands_for.get(wanted, wanted)
            if module in self.names and weight > 0:
                mix[module] = mix.get(module, 0.0) + weight
        return persona.model_copy(update={"module_mix": mix or dict.fromkeys(self.names, 1.0)})

    def _check_tools(self, names: Sequence[str]) -> None:
        for pattern, module in self._by_pattern.items():
            if not any(_fits(pattern, name) for name in names):
                raise SettingsError(
                    f"the module {module} has the tool {pattern!r}, but the server offers none of "
                    f"that name; it offers {_some(names)}"
                )

    def _check_modules(self) -> None:
        for wanted, module in self._table.stands_for.items():
            if module not in self.names:
                raise SettingsError(
                    f"{module} stands for {wanted}, but the server has no such module; "
                    f"it has {_some(self.names)}"
                )


def module_name(text: str) -> str:
    """Return a text as the name of a module, such as ``mcpTime`` for ``mcp-time``.

    It is empty where nothing of the text can stand in a name.
    """
    words = re.findall(r"[A-Za-z0-9]+", text.rpartition("/")[2] or text)
    joined = "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")
    capitals = re.match(r"[A-Z]+(?![a-z])|[A-Z]?", joined)
    start = capitals[0] if capitals else ""
    return (start.lower() + joined[len(start) :])[:60]


def _best(patterns: Iterable[str], tool_name: str) -> str | None:
    fitting = [pattern for pattern in patterns if _fits(pattern, tool_name)]
    return max(fitting, key=lambda each: (not each.endswith("*"), len(each)), default=None)


def _fits(pattern: str, tool_name: str) -> bool:
    if pattern.endswith("*"):
        return tool_name.startswith(pattern[:-1])
    return tool_name == pattern


def _check_patterns(place: str, table: ModuleTable) -> None:
    seen: dict[str, str] = {}
    for module, patterns in table.modules.items():
        for pattern in patterns:
            if pattern in seen:
                raise SettingsError(
                    f"{place}: {pattern!r} stands in {seen[pattern]} and in {module}; "
                    "a tool has one module"
                )
            seen[pattern] = module


def _listed(tools: Sequence[str]) -> Any:
    return list(tools) if isinstance(tools, Sequence) and not isinstance(tools, str) else tools


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SettingsError(f"{path.name}: larger than {_MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise SettingsError(f"{path.name}: is not {kind} ({error})") from None


def _reason(kind: str, message: str) -> str:
    return {
        "extra_forbidden": "is not a known key; known are modules and stands_for",
        "string_pattern_mismatch": "is no name: modules are named as in the catalog, such as "
        "todo; tools by their name, or its beginning and a * behind it",
    }.get(kind, message)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN]) or "nothing"
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
