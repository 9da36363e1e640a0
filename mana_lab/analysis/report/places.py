"""Places: which tick a call or a rating is of, and how one gets there on the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mana_lab.analysis.report.markup import Markup, anchor_of, link
from mana_lab.analysis.warehouse import Warehouse

LINKED: Final = 8
"""So many calls a finding links to, and as many that speak against it."""


@dataclass(frozen=True)
class Place:
    """Where a call or a rating stands.

    Attributes:
        id: Of the call or the rating.
        kind: ``call`` or ``rating``.
        label: What it is, such as ``Anna, tick 3, call 2: todo.create``.
        tick_id: The id of its tick.
    """

    id: str
    kind: str
    label: str
    tick_id: str

    def shown(self, ticks: frozenset[str]) -> Markup | str:
        """Return a link to it, or its label where the page has no transcript of its tick.

        Args:
            ticks: The ids of the ticks that the page has.
        """
        if self.tick_id in ticks:
            return link(self.label, anchor_of(self.kind, self.id))
        return f"{self.label} (lab.tick({self.tick_id!r}))"


def places_of(warehouse: Warehouse, ids: Iterable[str]) -> Mapping[str, Place]:
    """Return the places of calls and ratings by their ids.

    Args:
        warehouse: Where the rows come from.
        ids: The ids; what there is not has no place.
    """
    wanted: Sequence[str] = sorted(set(ids))
    query = (
        "SELECT id, tick_id, 'call' AS kind, persona, tick, seq, tool_name AS what"
        " FROM persona_actions WHERE list_contains($ids::VARCHAR[], id)"
        " UNION ALL SELECT id, tick_id, 'rating', persona, tick, NULL, module"
        " FROM persona_feedback WHERE list_contains($ids::VARCHAR[], id)"
    )
    found = warehouse.typed(
        query,
        {
            "id": "text",
            "tick_id": "text",
            "kind": "text",
            "persona": "text",
            "tick": "integer",
            "seq": "integer",
            "what": "text",
        },
        ids=wanted,
    )
    places = {}
    for row in found.astype("object").where(found.notna(), None).to_dict("records"):
        when = "by hand" if row["tick"] is None else f"tick {row['tick']}"
        which = "rating" if row["kind"] == "rating" else f"call {row['seq']}"
        label = f"{row['persona']}, {when}, {which}: {row['what']}"
        places[str(row["id"])] = Place(str(row["id"]), str(row["kind"]), label, str(row["tick_id"]))
    return places
