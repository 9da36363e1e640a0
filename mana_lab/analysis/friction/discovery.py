"""Discovery: tools that a persona never found, and names of tools that there are not.

Which tools were on offer is not in the audit. It is an argument, and by default those that anybody
called with success, in any run of the lab: a tool that nobody found is then missing.
"""

from __future__ import annotations

from typing import Final

from mana_lab.analysis.friction.calls import failures
from mana_lab.analysis.friction.definition import WHO_FIELDS, Definition, Scope

_UNKNOWN: Final = "error_code = 'unknown-tool'"
_MODULE: Final = "coalesce(module, split_part(tool_name, '.', 1))"


def tools_that_worked(labs: str) -> str:
    """Return the SQL of the tools that anybody called with success, each with its module.

    Args:
        labs: The columns of the lab, a comma behind each.
    """
    return (
        f"SELECT {labs}tool_name, min({_MODULE}) AS module FROM persona_actions"  # noqa: S608
        f" WHERE result = 'ok' GROUP BY {labs}tool_name"
    )


def tools_named(labs: str) -> str:
    """Return the SQL of the tools that the parameter ``offered`` lists, each with its module.

    That is the one in which it was called; where it never was, the text before its first dot.

    Args:
        labs: The columns of the lab, a comma behind each.
    """
    everywhere = f"SELECT DISTINCT {labs}name FROM personas, unnest($offered::VARCHAR[]) t(name)"  # noqa: S608
    known = (
        f"SELECT {labs}tool_name AS name, min(module) AS module FROM persona_actions"  # noqa: S608
        f" WHERE tool_name IN (SELECT unnest($offered::VARCHAR[])) GROUP BY {labs}tool_name"
    )
    return (
        f"SELECT {labs}name AS tool_name, coalesce(module, split_part(name, '.', 1)) AS module"  # noqa: S608
        f" FROM ({everywhere}) LEFT JOIN ({known}) USING ({labs}name)"
    )


def _undiscovered(scope: Scope) -> str:
    offered = scope.offered or tools_that_worked(scope.of_lab())
    took_part = " UNION ".join(
        f"SELECT {scope.by()} persona_id FROM {view} WHERE {scope.where}"  # noqa: S608
        for view in ("ticks", "persona_actions")
    )
    tried = f"SELECT DISTINCT {scope.by()} persona_id, tool_name FROM {scope.calls}"  # noqa: S608
    return (
        f"SELECT {scope.by('w')} p.persona, p.email, p.archetype, o.tool_name, o.module,"  # noqa: S608
        " p.module_mix[o.module] AS planned"
        f" FROM ({took_part}) w JOIN personas p ON p.user_id = w.persona_id"
        f"{scope.same_lab('p', 'w')}"
        f" JOIN ({offered}) o ON p.module_mix[o.module] > 0{scope.same_lab('o', 'p')}"
        f" ANTI JOIN ({tried}) t ON t.persona_id = w.persona_id AND t.tool_name = o.tool_name"
        f"{scope.same('t', 'w')}"
    )


def nearest_tools(scope: Scope, names: str) -> str:
    """Return the SQL of the existing tool whose name is nearest to each of some names.

    By the distance of Damerau and Levenshtein: how many letters to add, leave out, replace or swap
    with their neighbours. Of names equally near it is the first in the alphabet.

    Args:
        scope: Which labs.
        names: The relation of the names, with ``tool_name`` and the columns of the lab.
    """
    distance = "damerau_levenshtein(n.tool_name, t.tool_name)"
    return (
        f"SELECT {scope.of_lab('n')} n.tool_name,"  # noqa: S608
        f" arg_min(t.tool_name, ({distance}, t.tool_name)) AS nearest, min({distance}) AS distance"
        f" FROM (SELECT DISTINCT {scope.of_lab()} tool_name FROM {names}) n"
        f" JOIN ({tools_that_worked(scope.of_lab())}) t ON true{scope.same_lab('n', 't')}"
        f" GROUP BY {scope.of_lab('n')} n.tool_name"
    )


def _unknown_tools(scope: Scope) -> str:
    counted = (
        f"SELECT {scope.by()} tool_name, count(*) AS calls,"  # noqa: S608
        " count(DISTINCT persona_id) AS personas, mode(then_tool ORDER BY then_tool) AS then_tool"
        f" FROM ({failures(scope, _UNKNOWN)})"
        f" GROUP BY {scope.by()} tool_name"
    )
    names = f"(SELECT * FROM {scope.calls} WHERE {_UNKNOWN})"  # noqa: S608
    return (
        f"SELECT c.*, nearest, distance FROM ({counted}) c"  # noqa: S608
        f" LEFT JOIN ({nearest_tools(scope, names)}) n"
        f" ON n.tool_name = c.tool_name{scope.same_lab('n', 'c')}"
    )


UNDISCOVERED: Final = Definition(
    "friction_undiscovered",
    {
        **WHO_FIELDS,
        "tool_name": ("text", "The tool that they never called, not even in vain."),
        "module": ("text", "Its module, which is in their mix."),
        "planned": ("number", "The intended share of that module, 0 to 1."),
    },
    _undiscovered,
    "persona, email, planned DESC, tool_name",
)
UNKNOWN_TOOLS: Final = Definition(
    "friction_unknown_tools",
    {
        "tool_name": ("text", "The name that no tool has."),
        "calls": ("integer", "How often it was called."),
        "personas": ("integer", "By how many personas."),
        "nearest": ("text", "The tool with the nearest name, of those that anybody used."),
        "distance": ("integer", "How many letters to change to get there (Damerau-Levenshtein)."),
        "then_tool": (
            "text",
            "The tool that most often worked within the next two calls; missing if none did.",
        ),
    },
    _unknown_tools,
    "calls DESC, personas DESC, tool_name",
)
