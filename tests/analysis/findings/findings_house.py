"""Labs in which something is the matter, or nothing, and the cells of findings."""

import numpy as np
from living_house import lab_of, lived

PEOPLE = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gil", "Hana", "Ian", "Jo")
LEAVERS = ("Ian", "Jo")
MIX = {"todo": 0.4, "journal": 0.3, "mood": 0.3}
LAST = 12


def troubled(*, run=1, more=None):
    """Return the ticks of ten personas for whom every question has an answer.

    ``todo.create`` fails every second time, then ``todo.complete`` works instead, and nobody finds
    ``todo.export`` but Ada; todo is rated low and mood high, lower where it failed; Ian and Jo
    leave after six ticks.
    """
    return [
        _tick(person, place, number, run=run, more=more)
        for place, person in enumerate(PEOPLE)
        for number in range(1, LAST + 1)
    ]


def _tick(person, place, number, *, run, more):
    if person in LEAVERS and number > 6:
        return lived("", person, number, run=run, more=more)
    usual = "journal.add journal.list journal.get mood.log mood.today mood.week"
    export = " todo.export" if person == "Ada" and number == 1 else ""
    rough = (number + place) % 2 == 0
    first = "todo.create! todo.complete" if rough else "todo.create"
    marks = {"todo": 1 if rough else 2 + (number + place) % 3, "journal": 3 + (place + number) % 2}
    return lived(f"{first}{export} {usual}", person, number, run=run, more=more, **marks, mood=5)


def troubled_lab(**more):
    """Return the lab of :func:`troubled`."""
    return lab_of(*troubled(**more), mixes=dict.fromkeys(PEOPLE, MIX))


def quiet_lab(seed):
    """Return a lab in which all tools fail alike, and modules are rated alike whatever happens."""
    random = np.random.default_rng(seed)
    tools = ["todo.create", "todo.list", "journal.add", "journal.list", "mood.log"]
    ticks = []
    for person in PEOPLE:
        own = random.normal(0, 0.4)
        for number in range(1, LAST + 1):
            words = [_tried(tool, random) for tool in tools]
            random.shuffle(words)
            said = {
                module: int(np.clip(round(3.5 + own + random.normal(0, 0.9)), 1, 5))
                for module in ("todo", "journal", "mood")
            }
            ticks.append(lived(" ".join(words), person, number, more={"brain": "model"}, **said))
    return lab_of(*ticks, mixes=dict.fromkeys(PEOPLE, MIX))


def _tried(tool, random):
    """Return a tool that works, or fails and mostly works then."""
    if random.random() > 0.1:
        return tool
    return f"{tool}! {tool}" if random.random() < 0.6 else f"{tool}!"
