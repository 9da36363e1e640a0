import pytest
from rows_house import rows_of

from mana_lab.analysis.statistics import mean_ratings


@pytest.mark.parametrize("personas", [2, 8])
def test_the_mean_rating_of_personas_who_rate_alike_has_no_interval(personas):
    rows = rows_of(*((f"p{n}", "todo", rating) for n in range(personas) for rating in (4, 5)))
    found = mean_ratings(rows, seed=7).iloc[0]
    assert (found["mean"], found["sd"], found["personas"]) == (4.5, 0, personas)
    assert found[["low", "high"]].isna().all()
