"""One widget for each field of a form, and the text that stands in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ipywidgets as widgets

from mana_lab.display import escaped
from mana_lab.runner.human import Field, Thing
from mana_lab.runner.human.wording import bound, choice_texts, expected

_WIDTH = "36em"
_LONG = 500
_NULL = "null"


@dataclass(frozen=True)
class _Place:
    """Where one types, and how its value is written as the text of an entry, and back."""

    widget: Any
    text_of: Callable[[Any], str] = str
    value_of: Callable[[str], Any] = str


class Input:
    """A field as it is shown: its name, what it takes, where to type, and what is wrong.

    Args:
        field: What is asked for.
        entry: What stands in it at first.
        things: What an id may name.

    Attributes:
        field: What is asked for.
        widget: Where one types.
        null: Sets the argument to nothing; None where that says nothing.
        box: All of it.
    """

    def __init__(self, field: Field, entry: str = "", things: Sequence[Thing] = ()) -> None:
        self.field = field
        self._place = _place(field, things)
        self.widget = self._place.widget
        self.null = tick_box("nothing") if field.nullable else None
        if self.null is not None and entry.strip() == _NULL:
            self.null.value = True
        elif entry:
            self.widget.value = self._place.value_of(entry)
        self._problem = widgets.HTML()
        row = widgets.HBox([self.widget, *([] if self.null is None else [self.null])])
        self.box = widgets.VBox([widgets.HTML(_label(field)), row, self._problem])
        self.box.layout.margin = "0 0 6px 0"

    @property
    def entry(self) -> str:
        """What stands in it, as text."""
        if self.null is not None and self.null.value:
            return _NULL
        return self._place.text_of(self.widget.value)

    def complain(self, problem: str | None) -> None:
        """Show what is wrong with it; None for nothing."""
        said = f"{self.field.name} {problem}" if problem else ""
        self._problem.value = f'<span style="color:#b00020">{escaped(said)}</span>' if said else ""


def tick_box(text: str) -> Any:
    """Return a box to tick, as wide as its text."""
    box = widgets.Checkbox(description=text, indent=False)
    box.layout.width = "auto"
    return box


def close(widget: Any) -> None:
    """Close a widget and all that it is made of, in the front end too."""
    for part in _parts(widget):
        part.close()


def _parts(widget: Any) -> Iterator[Any]:
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
    for name in ("layout", "style"):
        if (part := getattr(widget, name, None)) is not None:
            yield part
    yield widget


def _label(field: Field) -> str:
    about = " ".join(field.description.split())
    notes = ["needed" if field.required else "may be left out"]
    if field.kind == "datetime":
        notes.append("in your time")
    if field.default:
        notes.append(f"left out it is {field.default}")
    return (
        f"<b>{escaped(field.name)}</b> {escaped(about)} "
        f"<span style='opacity:.6'>({escaped('; '.join(notes))})</span>"
    )


def _place(field: Field, things: Sequence[Thing]) -> _Place:
    match field.kind:
        case "choice" | "flag":
            return _choice(field)
        case "date":
            return _picked(widgets.DatePicker(), date.fromisoformat)
        case "datetime":
            return _picked(widgets.NaiveDatetimePicker(), datetime.fromisoformat)
        case "list" if field.item is not None and field.item.choices:
            return _several(field.item.choices)
        case _ if field.names_thing and things:
            return _thing(field, things)
    most = bound(field.schema, "maxLength")
    short = field.kind in ("whole", "number") or "pattern" in field.schema
    if short or field.names_thing or (most is not None and most <= _LONG):
        return _Place(widgets.Text(placeholder=expected(field), layout={"width": _WIDTH}))
    return _Place(widgets.Textarea(placeholder=expected(field), rows=3, layout={"width": _WIDTH}))


def _choice(field: Field) -> _Place:
    texts = choice_texts(field)
    nothing = "choose …" if field.required else "left out"
    options = [(nothing, ""), *((text, text) for text in texts)]
    box = widgets.Dropdown(options=options, value="", layout={"width": _WIDTH})
    return _Place(box, value_of=lambda entry: entry if entry in texts else "")


def _picked(picker: Any, parse: Callable[[str], Any]) -> _Place:
    def value_of(entry: str) -> Any:
        with suppress(ValueError):
            return parse(entry.strip())
        return None

    return _Place(picker, lambda value: "" if value is None else value.isoformat(), value_of)


def _several(choices: Sequence[Any]) -> _Place:
    options = [(str(value), place) for place, value in enumerate(choices)]
    box = widgets.SelectMultiple(options=options, rows=max(2, min(8, len(options))))
    box.layout.width = _WIDTH

    def text_of(places: Sequence[int]) -> str:
        picked = [choices[place] for place in places]
        return json.dumps(picked, ensure_ascii=False) if picked else ""

    def value_of(entry: str) -> tuple[int, ...]:
        try:
            wanted = json.loads(entry)
        except ValueError:
            return ()
        return tuple(place for place, value in enumerate(choices) if value in wanted)

    return _Place(box, text_of, value_of)


def _thing(field: Field, things: Sequence[Thing]) -> _Place:
    shown = {f"{thing.label} ({thing.id})": thing.id for thing in things}
    named = {name: label for label, name in shown.items()}
    box = widgets.Combobox(options=tuple(shown), placeholder=f"{expected(field)}: pick or paste it")
    box.layout.width = _WIDTH
    return _Place(box, lambda value: shown.get(value, value), lambda entry: named.get(entry, entry))
