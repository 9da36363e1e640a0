"""Who rates modules as the others do, and who cannot be asked."""

from findings_house import PEOPLE
from living_house import lab_of, lived

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
        "For 1 of 10 personas modules rank otherwise than for the others: Ada."
    )


def test_who_rated_two_modules_ranks_none_and_is_not_counted():
    finding = agreeing(rated_by(lambda _: {"todo": 1, "mood": 5}))
    assert finding.claim.endswith("(10 personas)")
    assert finding.counter_evidence.startswith("Nobody rated three modules apart")
    assert finding.against == ()
