import numpy as np
import pytest
from rows_house import rows_of, wine
from scipy import stats

from mana_lab.analysis.statistics import (
    compare_between,
    compare_independent,
    compare_modules,
    compare_paired,
    compare_within,
    holm,
    proportional_odds,
)
from mana_lab.errors import InvalidInputError


def three_modules(personas=12, seed=1):
    """Ratings in which notes are above todo, and todo above journal, three times each."""
    rng = np.random.default_rng(seed)
    means = {"journal": 2.0, "notes": 4.2, "todo": 3.2}
    return rows_of(
        *[
            (f"p{n:02}", module, int(np.clip(round(mean + rng.normal(0, 0.7)), 1, 5)))
            for n in range(personas)
            for module, mean in means.items()
            for _ in range(3)
        ]
    )


def test_modules_are_compared_by_the_means_of_personas():
    rows = three_modules()
    found = compare_modules(rows, seed=1)
    means = rows.groupby(["persona_id", "module"])["rating"].mean().unstack()
    theirs = stats.friedmanchisquare(*means.to_numpy().T)
    assert found.overall.statistic == pytest.approx(theirs.statistic)
    assert found.overall.p == pytest.approx(theirs.pvalue)
    assert found.overall.effect == pytest.approx(theirs.statistic / (12 * 2))
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("journal", "notes"),
        ("journal", "todo"),
        ("notes", "todo"),
    ]
    gap = (means["notes"] - means["journal"]).mean()
    assert found.pairs[0].test.effect == pytest.approx(gap)
    assert found.pairs[0].test.p == 2 / 2**12
    assert found.pairs[0].test.n_rows == 72
    assert found.pairs[0].cliffs_delta == pytest.approx(1.0, abs=0.05)
    assert [pair.p_holm for pair in found.pairs] == pytest.approx(
        holm([pair.test.p for pair in found.pairs])
    )
    assert (found.n_personas, found.n_complete, found.n_rows) == (12, 12, 108)
    assert found.means == pytest.approx(means.mean().to_dict())


def test_who_misses_a_module_stays_in_the_pairs_that_they_rated():
    rows = three_modules()
    gone = ((rows["persona_id"] == "p00") & (rows["module"] == "todo")) | (
        (rows["persona_id"] == "p01") & (rows["module"] != "notes")
    )
    found = compare_modules(rows[~gone], seed=1)
    assert (found.n_personas, found.n_complete, found.overall.n_personas) == (12, 10, 10)
    assert [pair.n_personas for pair in found.pairs] == [11, 10, 10]
    assert [pair.n_left_out for pair in found.pairs] == [1, 1, 2]
    assert found.overall.n_rows == 90


def test_a_pair_that_hardly_anybody_rated_is_not_tested_and_does_not_count():
    rows = rows_of(
        *[(who, module, 3) for who in "abcd" for module in ("notes", "todo")], ("e", "journal", 5)
    )
    found = compare_modules(rows, seed=1)
    assert found.overall is None
    assert [pair.test is None for pair in found.pairs] == [True, True, False]
    assert found.pairs[2].p_holm == 1
    table = found.pairs_df()
    assert table["p"].isna().tolist() == [True, True, False]
    assert table["left_out"].tolist() == [5, 5, 0]


def test_two_modules_are_one_pair_without_friedmans_test():
    rows = three_modules()
    found = compare_modules(rows[rows["module"] != "todo"], seed=1)
    assert found.overall is None
    assert len(found.pairs) == 1
    assert found.pairs[0].p_holm == found.pairs[0].test.p


def test_equal_ratings_find_nothing():
    rows = rows_of(*[(who, module, 4) for who in "abcdefgh" for module in ("a", "b", "c")])
    found = compare_modules(rows, seed=1)
    assert (found.overall.p, found.overall.effect) == (1, 0)
    assert [pair.p_holm for pair in found.pairs] == [1, 1, 1]
    assert [pair.cliffs_delta for pair in found.pairs] == [0, 0, 0]


@pytest.mark.parametrize("rows", [rows_of(("a", "todo", 1)), rows_of(("a", "x", 1), ("b", "x", 2))])
def test_one_module_is_not_compared(rows):
    with pytest.raises(InvalidInputError, match="one module only"):
        compare_modules(rows, seed=1)


def test_a_seed_gives_the_same_findings_again_and_is_told():
    rows = three_modules(personas=25)
    found = compare_modules(rows, seed=5)
    assert compare_modules(rows, seed=5).pairs == found.pairs
    assert found.pairs[0].test.seed == 5
    assert repr(found.pairs[0]).startswith("<notes - journal: +2.")
    assert repr(found).startswith("<3 modules, 25 personas (25 with all modules): <any module: Ken")


def two_variants():
    """Ten personas: eight rate B one point higher, one lower, one alike; two saw A alone."""
    rows = []
    for n in range(10):
        change = {8: -1, 9: 0}.get(n, 1)
        rows += [(f"p{n}", "A", 3), (f"p{n}", "A", 2), (f"p{n}", "B", 3 + change)]
        rows += [(f"p{n}", "B", 2 + change)]
    rows += [("x", "A", 5), ("y", "A", None)]
    return rows_of(*rows).rename(columns={"module": "variant"})


def test_a_variant_is_compared_within_personas():
    found = compare_within(two_variants(), variant="variant", seed=1)
    assert (found.baseline, found.variant) == ("A", "B")
    assert found.difference.effect == pytest.approx(0.7)
    assert found.difference.p == 20 / 512  # of nine signs, at most one may be another
    assert (found.better, found.worse, found.p_better) == (8, 1, 0.85)
    assert (found.difference.n_personas, found.difference.n_rows) == (10, 40)
    assert (found.n_left_out, found.difference.n_missing) == (1, 1)
    assert found.difference.interval.method == "t, G-1 df"  # most differ alike
    assert found.model.n_rows == 40
    assert found.log_odds.log_odds > 0
    assert found.log_odds.name == "B - A"
    assert found.log_odds.robust_interval.low < found.log_odds.log_odds


def test_the_baseline_may_be_chosen():
    found = compare_within(two_variants(), variant="variant", baseline="B", seed=1)
    assert (found.baseline, found.difference.question) == ("B", "A - B")
    assert found.difference.effect == pytest.approx(-0.7)
    assert found.log_odds.log_odds < 0
    with pytest.raises(InvalidInputError, match="never 'C'; it is A or B"):
        compare_within(two_variants(), variant="variant", baseline="C", seed=1)


def test_the_log_odds_are_those_of_the_model():
    rows = wine().rename(columns={"contact": "variant"})
    found = compare_within(rows, variant="variant", seed=1)
    from mana_lab.analysis.statistics import fit_clmm

    assert found.log_odds.log_odds == pytest.approx(
        fit_clmm(rows, "variant")["variant[yes]"].log_odds, abs=1e-6
    )


def test_variants_that_are_always_rated_alike_have_no_model():
    rows = rows_of(*[(who, what, 4) for who in "abcdefg" for what in "AB"])
    found = compare_within(rows, variant="module", seed=1)
    assert (found.difference.p, found.difference.effect, found.p_better) == (1, 0, 0.5)
    assert found.log_odds is None
    assert (found.difference.interval.low, found.difference.interval.high) == (0, 0)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (rows_of(("a", "A", 1), ("b", "A", 2)), "two values; it has: A"),
        (rows_of(("a", "A", 1), ("a", "B", 2), ("a", "C", 3)), "it has: A, B, C"),
        (rows_of(("a", "A", 1), ("a", "B", 2)), "1 persona saw both"),
        (rows_of(("a", "A", 1), ("b", "B", 2)), "0 personas saw both"),
    ],
    ids=["one", "three", "one persona", "different personas"],
)
def test_too_little_to_compare_within_is_refused(rows, match):
    with pytest.raises(InvalidInputError, match=match):
        compare_within(rows, variant="module", seed=1)


def test_groups_are_compared_between_personas():
    low, high = [1, 2, 2, 3], [3, 4, 4, 5, 5]
    rows = rows_of(
        *[(f"a{n}", "A", value) for n, value in enumerate(low)] * 3,
        *[(f"b{n}", "B", value) for n, value in enumerate(high)] * 2,
    )
    found = compare_between(rows, group="module", seed=1)
    theirs = stats.ttest_ind(high, low, equal_var=False).confidence_interval()
    assert found.difference.effect == pytest.approx(2.2)
    assert found.difference.interval.low == pytest.approx(theirs.low)
    assert found.difference.interval.high == pytest.approx(theirs.high)
    assert found.difference.p == pytest.approx(4 / 126)
    assert (found.n_baseline, found.n_group, found.difference.n_rows) == (4, 5, 22)
    assert found.cliffs_delta == pytest.approx(19.5 / 20 * 2 - 1)


def test_a_persona_in_both_groups_is_refused():
    rows = rows_of(("a", "A", 1), ("b", "A", 2), ("a", "B", 3), ("c", "B", 4))
    with pytest.raises(InvalidInputError, match="in both groups"):
        compare_between(rows, group="module", seed=1)
    with pytest.raises(InvalidInputError, match="fewer than two"):
        compare_between(rows.iloc[[0, 3]], group="module", seed=1)


def test_equal_groups_have_an_interval_of_one_point():
    names = {"first_personas": [1, 2], "second_personas": [3, 4]}
    found = compare_independent([3, 3], [4, 4], seed=1, **names)
    assert (found.interval.low, found.interval.high) == (1, 1)


def test_one_value_per_persona_is_compared():
    found = compare_paired([1, 2, 3], [2, 3, 5], personas=["a", "b", "c"], seed=1)
    assert found.effect == pytest.approx(4 / 3)
    assert found.p == 0.25
    assert repr(found) == (
        "<second - first: mean difference 1.333 [-0.101, 2.768], p = 0.250, 3 personas, 6 rows>"
    )
    assert found.to_dict()["interval"]["level"] == 0.95


@pytest.mark.parametrize(
    ("first", "personas"), [([1], ["a"]), ([1, np.nan], ["a", "b"]), ([1, 2], ["a"]), ([], [])]
)
def test_values_that_cannot_be_paired_are_refused(first, personas):
    with pytest.raises(InvalidInputError):
        compare_paired(first, [2] * len(first), personas=personas, seed=1)


def test_the_odds_of_wine_are_proportional():
    found = proportional_odds(wine(), "temp", "contact")
    assert found.log_odds.shape == (4, 2)
    assert found.log_odds.index.tolist() == ["1|2", "2|3", "3|4", "4|5"]
    assert found.df == {"temp[warm]": 1, "contact[yes]": 3}
    assert np.isnan(found.log_odds.loc["1|2", "temp[warm]"])  # none warm was rated 1
    assert all(p > 0.05 for p in found.p.values())
    # Hotelling: with nine judges a chi-squared of three degrees is taken as F(3, 6).
    chi2 = found.chi2["contact[yes]"]
    assert found.p["contact[yes]"] == pytest.approx(stats.f.sf(chi2 * 6 / (3 * 8), 3, 6))


def test_the_log_odds_at_a_threshold_are_those_of_a_two_by_two_table():
    rows = wine()
    found = proportional_odds(rows, "contact").log_odds.loc["3|4", "contact[yes]"]
    above = rows.assign(above=rows["rating"] > 3).groupby("contact")["above"].agg(["sum", "count"])
    odds = above["sum"] / (above["count"] - above["sum"])
    assert found == pytest.approx(np.log(odds["yes"] / odds["no"]), abs=1e-3)


def test_an_effect_on_one_threshold_alone_is_not_proportional():
    rng = np.random.default_rng(1)
    rows = []
    for n in range(30):
        for _ in range(20):
            rows.append((f"p{n}", "A", int(rng.choice([1, 2, 4, 5], p=[0.25] * 4))))
            rows.append((f"p{n}", "B", int(rng.choice([1, 2, 4, 5], p=[0.5, 0, 0, 0.5]))))
    found = proportional_odds(rows_of(*rows), "module")
    assert found.p["module[B]"] < 1e-6


@pytest.mark.parametrize(
    ("rows", "effects"),
    [
        (wine(), ()),
        (wine()[wine()["rating"].isin([2, 3])], ("temp",)),
        (wine()[wine()["persona_id"] == "judge 1"], ("temp",)),
    ],
    ids=["no effect", "two ratings", "one persona"],
)
def test_too_little_to_check_the_odds_is_refused(rows, effects):
    with pytest.raises(InvalidInputError):
        proportional_odds(rows, *effects)


def test_with_no_more_personas_than_thresholds_the_check_has_no_p():
    rows = wine()[wine()["persona_id"].isin(["judge 1", "judge 3"])]
    assert np.isnan(proportional_odds(rows, "contact").p["contact[yes]"])


def test_a_rare_effect_without_end_has_no_odds_at_any_threshold():
    rng = np.random.default_rng(2)
    rows = rows_of(
        *[(f"p{n}", "AC"[m % 2], int(rng.integers(1, 6))) for n in range(10) for m in range(30)],
        ("p1", "B", 5),
    )
    found = proportional_odds(rows, "module")
    assert found.log_odds["module[B]"].isna().all()
    assert found.log_odds["module[C]"].notna().all()
