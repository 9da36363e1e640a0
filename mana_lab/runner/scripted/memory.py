"""The memory: what a persona knows of its earlier ticks, as JSON.

It is stored in plain. So it holds ids, names of tools and numbers, and nothing that somebody wrote.
Whatever is not of this form counts as no memory at all: no tick breaks on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

_ID = "[A-Za-z0-9._:~-]{1,40}"
"""An id of any other form may be somebody's text, and is not kept."""
_NAME = "[A-Za-z0-9._:/-]{1,64}"
_MOST_NAMES = 100
_MOST_TIMES = 30


class _Most(NamedTuple):
    modules: int
    things: int


# together below what the ledger takes of a brain
_OWN = _Most(modules=16, things=20)
_SHARED = _Most(modules=8, things=10)
_MOST_SPACES = 5

_Id: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{_ID}$")]
_Name: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{_NAME}$")]
_Times: TypeAlias = Annotated[int, Field(ge=1, le=_MOST_TIMES)]
_Counts: TypeAlias = Annotated[dict[_Name, _Times], Field(max_length=_MOST_NAMES)]
_Things: TypeAlias = Annotated[
    dict[_Name, Annotated[list[_Id], Field(max_length=_OWN.things)]],
    Field(max_length=_OWN.modules),
]
_Spaces: TypeAlias = Annotated[dict[_Id, _Things], Field(max_length=_MOST_SPACES)]


class Memory(BaseModel):
    """What a persona knows of its earlier ticks.

    Attributes:
        version: Of this form.
        left_at: When the last tick was; None before any.
        patience: How much patience was left then.
        unfinished: What the persona added and has not finished, by module: ids, the newest last.
        shared: The same for each space that it shares, by the space's id.
        returned: How many unfinished things of earlier ticks it dealt with in the last one, by
            module.
        worked: How often each tool worked of late.
        avoided: For how many more ticks a tool is left alone that was given up.
        understood: How many blunders with each tool were understood.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    version: Literal[1] = 1
    left_at: Annotated[AwareDatetime, Field(strict=False)] | None = None
    patience: Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)] = 0.0
    unfinished: _Things = Field(default_factory=dict)
    shared: _Spaces = Field(default_factory=dict)
    returned: _Counts = Field(default_factory=dict)
    worked: _Counts = Field(default_factory=dict)
    avoided: _Counts = Field(default_factory=dict)
    understood: _Counts = Field(default_factory=dict)


def recall(past: Any) -> Memory:
    """Return what *past* says; an empty memory if it is not of the form that is kept."""
    try:
        return Memory.model_validate(dict(past) if isinstance(past, Mapping) else past)
    except (ValidationError, RecursionError):
        return Memory()


def few_things(things: Mapping[str, Iterable[str]], most: _Most = _OWN) -> dict[str, list[str]]:
    """Return the newest of *things* that may be kept, by module."""
    ids = {
        module: [name for name in names if re.fullmatch(_ID, name)][-most.things :]
        for module, names in sorted(things.items())
        if re.fullmatch(_NAME, module)
    }
    return dict([(module, names) for module, names in ids.items() if names][: most.modules])


def few_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the largest of *counts* that may be kept, by name."""
    known = {
        name: min(times, _MOST_TIMES)
        for name, times in counts.items()
        if times > 0 and re.fullmatch(_NAME, name)
    }
    largest = sorted(known, key=lambda name: (-known[name], name))[:_MOST_NAMES]
    return {name: known[name] for name in sorted(largest)}


def few_spaces(spaces: Mapping[str, Mapping[str, Iterable[str]]]) -> dict[str, Any]:
    """Return the same as :func:`few_things` for some of the shared spaces, by their ids."""
    known = {space: few_things(things, _SHARED) for space, things in spaces.items()}
    kept = [item for item in known.items() if item[1] and re.fullmatch(_ID, item[0])]
    return dict(kept[:_MOST_SPACES])
