"""Filling in a form in a terminal: first what is needed, then whatever else one wants to say."""

from __future__ import annotations

from mana_lab.commands.picking import hint, pick
from mana_lab.commands.screen import Screen
from mana_lab.runner import ToolInfo
from mana_lab.runner.human import Field, Form
from mana_lab.runner.human.fields import fields_of
from mana_lab.runner.human.wording import choice_texts, expected

_HELP = """\
Enter           send, or keep what the field has
a number, name  fill in that field
/clear          empty the field that is asked for
/help           tell what the tool does and what it takes
/back           turn to something else; what was typed stays for later
a line that ends with \\ goes on in the next; "" is a text without characters"""
_LONGEST_SHOWN = 60
_BACK = "/back"


async def fill(screen: Screen, form: Form) -> bool:
    """Ask for the arguments of a tool.

    Args:
        screen: Where to ask.
        form: What is asked for; entries that it has already are kept.

    Returns:
        Whether to call the tool.
    """
    if form.trouble is None and not form.entries:
        screen.show(form.tool.name, "bold")
        screen.show(purpose(form.tool), indent=2)
    asked = [field for field in form.fields if _is_asked(form, field)]
    for field in asked:
        if await _ask(screen, form, field):
            return False
    at_once = form.trouble is None and len(asked) == len(form.fields)
    return at_once or await _go_on(screen, form)


def explain(screen: Screen, tool: ToolInfo) -> None:
    """Tell what a tool does, and what it takes."""
    screen.show(tool.name, "bold")
    screen.show(tool.description, indent=2)
    for field in fields_of(tool):
        screen.show(_question(field), indent=4)


def purpose(tool: ToolInfo) -> str:
    """Return the first line of what a tool says it does."""
    return tool.description.strip().partition("\n")[0]


def _is_asked(form: Form, field: Field) -> bool:
    """Return whether the form cannot be sent before this field was asked for."""
    lacking = field.required and not form.entries.get(field.name, "").strip()
    return lacking or field.name in form.problems


async def _go_on(screen: Screen, form: Form) -> bool:
    """Let the person say more, until they send the form or turn away from it."""
    names = [field.name for field in form.fields]
    screen.listed(names, [_state(form, field) for field in form.fields])
    screen.show("Enter sends; a number or a name fills in that field; also: /help, /back", "dim")
    while True:
        entry = (await screen.ask(form.tool.name)).strip()
        word = "" if entry in names else entry.casefold().removeprefix("/")
        if not entry or word == "back":
            return not entry
        if word == "help":
            _help(screen, form)
        elif word == "list":
            screen.listed(names, [_state(form, field) for field in form.fields])
        elif (place := pick(names, entry)) is None:
            screen.wrong(f"there is no field {entry[:60]!r}{hint(names, entry)}; Enter sends")
        elif await _ask(screen, form, form.fields[place]):
            return False


async def _ask(screen: Screen, form: Form, field: Field) -> bool:
    """Ask for one argument until it can be used; True if the person turns to something else."""
    texts = _offer(screen, form, field)
    if field.name in form.problems:
        screen.wrong(f"{field.name} {form.problems[field.name]}")
    kept = form.entries.get(field.name, "")
    while True:
        entry = await screen.ask(f"{field.name} [{_short(kept)}]" if kept else field.name)
        word = entry.strip()
        if word == _BACK:
            return True
        if word == "/help":
            _help(screen, form)
            continue
        if word == "/clear":
            kept = form.entries[field.name] = ""
            continue
        text = texts.get(word, entry) if word else kept
        problem = form.problem_of(field, text)
        if problem is None:
            form.entries[field.name] = text
            form.problems.pop(field.name, None)
            return False
        screen.wrong(f"{field.name} {problem}")


def _offer(screen: Screen, form: Form, field: Field) -> dict[str, str]:
    """Show what a field takes; return what the numbers stand for that can be typed instead."""
    screen.show(_question(field), "dim")
    if field.kind == "choice":
        texts = choice_texts(field)
        screen.listed(texts, [""] * len(texts))
    elif field.names_thing and form.things:
        texts = [thing.id for thing in form.things]
        screen.listed([thing.label for thing in form.things], texts)
    else:
        return {}
    numbered = {str(number): text for number, text in enumerate(texts, 1)}
    return {**numbered, **{text: text for text in texts}}


def _question(field: Field) -> str:
    said = f"{field.name}: {expected(field)}{'' if field.required else ' (may be left out)'}"
    about = " ".join(field.description.split())
    known = f"{said}. {about}" if about else said
    return f"{known}. Left out: {field.default}" if field.default else known


def _state(form: Form, field: Field) -> str:
    entry = form.entries.get(field.name, "")
    if entry.strip():
        return f"= {_short(entry)}"
    return "needed" if field.required else " ".join(field.description.split())


def _short(entry: str) -> str:
    text = " ".join(entry.split())
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _help(screen: Screen, form: Form) -> None:
    explain(screen, form.tool)
    screen.show(_HELP, indent=2)
