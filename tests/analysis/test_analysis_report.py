import base64
import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pandas as pd
import pytest
from living_house import lab_of, lived

from mana_lab.analysis import Warehouse, render_report, summary
from mana_lab.analysis.report.markup import frame_table
from mana_lab.analysis.report.transcripts import chosen, transcripts
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
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    assert all(each["href"].startswith("#") for each in page.of("a"))
    assert not re.search(r"https?://|@import|url\(|//cdn", text)
    (policy,) = [m["content"] for m in page.of("meta") if "content" in m and "http-equiv" in m]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "style=" not in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert "Who are the personas?" not in text  # nobody here was sampled


@pytest.mark.slow
async def test_the_report_is_the_same_for_the_same_data(lived_in):
    assert render_report(lived_in.warehouse) == render_report(lived_in.warehouse)


class Restless:
    """A source whose rows are others whenever one asks."""

    def __init__(self, frames):
        self.views, self._frames, self.filled = frames.views, frames, 0

    def state(self):
        return object()

    def fill(self, duck):
        self.filled += 1
        self._frames.fill(duck)


def test_the_report_is_of_one_time_and_tells_how_far_it_is():
    source, told = Restless(lab_of(lived("todo.create!", todo=2))._source()), []
    text = render_report(Warehouse(source), tell=lambda done, total: told.append((done, total)))
    assert source.filled == 1
    parts = len(Page(text).of("img")) + 2
    assert told == [(done, parts) for done in range(parts + 1)]


@pytest.mark.slow
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


@pytest.fixture(scope="module")
def troubled():
    """The report of a lab with findings, and its findings."""
    people = [f"P{number}" for number in range(8)]
    ticks = [
        lived(
            "todo.create! todo.create! journal.add" if (number + place) % 2 else "todo.create",
            person,
            number,
            todo=1 if (number + place) % 2 else 4,
            journal=5 if place else 1,
        )
        for place, person in enumerate(people)
        for number in range(1, 9)
    ]
    lab = lab_of(*ticks)
    return lab, Page(render_report(lab.warehouse, 1))


def test_every_link_leads_to_a_place_that_there_is_once(troubled):
    _, page = troubled
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {each["href"].removeprefix("#") for each in page.of("a")}
    assert links <= set(ids)
    assert {name.partition("-")[0] for name in links} >= {"finding", "call", "rating", "chart"}


def test_findings_are_told_with_all_that_they_rest_on(troubled):
    lab, page = troubled
    found = lab.findings(1)
    assert len(page.of("article")) == len(found) > 2
    text = " ".join(page.text.split())
    for finding in found:
        assert text.count(finding.claim) == 2
        assert finding.counter_evidence in text
        assert " ".join(finding.cell.split()) in text
        assert "tools that fail" in text


def test_transcripts_are_there_to_be_opened(troubled):
    _, page = troubled
    ticks = [each for each in page.of("details") if each.get("id", "").startswith("tick-")]
    assert len(ticks) == 64
    assert not any("open" in each for each in ticks)
    assert {each["class"] for each in ticks} == {"cited", "uncited"}
    assert "All 64 ticks with a call" in page.text
    assert "P0, tick 2, Tue 2026-01-06 07:00 UTC: 1 call, 0 failed" in page.text
    assert "failed; tried again in vain; then journal.add worked" in page.text


def test_headings_go_down_one_level_at_a_time_and_tables_have_captions(troubled):
    _, page = troubled
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.of("caption")) == len(page.of("table")) > 60
    assert {each["scope"] for each in page.of("th")} == {"col", "row"}
    assert all(each["tabindex"] == "0" for each in page.of("div"))


def test_a_large_run_leaves_transcripts_out_and_says_how_to_see_them():
    ticks = [
        lived("todo.create!" if number == 30 else "todo.create", "Anna", number)
        for number in range(1, 41)
    ]
    picked = chosen(lab_of(*ticks).warehouse, None, ["Anna-1-20"], most=5)
    page = Page("".join(transcripts(picked)))
    assert "5 of 40 ticks with a call: those that findings cite, then those" in page.text
    assert 'Any other one shows lab.tick("anna", 3) in a notebook' in page.text
    assert "Anna, tick 20," in page.text  # the one that is cited
    assert "Anna, tick 30," in page.text  # the one with a failed call
    assert "Anna, tick 39," not in page.text


def test_a_tick_of_endless_calls_and_texts_is_cut():
    tick = lived(" ".join(["todo.create!"] * 700), todo=1)
    for row in (*tick["calls"], *tick["ratings"]):
        row["error_message"] = row["notes"] = "long " * 10_000
    text = "".join(transcripts(chosen(lab_of(tick).warehouse, None, [])))
    assert "… and 500 more: lab.tick(&#x27;Anna-1-1&#x27;)" in text
    assert len(text) < 200_000


def test_a_table_of_many_rows_is_cut():
    page = Page(frame_table("Numbers", pd.DataFrame({"number": range(230)})))
    assert len(page.of("tr")) == 201
    assert "… and 30 more rows, which the lab has as a frame." in page.text


def contrast(one, other):
    """Return the contrast of two colours as WCAG 2.2 defines it."""

    def light(color):
        parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "band", "mark"])
@pytest.mark.parametrize("text", ["ink", "quiet", "accent"])
def test_colours_are_told_apart(scheme, ground, text):
    css = files("mana_lab.analysis.report").joinpath("report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    colors = dict(re.findall(r"--(\w+): (#\w{6})", blocks[scheme]))
    assert contrast(colors[text], colors[ground]) >= 4.5


def test_a_report_that_cannot_be_written_is_told_before_the_work(tmp_path):
    lab, told = lab_of(lived("todo.create", todo=4)), []
    lab._progress = lambda *all_: told.append(all_)
    with pytest.raises(FileNotFoundError):
        lab.report(tmp_path / "nowhere" / "x.html")
    with pytest.raises(IsADirectoryError):
        lab.report(tmp_path)
    assert told == []
    with pytest.raises(NotFoundError):
        lab.report(tmp_path / "x.html", run=5)
    assert list(tmp_path.iterdir()) == []


def test_controls_are_shown_in_the_report_and_not_done(tmp_path):
    hostile = "\0\a\x1b\u202e שלום"
    tick = lived("todo.create!", more={"error": hostile}, todo=1)
    tick["calls"][0]["error_message"] = tick["ratings"][0]["notes"] = hostile
    page = lab_of(tick).report(tmp_path / "page.html").read_text(encoding="utf-8")
    assert not set(page) & set("\0\a\x1b\u202e")
    assert page.count(r"\x00\x07\x1b\u202e שלום") >= 2
