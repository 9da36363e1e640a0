"""What a desk in a notebook shows as HTML; all that comes from elsewhere is escaped."""

from __future__ import annotations

from mana_lab.display import escaped
from mana_lab.runner import ToolInfo
from mana_lab.runner.human import Card, Report

WAITING = (
    "<p>Nobody is playing yet. Start a run in another cell: "
    "<code>run = asyncio.create_task(lab.run(days=1, personas=['anna'], "
    "brain=HumanBrain(desk)))</code></p>"
)
_GOOD, _BAD = "#1b6e3c", "#b00020"
_PRE = "<pre style='white-space:pre-wrap;line-height:1.4;margin:4px 0'>"


def introduction(card: Card) -> str:
    """Tell whom the person plays, and when."""
    persona = card.persona
    last = "".join(f"<li>{escaped(sentence)}</li>" for sentence in card.last_time)
    before = f"<p style='margin:6px 0 0'>Last time:</p><ul>{last}</ul>" if last else ""
    return (
        "<div style='border-left:4px solid #6366f1;padding:6px 12px;margin-bottom:8px;"
        "line-height:1.45'>"
        f"<b style='font-size:1.2em'>You are {escaped(persona.name)}</b> "
        f"<span style='opacity:.7'>{escaped(persona.archetype)}</span><br>"
        f"{card.now:%A, %Y-%m-%d %H:%M} in {escaped(persona.timezone)} · you write in "
        f"{escaped(persona.language)} · visit {card.tick_number}"
        f"<p style='margin:6px 0 0;max-width:60em'>{escaped(persona.system_prompt)}</p>"
        f"{before}</div>"
    )


def description(tool: ToolInfo) -> str:
    """Tell what a tool does."""
    lines = "<br>".join(escaped(line) for line in tool.description.splitlines())
    return (
        f"<div style='line-height:1.4;margin-left:8px'><b>{escaped(tool.name)}</b>"
        f"<p style='margin:4px 0'>{lines}</p></div>"
    )


def answer(report: Report) -> str:
    """Show what became of a call."""
    parts = [remark(report.headline, good=report.ok)]
    if report.lines:
        lines = "\n".join(report.lines)
        parts.append(f"{_PRE}{escaped(lines)}</pre>")
    if report.whole:
        whole = f"{_PRE}{escaped(report.whole)}</pre>"
        parts.append(f"<details><summary>the whole answer</summary>{whole}</details>")
    return "".join(parts)


def remark(words: str, *, good: bool) -> str:
    """Return a sentence in the color of what went well, or did not."""
    return f"<b style='color:{_GOOD if good else _BAD}'>{escaped(words)}</b>" if words else ""
