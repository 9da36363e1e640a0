"""Who rates modules as the others do, and who cannot be asked."""

from findings_house import PEOPLE
from living_house import lab_of, lived

from mana_lab.analysis.findings import modules
from mana_lab.analysis.findings.agreement import FAMILY


def agreeing(lab):
    return next(each for each in lab.findings(1) if each.family == FAMILY)


def rated_by(marks_of):
    """Return a lab in which each persona rates six times as *marks_of* their place says."""
    words = "todo.list journal.list mood.log"
    return lab_of(
        *(
            lived(words, person, number, more={"brain": "model"}, **marks_of(place))
            for place, person in enumerate(PEOPLE)
            for number in range(1, 7)
        )
    )


def test_who_ranks_modules_otherwise_speaks_against_agreement():
    odd = {0: {"todo": 2, "journal": 4, "mood": 1}}
    finding = agreeing(rated_by(lambda at: odd.get(at, {"todo": 1, "journal": 3, "mood": 5})))
    assert finding.claim.startswith("Personas agree on which modules are good")
    assert finding.counter_evidence == (
        "For 1 of 10 personas the order of modules correlates with that of the others by 0 or "
        "less (chance alone gives half): Ada."
    )


def test_that_modules_rank_alike_is_said_to_be_no_more_than_half_have_by_chance():
    orders = ({"todo": 1, "journal": 3, "mood": 5}, {"todo": 5, "journal": 3, "mood": 1})
    finding = agreeing(rated_by(lambda at: orders[at > 5]))
    assert finding.claim.startswith("Personas do not agree enough")
    assert finding.counter_evidence == (
        "For 6 of 10 personas the order of modules correlates with that of the others by more than "
        "0 (chance alone gives half): Ada, Ben, Cleo, Dan, 2 more."
    )


def test_nobody_is_compared_with_an_order_that_their_own_ratings_make():
    def marks(person, day):
        if person == "Ada":
            return {"a": 3, "b": 5, "c": 4, "d": 1}
        return {"a": 1, "b": 3, "c": 3 + (day == 1), "d": 3 + (day < 3)}

    lab = lab_of(
        *(
            lived("a.see b.see c.see d.see", person, day, **marks(person, day))
            for person in PEOPLE
            for day in range(1, 13)
        )
    )
    overall = next(each for each in lab.findings(1) if each.family == modules.FAMILY)
    assert overall.counter_evidence.startswith(
        "For 1 of 10 personas the order of modules correlates with that of the others by 0 or "
        "less (chance alone gives half): Ada. W has no interval"
    )
    assert {rating.partition("-")[0] for rating in overall.against} == {"Ada"}


def test_who_rated_two_modules_ranks_none_and_is_not_counted():
    finding = agreeing(rated_by(lambda _: {"todo": 1, "mood": 5}))
    assert finding.claim.endswith("(10 personas)")
    assert finding.counter_evidence.startswith("Nobody rated three modules apart")
    assert finding.against == ()
