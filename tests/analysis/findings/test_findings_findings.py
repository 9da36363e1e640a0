"""What holds up, as a list, a frame, a text and a page; and what does not."""

from dataclasses import replace

import pytest
from findings_house import quiet_lab, troubled_lab
from living_house import lab_of, lived, warehouse_of

from mana_lab.analysis.databases import LARGE
from mana_lab.analysis.findings import QUESTIONS, Findings, findings_of
from mana_lab.errors import NotFoundError


@pytest.fixture(scope="module")
def findings():
    return troubled_lab().findings(1)


def test_they_are_like_a_list(findings):
    assert isinstance(findings, Findings)
    assert len(findings) == len(list(findings)) > 7
    assert findings[0] is next(iter(findings))
    assert findings[-1] in findings
    assert findings[:2] == (findings[0], findings[1])
    with pytest.raises(IndexError):
        findings[99]


def test_they_are_a_frame(findings):
    table = findings.to_df()
    assert table["claim"].tolist() == [finding.claim for finding in findings]
    assert table["effect"].tolist() == [finding.effect for finding in findings]
    assert str(table["low"].dtype) == str(table["p"].dtype) == "float64"
    assert table["kind"].unique().tolist() == ["exploratory"]
    assert list(lab_of().findings().to_df().columns) == list(table.columns)


def test_they_read_as_a_text_and_as_a_page(findings):
    text = str(findings)
    for place, finding in enumerate(findings):
        assert f"[{place}] {finding.claim}" in text
    assert "Against it: " in text
    assert repr(findings).startswith(f"<Findings: {len(findings)}\n  [0] The 3 modules")
    page = findings._repr_html_()
    assert page.count("<pre><code>") == len(findings)
    assert "Benjamini-Hochberg over 8 tools" in page


def test_each_question_says_what_it_looked_at(findings):
    assert [each.family for each in findings.looked] == [each.family for each in QUESTIONS]
    said = {each.family: each.remark for each in findings.looked}
    assert said["tools that fail"].startswith("8 of 9 tools looked at")
    assert all(each.remark for each in findings.looked)


def test_they_are_found_once_and_are_the_same_for_the_same_data(findings):
    lab = troubled_lab()
    assert lab.findings(1) is lab.findings("run-1")
    assert str(lab.findings(1)) == str(findings)
    with pytest.raises(NotFoundError, match="has no run 2"):
        lab.findings(2)


@pytest.mark.parametrize(("calls", "told"), [(LARGE, len(QUESTIONS) + 1), (LARGE - 1, 0)])
def test_of_many_calls_it_is_told_how_many_questions_have_been_asked(calls, told):
    heard = []
    warehouse = warehouse_of(lived("todo.create " * calls))
    findings_of(warehouse, 1, lambda done, total: heard.append((done, total)))
    assert heard == [(done, len(QUESTIONS)) for done in range(told)]


def test_where_nothing_holds_up_they_say_so_and_what_would_show_something():
    quiet = quiet_lab(5)
    found = quiet.findings(1)
    assert [finding.family for finding in found] in ([], ["whether personas agree"])
    empty = Findings((), found.trust, found.advice)
    assert str(empty).startswith(
        "Nothing holds up. A run like this one, as an experiment about one "
    )
    assert repr(empty).startswith("<Findings: nothing holds up; 10 personas")
    assert "Nothing holds up." in empty._repr_html_()
    assert "in 4 of 5 cases" in empty.advice


def test_a_lab_without_rows_has_no_findings():
    found = lab_of().findings()
    assert list(found) == []
    assert "Nothing holds up." in str(found)


@pytest.mark.slow
def test_labs_in_which_nothing_is_the_matter_seldom_have_a_finding():
    families = [
        finding.family
        for seed in range(60)
        for finding in quiet_lab(seed).findings(1)
        if finding.family != "whether personas agree"  # that they do not is true
    ]
    assert len(families) <= 12, families  # of 60 labs; modules, tools, pairs and costs at 5 % each


def test_controls_of_a_foreign_text_show_instead_of_acting(findings):
    hostile = replace(findings[0], claim="a \x1b[31m tool \u202e")
    for text in (str(hostile), repr(hostile), hostile._repr_html_()):
        assert "a \\x1b[31m tool \\u202e" in text
