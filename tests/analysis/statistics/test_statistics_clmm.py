import numpy as np
import pytest
from rows_house import rows_of, wine

from mana_lab.analysis.statistics import fit_clmm, likelihood_ratio
from mana_lab.analysis.statistics.likelihood import Likelihood, Parameters
from mana_lab.errors import InvalidInputError

EFFECTS = ("temp[warm]", "contact[yes]")


def test_with_laplaces_approximation_it_is_the_fit_of_ordinal():
    # R, ordinal::clmm(rating ~ temp + contact + (1 | judge), data = wine): log-likelihood
    # -81.56541, variance of judges 1.279461 (the output of clmm that broom's tests and drmTMB's
    # comparison print; thresholds and effects to six places, standard errors to three).
    fit = fit_clmm(wine(), "temp", "contact", nodes=1)
    assert fit.log_likelihood == pytest.approx(-81.56541, abs=1e-5)
    assert [fit[name].log_odds for name in EFFECTS] == pytest.approx([3.062997, 1.834885], abs=5e-5)
    assert [fit[name].std_error for name in EFFECTS] == pytest.approx([0.595, 0.513], abs=5e-4)
    assert [fit[name].p for name in EFFECTS] == pytest.approx([2.68e-7, 3.44e-4], rel=2e-3)
    cuts = {"1|2": -1.623667, "2|3": 1.513365, "3|4": 4.228527, "4|5": 6.088773}
    assert fit.thresholds == pytest.approx(cuts, abs=5e-5)
    errors = {"1|2": 0.682, "2|3": 0.604, "3|4": 0.809, "4|5": 0.972}
    assert fit.threshold_errors == pytest.approx(errors, abs=5e-4)
    assert fit.persona_sd == pytest.approx(1.131133, abs=5e-5)
    assert (fit.n_personas, fit.n_rows, fit.n_parameters, fit.converged) == (9, 72, 7, True)


def test_intervals_are_those_of_walds_test():
    # broom's tidy(clmm(…), conf.int = TRUE, exponentiate = TRUE) prints these odds ratios.
    fit = fit_clmm(wine(), "temp", "contact", nodes=1)
    ends = [(fit[name].interval.low, fit[name].interval.high) for name in EFFECTS]
    expected = [(np.log(6.66), np.log(68.7)), (np.log(2.29), np.log(17.1))]
    assert np.array(ends) == pytest.approx(np.array(expected), abs=2e-3)


def test_without_an_effect_it_is_the_fit_of_ordinal_too():
    # The same source: clmm(rating ~ temp + (1 | judge)) has log-likelihood -88.73882.
    smaller = fit_clmm(wine(), "temp", nodes=1)
    assert smaller.log_likelihood == pytest.approx(-88.73882, abs=6e-5)
    assert smaller["temp[warm]"].log_odds == pytest.approx(2.67, abs=5e-3)
    found = likelihood_ratio(smaller, fit_clmm(wine(), "temp", "contact", nodes=1))
    assert (found.chi2, found.df) == (pytest.approx(2 * (88.73882 - 81.56541), abs=2e-4), 1)
    assert found.p == pytest.approx(1.52e-4, abs=1e-6)


def test_more_nodes_change_nothing_that_is_shown():
    few, many = (fit_clmm(wine(), "temp", "contact", nodes=nodes) for nodes in (10, 40))
    assert few.log_likelihood == pytest.approx(many.log_likelihood, abs=1e-6)
    for name in EFFECTS:
        assert few[name].log_odds == pytest.approx(many[name].log_odds, abs=1e-5)
        assert few[name].std_error == pytest.approx(many[name].std_error, abs=1e-5)
    assert few.log_likelihood > fit_clmm(wine(), "temp", "contact", nodes=1).log_likelihood


def test_the_likelihood_is_that_of_plain_integration():
    # With the parameters of the fit, the integral over the intercept by brute force.
    fit = fit_clmm(wine(), "temp", "contact")
    u = np.linspace(-9, 9, 20_001)
    weight = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) * (u[1] - u[0])
    cuts = np.array([-np.inf, *fit.thresholds.values(), np.inf])
    total = 0.0
    for _, rows in wine().groupby("persona_id"):
        product = np.ones_like(u)
        for row in rows.itertuples():
            eta = fit.persona_sd * u
            eta = eta + (row.temp == "warm") * fit["temp[warm]"].log_odds
            eta = eta + (row.contact == "yes") * fit["contact[yes]"].log_odds
            upper, lower = cuts[row.rating] - eta, cuts[row.rating - 1] - eta
            product *= 1 / (1 + np.exp(-upper)) - 1 / (1 + np.exp(-lower))
        total += np.log((product * weight).sum())
    assert fit.log_likelihood == pytest.approx(total, abs=1e-6)


def test_the_unit_of_a_number_does_not_matter():
    rows = wine().assign(seconds=np.random.default_rng(1).exponential(3, 72))
    rows["ms"] = rows["seconds"] * 1000
    slow, fast = fit_clmm(rows, "temp", "seconds"), fit_clmm(rows, "temp", "ms")
    assert slow["seconds"].log_odds == pytest.approx(1000 * fast["ms"].log_odds, rel=1e-4)
    assert slow["seconds"].std_error == pytest.approx(1000 * fast["ms"].std_error, rel=1e-4)
    assert slow["seconds"].robust_error == pytest.approx(1000 * fast["ms"].robust_error, rel=1e-4)


def test_a_product_of_columns_is_an_interaction():
    fit = fit_clmm(wine(), "temp", "contact", "temp:contact")
    assert [effect.name for effect in fit.effects] == [*EFFECTS, "temp[warm]:contact[yes]"]
    assert fit.log_likelihood >= fit_clmm(wine(), "temp", "contact").log_likelihood - 1e-6


def test_personas_who_do_not_differ_have_no_spread():
    rows = rows_of(*[(who, "todo", n) for who in "abcdef" for n in (1, 2, 3, 4, 5) * 3])
    fit = fit_clmm(rows.assign(x=np.tile([0.0, 1.0, 1.0, 0.0, 1.0, 0.0], 15)), "x")
    assert fit.persona_sd == 0.0
    assert np.isfinite(fit["x"].std_error)
    assert fit.converged


def test_categories_that_nobody_chose_have_no_threshold():
    rows = rows_of(*[(who, "todo", n) for who in "abc" for n in (2, 2, 4, 5)])
    assert list(fit_clmm(rows).thresholds) == ["2|4", "4|5"]


def test_a_model_shows_what_it_found():
    fit = fit_clmm(wine(), "temp")
    assert repr(fit) == (
        "<cumulative-link mixed model: temp[warm] 2.669, persona sd 0.951, 9 personas, 72 rows>"
    )
    assert repr(fit["temp[warm]"]).startswith("<temp[warm]: log-odds 2.669 [")
    with pytest.raises(InvalidInputError, match=r"no effect 'taste'; there are: temp\[warm\]"):
        fit["taste"]


@pytest.mark.parametrize(
    ("rows", "effects", "match"),
    [
        (rows_of(("a", "todo", 3), ("b", "todo", 3)), (), "1 different rating"),
        (rows_of(("a", "todo", 3), ("a", "todo", 4)), (), "1 persona"),
        (wine().assign(same=1.0), ("same",), "cannot be told apart"),
        (wine().assign(same="x"), ("same",), "cannot be told apart"),
        (wine().assign(again=wine()["temp"]), ("temp", "again"), "cannot be told apart"),
        (wine(), ("taste",), "no column 'taste'"),
        (wine().assign(ms=np.inf), ("ms",), "not finite"),
        (wine().assign(ms=np.nan), ("ms",), "have no 'ms'"),
    ],
    ids=["one rating", "one persona", "number", "text", "twice", "column", "infinite", "missing"],
)
def test_what_no_model_can_be_made_of_is_refused(rows, effects, match):
    with pytest.raises(InvalidInputError, match=match):
        fit_clmm(rows, *effects)


def test_only_nested_models_are_compared():
    temp, contact = fit_clmm(wine(), "temp"), fit_clmm(wine(), "contact")
    with pytest.raises(InvalidInputError, match="some of the effects"):
        likelihood_ratio(temp, contact)
    with pytest.raises(InvalidInputError, match="same ratings"):
        likelihood_ratio(temp, fit_clmm(wine()[:64], "temp", "contact"))


def test_an_effect_without_end_is_infinite_and_has_no_errors():
    rng = np.random.default_rng(1)
    rows = rows_of(
        *[(f"p{n}", "A", int(rng.integers(1, 5))) for n in range(8) for _ in range(10)],
        *[(f"p{n}", "B", 5) for n in range(8) for _ in range(10)],
    ).assign(x=rng.normal(size=160))
    fit = fit_clmm(rows, "module", "x")
    endless = fit["module[B]"]
    assert endless.log_odds == np.inf
    assert np.isnan([endless.std_error, endless.p, endless.robust_error, endless.robust_p]).all()
    assert 0.05 < fit["x"].std_error < 0.5
    assert 0.05 < fit["x"].robust_error < 0.5


@pytest.mark.parametrize(("personas", "ratings"), [(1, 1), (4, 3)])
def test_a_rare_effect_without_end_is_infinite_and_spoils_no_other(personas, ratings):
    rng = np.random.default_rng(2)
    rows = rows_of(
        *[(f"p{n}", "AC"[m % 2], int(rng.integers(1, 6))) for n in range(10) for m in range(30)],
        *[(f"p{n}", "B", 5) for n in range(personas) for _ in range(ratings)],
    )
    fit = fit_clmm(rows, "module")
    endless = fit["module[B]"]
    assert endless.log_odds == np.inf
    assert np.isnan([endless.std_error, endless.p, endless.robust_error, endless.robust_p]).all()
    assert endless.n_personas == personas
    assert fit.converged
    assert 0.05 < fit["module[C]"].robust_error < 0.5


def test_the_robust_error_is_that_of_the_jackknife_over_personas():
    rng = np.random.default_rng(4)
    rows = rows_of(
        *[
            (f"p{who}", module, int(np.clip(round(3 + own + rng.normal(0, 1)), 1, 5)))
            for who, own in enumerate(rng.normal(0, 1, 12))
            for module in ("A", "B")
            for _ in range(6)
        ]
    )
    effect = fit_clmm(rows, "module")["module[B]"]
    others = [
        fit_clmm(rows[rows["persona_id"] != who], "module")["module[B]"].log_odds
        for who in rows["persona_id"].unique()
    ]
    jackknife = np.sqrt(((np.array(others) - effect.log_odds) ** 2).sum() * 11 / 12)
    assert effect.robust_error == pytest.approx(jackknife, rel=0.1)
    assert effect.personas_behind == pytest.approx(12, rel=0.1)


def test_nobody_knows_how_sure_an_effect_is_that_one_persona_carries():
    rng = np.random.default_rng(5)
    rows = rows_of(
        *[(f"p{n}", "A", int(rng.integers(1, 6))) for n in range(10) for _ in range(8)],
        *[("p0", "B", said) for said in (3, 4, 5, 4)],
    )
    effect = fit_clmm(rows, "module")["module[B]"]
    assert np.isfinite(effect.log_odds)
    assert effect.personas_behind < 1.2
    assert np.isnan([effect.robust_error, effect.robust_p]).all()
    assert (effect.robust_interval.low, effect.robust_interval.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("nodes", [1, 15])
def test_personas_behind_an_effect_are_fewer_where_one_has_most_of_its_ratings(nodes):
    rng = np.random.default_rng(6)
    rows = rows_of(
        *[(f"p{n}", "A", int(rng.integers(1, 6))) for n in range(8) for _ in range(8)],
        *[
            (f"p{n}", "B", int(rng.integers(1, 6)))
            for n in range(4)
            for _ in range(1 + 20 * (n < 1))
        ],
    )
    effect = fit_clmm(rows, "module", nodes=nodes)["module[B]"]
    assert effect.n_personas == 4
    assert 1 < effect.personas_behind < 3


def test_signs_are_those_of_personas_who_rated_both():
    rows = rows_of(
        *[(f"p{n}", "A", 2 + n % 2) for n in range(7)],
        *[(f"p{n}", "B", 4 + n % 2) for n in range(6)],
        ("p9", "B", 1),
    )
    assert fit_clmm(rows, "module")["module[B]"].sign_p == pytest.approx(2 * 0.5**6)


def test_personas_who_each_say_one_thing_have_no_fit():
    fit = fit_clmm(rows_of(*[(who, "todo", n) for who, n in (("a", 1), ("b", 5)) for _ in "1234"]))
    assert not fit.converged
    assert np.isnan(list(fit.threshold_errors.values())).all()


def test_the_gradient_is_that_of_the_likelihood():
    rows = wine()
    design = np.column_stack([rows["temp"] == "warm", rows["contact"] == "yes"]).astype(float)
    _, judges = np.unique(rows["persona_id"], return_inverse=True)
    likelihood = Likelihood(rows["rating"].to_numpy() - 1, design, judges, 15)

    def at(x):
        return Parameters(x[:4], x[4:6], float(np.exp(x[6])))

    x = np.array([-1.5, 1.2, 3.9, 5.5, 2.2, 1.1, 0.6])
    value, parts = likelihood.scores(at(x))
    assert value == pytest.approx(likelihood.value(at(x)))
    assert parts.shape == (9, 7)
    steps = np.eye(7) * 1e-5
    slopes = [likelihood.value(at(x + h)) - likelihood.value(at(x - h)) for h in steps]
    assert parts.sum(axis=0) == pytest.approx(np.array(slopes) / 2e-5, abs=1e-5)
