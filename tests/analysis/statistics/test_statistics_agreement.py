import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows_house import rows_of

from mana_lab.analysis.statistics import (
    krippendorff_alpha,
    krippendorff_interval,
    persona_agreement,
    repeat_agreement,
    weighted_kappa,
)
from mana_lab.errors import InvalidInputError

NAN = np.nan
# Four observers of twelve units: Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability",
# section D, where the ordinal alpha is 0.815; krippendorff 0.9.0 gives 0.8153875037548814.
OBSERVED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


def test_alpha_is_that_of_the_published_example():
    found = krippendorff_alpha(OBSERVED)
    assert found.alpha == pytest.approx(0.8153875037548814)
    assert (found.n_raters, found.n_units, found.n_ratings, found.n_missing) == (4, 11, 40, 7)


def test_only_the_order_of_the_categories_counts():
    stretched = np.exp(np.array(OBSERVED))
    assert krippendorff_alpha(stretched).alpha == pytest.approx(0.8153875037548814)


def test_a_rater_of_nothing_and_a_unit_of_one_change_nothing():
    more = np.full((5, 13), NAN)
    more[:4, :12], more[0, 12] = OBSERVED, 4
    found = krippendorff_alpha(more)
    assert found.alpha == pytest.approx(0.8153875037548814)
    assert (found.n_raters, found.n_units) == (4, 11)


def test_the_interval_is_that_of_a_jackknife_by_hand():
    # Of all three alpha is -1/9; without the third it is 1, and without one of the others -1/2.
    # So the pseudo-values are 2/3, 2/3 and -7/3: their mean is -1/3, and its standard error 1.
    table = [[1, 2], [1, 2], [2, 1]]
    assert krippendorff_alpha(table).alpha == pytest.approx(-1 / 9)
    found = krippendorff_interval(table)
    assert found.low == pytest.approx(-1 / 3 - 4.302652729911275)
    assert found.high == 1
    narrow = krippendorff_interval([*table, [NAN, NAN]], level=0.5)
    assert narrow.low == pytest.approx(-1 / 3 - 0.816496580927726)
    assert narrow.high == pytest.approx(-1 / 3 + 0.816496580927726)


@pytest.mark.parametrize(
    "table",
    [[[1, 2], [2, 1]], [[3, 3], [3, 3], [3, 3]], [[1, 2], [1, 2], [NAN, NAN]]],
    ids=["two raters", "all alike", "one who rated nothing"],
)
def test_too_little_for_an_interval_has_none(table):
    found = krippendorff_interval(table)
    assert np.isnan([found.low, found.high]).all()


def test_perfect_agreement_is_one():
    found = krippendorff_alpha([[1, 3, 5], [1, 3, 5]])
    assert (found.alpha, found.agreement) == (1, 1)


def test_equal_ratings_have_no_alpha_and_full_agreement():
    found = krippendorff_alpha(np.full((3, 10), 4.0))
    assert np.isnan(found.alpha)
    assert (found.agreement, found.sd) == (1, 0)


def test_a_collapsed_scale_agrees_and_has_an_alpha_near_zero():
    table = np.full((4, 50), 4.0)
    table[1, 7] = table[2, 30] = 5
    found = krippendorff_alpha(table)
    assert found.agreement == pytest.approx(0.98)
    assert abs(found.alpha) < 0.02


@pytest.mark.parametrize("table", [[[1, 2, 3]], [[NAN, 2], [1, NAN]], np.empty((0, 0))])
def test_without_a_pair_there_is_no_alpha(table):
    found = krippendorff_alpha(table)
    assert np.isnan(found.alpha)
    assert found.n_units == 0


def test_a_list_is_no_table():
    with pytest.raises(InvalidInputError, match="raters in rows"):
        krippendorff_alpha([1, 2, 3])


@given(st.lists(st.tuples(*[st.integers(1, 5)] * 3), min_size=2, max_size=12), st.randoms())
def test_the_order_of_raters_and_units_does_not_matter(units, random):
    table = np.array(units, dtype=float).T
    found = krippendorff_alpha(table).alpha
    rows, columns = list(range(3)), list(range(len(units)))
    random.shuffle(rows)
    random.shuffle(columns)
    assert krippendorff_alpha(table[rows][:, columns]).alpha == pytest.approx(found, nan_ok=True)
    assert np.isnan(found) or found <= 1


def test_personas_agree_module_by_module():
    rows = rows_of(
        *[(who, "todo", n) for who in ("anna", "ben") for n in (1, 3, 5)],
        *[("anna", "notes", n) for n in (1, 2, 3)],
    )
    rows["tick"] = [1, 2, 3] * 3
    table = persona_agreement(rows)
    assert table["module"].tolist() == ["notes", "todo"]
    assert table["alpha"].tolist() == pytest.approx([NAN, 1.0], nan_ok=True)
    assert table["n_units"].tolist() == [0, 3]


def test_a_persona_agrees_with_themselves_or_not():
    steady = [("anna", "todo", n) for n in (1, 3, 5)] * 2
    moody = [("ben", "todo", n) for n in (1, 3, 5, 5, 3, 1)]
    rows = rows_of(*steady, *moody).assign(tick=[1, 2, 3] * 4, repeat=[1, 1, 1, 2, 2, 2] * 2)
    table = repeat_agreement(rows).set_index("persona_id")
    assert table["alpha"].to_dict() == {"anna": 1, "ben": pytest.approx(-2 / 3)}
    assert table["n_units"].tolist() == [3, 3]


FIRST = [1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 3, 3, 4, 5, 2]
SECOND = [1, 3, 3, 4, 4, 5, 5, 3, 1, 1, 2, 3, 4, 4, 2]


def test_kappa_is_that_of_another_library():
    # scikit-learn 1.9.1, cohen_kappa_score(…, weights="quadratic")
    assert weighted_kappa(FIRST, SECOND) == pytest.approx(0.8846153846153846)
    assert weighted_kappa([*FIRST, NAN, 2], [*SECOND, 4, NAN]) == pytest.approx(0.8846153846153846)


def test_kappa_is_one_for_equals_and_missing_where_nothing_varies():
    assert weighted_kappa(FIRST, FIRST) == 1
    assert np.isnan(weighted_kappa([3, 3], [3, 3]))
    assert np.isnan(weighted_kappa([NAN], [3]))
    with pytest.raises(InvalidInputError):
        weighted_kappa([1, 2], [1])
