"""The report as a person uses it: in a browser, by mouse, by keyboard, in the dark, on paper."""

import pytest
from browser_house import open_browser, watched
from living_house import lab_of, lived

pytestmark = pytest.mark.slow

HOSTILE = "<script>document.title='taken'</script>"
CONTRASTS = """
() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parts(color).slice(0, 3).map((value) => {
      const x = value / 255;
      return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parts(color).length < 4 || parts(color)[3] === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const found = {};
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own) continue;
    const pair = [getComputedStyle(element).color, ground(element)];
    const [bright, dark] = pair.map(light).sort((a, b) => b - a);
    found[`${element.tagName} ${pair.join(" on ")}`] = (bright + 0.05) / (dark + 0.05);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The report of a lab with findings, whose people and errors have hostile names."""
    people = [*(f"P{number}" for number in range(7)), HOSTILE]
    ticks = [
        lived(
            "todo.create! todo.create! journal.add" if (number + place) % 2 else "todo.create",
            person,
            number,
            todo=1 if (number + place) % 2 else 4,
            journal=5,
        )
        for place, person in enumerate(people)
        for number in range(1, 9)
    ]
    for call in (call for tick in ticks for call in tick["calls"]):
        if call["error_message"]:
            call["error_message"] += HOSTILE
    return lab_of(*ticks).report(tmp_path_factory.mktemp("report") / "report.html").as_uri()


@pytest.fixture(scope="module")
async def browser():
    async with open_browser() as browser:
        yield browser


async def test_one_clicks_from_the_index_to_a_finding_and_on_to_a_call(browser, address):
    async with watched(browser, address) as seen:
        page = seen.page
        await page.locator("#index a").first.click()
        assert page.url == f"{address}#finding-1"
        finding = page.locator("article:target")
        box = await finding.bounding_box()
        assert 0 <= box["y"] < 200
        link = finding.locator("a[href^='#call-']").first
        anchor = await link.get_attribute("href")
        transcript = page.locator(f"details:has({anchor})")
        assert await transcript.evaluate("details => details.open") is False
        assert not await page.locator(anchor).is_visible()
        await link.click()
        assert page.url == f"{address}{anchor}"
        assert await transcript.evaluate("details => details.open") is True
        row = page.locator(f"tr{anchor}:target")
        assert await row.is_visible()
        assert 0 <= (await row.bounding_box())["y"] < page.viewport_size["height"]
        await page.go_back()
        assert page.url == f"{address}#finding-1"


async def test_every_link_leads_to_what_is_shown_then(browser, address):
    async with watched(browser, address) as seen:
        for anchor in await seen.page.eval_on_selector_all(
            "article a", "links => [...new Set(links.map((link) => link.hash))]"
        ):
            await seen.page.goto(f"{address}{anchor}")
            assert await seen.page.locator(anchor).is_visible(), anchor


async def test_it_asks_nobody_for_anything_runs_nothing_and_complains_of_nothing(browser, address):
    async with watched(browser, address) as seen:
        for details in await seen.page.locator("details > summary").all():
            await details.click()
        shown = await seen.page.eval_on_selector_all(
            "img", "images => images.map((image) => image.naturalWidth)"
        )
        assert len(shown) >= 6
        assert all(width > 1000 for width in shown)
        assert await seen.page.title() == "mana_lab report"
        assert await seen.page.locator("body", has_text=HOSTILE).count() == 1
        assert seen.requests == [address]
        assert seen.complaints == []


async def test_it_is_light_or_dark_as_one_wishes_and_can_be_read_in_both(browser, address):
    grounds = {}
    for scheme in ("light", "dark"):
        async with watched(browser, address, color_scheme=scheme) as seen:
            body = seen.page.locator("body")
            grounds[scheme] = await body.evaluate("body => getComputedStyle(body).backgroundColor")
            found = await seen.page.evaluate(CONTRASTS)
            assert len(found) > 10
            assert {pair: ratio for pair, ratio in found.items() if ratio < 4.5} == {}
    assert grounds == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}


async def test_the_keyboard_is_enough(browser, address):
    async with watched(browser, address) as seen:
        page = seen.page
        await page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        assert await skip.evaluate("link => link === document.activeElement")
        assert (await skip.bounding_box())["x"] >= 0
        await page.keyboard.press("Enter")
        assert page.url == f"{address}#findings"
        await page.keyboard.press("Tab")
        focused = "() => document.activeElement.closest('article')?.id"
        assert await page.evaluate(focused) == "finding-1"
        summary = page.locator("#transcripts summary").first
        await summary.focus()
        await page.keyboard.press("Enter")
        assert await summary.evaluate("summary => summary.parentElement.open") is True


async def test_on_a_narrow_screen_nothing_sticks_out(browser, address):
    narrow = {"width": 360, "height": 640}
    async with watched(browser, address, viewport=narrow) as seen:
        wide = await seen.page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= narrow["width"]


async def test_it_prints_with_all_that_is_needed_unfolded(browser, address):
    async with watched(browser, address) as seen:
        page = seen.page
        printed = await page.pdf(format="A4")
        assert printed.startswith(b"%PDF-")
        assert 5 < printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") < 120
        await page.emulate_media(media="print")
        cited = page.locator("details.cited")
        assert await cited.count() > 0
        for place in range(await cited.count()):
            assert await cited.nth(place).locator("tbody tr").first.is_visible()
        assert not await page.locator("details.uncited").first.is_visible()
        assert await page.locator("figure details tbody tr").first.is_visible()
        assert await page.locator("p.printed").is_visible()
        assert not await page.locator("nav").is_visible()
        assert seen.complaints == []
