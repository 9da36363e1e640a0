import re
from html.parser import HTMLParser

import pytest

from mana_lab.analysis import render_report, summary
from mana_lab.errors import NotFoundError

VOID = {"meta", "img"}
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


class Page(HTMLParser):
    """Collects the elements and the text, and checks that elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(self.words)


async def test_the_summary_has_a_row_per_persona(lived_in):
    await lived_in.persona("Zoe", "freelancer")
    table = summary(lived_in.warehouse)
    assert list(table.columns) == [
        "persona",
        "archetype",
        "ticks",
        "failed_ticks",
        "calls",
        "errors",
        "ratings",
        "mean_rating",
    ]
    assert table.iloc[:2].to_numpy().tolist() == [
        ["Anna", "adhd-student", 2, 0, 4, 1, 2, 3.5],
        ["Ben", "ceo-busy", 1, 0, 2, 0, 1, 4.0],
    ]
    assert table.iloc[2, :7].tolist() == ["Zoe", "freelancer", 0, 0, 0, 0, 0]
    assert table["mean_rating"].isna().tolist() == [False, False, True]


async def test_the_summary_of_a_run_counts_that_run_only(lived_in):
    await lived_in.run(2)
    assert summary(lived_in.warehouse, 2)["calls"].tolist() == [0, 0]
    with pytest.raises(NotFoundError):
        summary(lived_in.warehouse, 3)


async def test_the_report_shows_findings_charts_errors_and_notes(lived_in):
    page = Page(render_report(lived_in.warehouse))
    assert "Anna was the most active: 4 of 6 calls (67 %) in 2 days" in page.text
    assert "dueDate: got 'tomorrow', expected a date" in page.text
    assert "2 of 5, Anna, 2026-01-06: todo.create failed 1 time." in page.text
    assert "they are not opinions of people" in page.text
    images = page.of("img")
    assert len(images) == 6
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(image["alt"] in page.text for image in images)
    assert len(page.of("h1")) == 1
    assert page.of("html") == [{"lang": "en"}]


async def test_the_report_needs_nothing_but_itself(lived_in):
    text = render_report(lived_in.warehouse)
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "a"} & {tag for tag, _ in page.elements}
    assert not re.search(r"https?://|@import|url\(|//cdn", text)
    (policy,) = [m["content"] for m in page.of("meta") if "content" in m and "http-equiv" in m]
    assert "default-src 'none'" in policy
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert "Who are the personas?" not in text  # nobody here was sampled


async def test_the_report_is_the_same_for_the_same_data(lived_in):
    assert render_report(lived_in.warehouse) == render_report(lived_in.warehouse)


async def test_the_report_of_a_run_leaves_the_others_out(lived_in):
    await lived_in.run(2, seed=99)
    assert "99" not in Page(render_report(lived_in.warehouse, 1)).text
    assert "99" in Page(render_report(lived_in.warehouse, 2)).text
    with pytest.raises(NotFoundError):
        render_report(lived_in.warehouse, 3)


async def test_hostile_texts_stay_texts(house):
    eve = await house.persona(HOSTILE, HOSTILE, slug="eve", module_mix={HOSTILE: 1.0})
    await house.run(brain=HOSTILE[:60], model=HOSTILE)
    await house.tick(eve)
    await house.action(
        eve,
        HOSTILE,
        module=HOSTILE,
        result="error",
        error_kind="not-found",
        error_code=HOSTILE,
        error_message=HOSTILE,
    )
    await house.feedback(eve, HOSTILE, 1, notes=HOSTILE, brain=HOSTILE)
    text = render_report(house.warehouse)
    page = Page(text)
    assert page.text.count(HOSTILE) > 5
    assert "<img src=x" not in text
    assert all(set(image) == {"src", "alt"} for image in page.of("img"))
    assert not [
        name for _, attributes in page.elements for name in attributes if name.startswith("on")
    ]


async def test_the_report_of_an_empty_lab_says_so(house):
    page = Page(render_report(house.warehouse))
    for sentence in ("No calls yet", "No ratings yet", "No call failed.", "There is no run yet"):
        assert sentence in page.text


async def test_only_the_most_frequent_errors_are_listed(house):
    anna = await house.persona()
    for number in range(12):
        await house.action(
            anna, f"todo.tool{number}", seq=number, result="error", error_kind="not-found"
        )
    assert "… and 2 rarer kinds of error." in Page(render_report(house.warehouse)).text
