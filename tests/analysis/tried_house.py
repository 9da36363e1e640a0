"""Labs in which a treatment was tried, of short texts."""

from living_house import lab_of, lived

from mana_lab.analysis.contrast import AGAIN, CONTROL, TREATMENT

PEOPLE = ("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gil", "Hana", "Ian", "Jo")
TRIAL = {"kind": "trial", "control": "as it is", "treatment": "another", "module": None}
DESIGN = {**TRIAL, "alpha": 0.05, "stop_early": False, "washout": 0, "seed": 7}
ARMS = (CONTROL, TREATMENT, AGAIN, TREATMENT)


def tried(
    treated, usual="todo.create mood.log", *, design=DESIGN, people=PEOPLE, todo=None, reason=None
):
    """Return a lab in which every other tick was lived as *treated* says, todo rated so there.

    *reason* is why the run ended before its time.
    """
    ticks = []
    for place, person in enumerate(people):
        for number in range(8):
            arm = ARMS[number % 4]
            is_treated = arm == TREATMENT
            own = 3 + (place + number // 4 + number // 2) % 2
            marks = {"todo": todo if is_treated and todo else own, "mood": own}
            words = treated if is_treated else usual
            known = {name: mark for name, mark in marks.items() if f"{name}." in words}
            ticks.append(lived(words, person, number, more={"variant": arm}, **known))
    return lab_of(*ticks, design=design, reason=reason)
