"""What the modules do beyond keeping records: days, sums, states, lists."""

from datetime import timedelta

import pytest

from mana_lab.crypto import is_encrypted
from mana_lab.errors import ConflictError, InvalidInputError, InvalidOutputError, ToolInputError


async def pages(caller, tool, member, **arguments):
    """Read a list page by page; return what each page has."""
    found, cursor = [], {}
    while True:
        page = await caller.call(tool, limit=2, **cursor, **arguments)
        found.append([row.get("title") or row.get("text") for row in page[member]])
        if page["nextCursor"] is None:
            return found
        cursor = {"cursor": page["nextCursor"]}


@pytest.mark.parametrize(
    ("create", "lister", "member", "more"),
    [
        ("todo.create", "todo.search", "tasks", {}),
        ("notes.create", "notes.list", "notes", {}),
        ("habits.create", "habits.search", "habits", {}),
        ("journal.add", "journal.list", "entries", {"content": "text"}),
        ("calendar.create", "calendar.search", "events", {"startTime": "2026-01-05T09:00:00Z"}),
        ("articles.save", "articles.list", "articles", {"url": "https://example.org/a"}),
        ("dreams.record", "dreams.search", "dreams", {"content": "text"}),
        ("library.add", "library.list", "entries", {}),
        ("goals.set", "goals.list", "goals", {"target": 3}),
        ("newsResearch.save", "newsResearch.digest", "items", {"url": "https://example.org/a"}),
    ],
)
async def test_a_list_is_newest_first_and_page_by_page(anna, create, lister, member, more):
    for title in ("one", "two", "three"):
        await anna.call(create, title=title, **more)
    assert await pages(anna, lister, member) == [["three", "two"], ["one"]]


@pytest.mark.parametrize(
    ("create", "archive", "lister", "member", "more"),
    [
        ("notes.create", "notes.archive", "notes.list", "notes", {}),
        ("journal.add", "journal.archive", "journal.list", "entries", {"content": "text"}),
        (
            "articles.save",
            "articles.archive",
            "articles.list",
            "articles",
            {"url": "https://e.org"},
        ),
        ("dreams.record", "dreams.archive", "dreams.search", "dreams", {"content": "text"}),
        ("library.add", "library.archive", "library.list", "entries", {}),
        ("goals.set", "goals.archive", "goals.list", "goals", {"target": 3}),
        (
            "newsResearch.save",
            "newsResearch.archive",
            "newsResearch.digest",
            "items",
            {"url": "https://e.org"},
        ),
    ],
)
async def test_what_is_archived_is_out_of_the_list_until_it_is_brought_back(
    anna, create, archive, lister, member, more
):
    (made,) = (await anna.call(create, title="one", **more)).values()
    await anna.call(archive, id=made["id"])
    assert (await anna.call(lister))[member] == []
    await anna.call(archive, id=made["id"], archived=False)
    assert len((await anna.call(lister))[member]) == 1


@pytest.mark.parametrize(
    ("query", "found"), [("MIRA", 1), ("nord", 1), ("leipzig", 1), ("", 2), ("secret", 0)]
)
async def test_people_are_found_by_name_company_and_city(anna, query, found):
    await anna.call("contacts.add", firstName="Mira", city="Leipzig", notes="secret")
    await anna.call("contacts.add", firstName="Jonas", company="Studio Nord")
    assert len((await anna.call("contacts.find", query=query))["contacts"]) == found


@pytest.mark.parametrize("email", ["mira", "mira@", "@example.org", "mi ra@example.org", ""])
async def test_an_address_that_is_none_is_refused(anna, email):
    with pytest.raises(ToolInputError, match="email"):
        await anna.call("contacts.add", firstName="Mira", email=email)


async def test_moods_are_those_of_the_day_where_somebody_lives(anna, house):
    house.clock.advance(timedelta(hours=23, minutes=30))
    berliner = await house.sign_in(anna.principal.email, "Europe/Berlin")
    anna = await house.sign_in(anna.principal.email)
    made = (await berliner.call("mood.log", level=6, emotion="calm", notes="Walk"))["entry"]
    assert (made["date"], made["time"]) == ("2026-01-06", "00:30")
    assert len((await berliner.call("mood.today"))["entries"]) == 1
    assert (await anna.call("mood.today"))["entries"] == []
    house.clock.advance(timedelta(days=7))
    later = await house.sign_in(anna.principal.email, "Europe/Berlin")
    assert (await later.call("mood.recent"))["entries"] == []
    assert len((await later.call("mood.recent", days=8))["entries"]) == 1
    (change,) = await later.log("mood", "moodEntries")
    assert is_encrypted(change.data["notes"])
    assert change.data["level"] == 6


async def test_a_mood_that_was_put_aside_is_shown_when_asked_for(anna):
    entry = (await anna.call("mood.log", level=5, emotion="calm"))["entry"]
    assert entry["isArchived"] is False
    await anna.call("mood.archive", id=entry["id"])
    assert (await anna.call("mood.today"))["entries"] == []
    assert (await anna.call("mood.recent"))["entries"] == []
    (kept,) = (await anna.call("mood.recent", includeArchived=True))["entries"]
    assert kept["isArchived"] is True
    await anna.call("mood.archive", id=entry["id"], archived=False)
    assert len((await anna.call("mood.today"))["entries"]) == 1


async def test_the_moods_of_a_day_are_in_its_order(anna):
    for time in ("18:00", "07:30", "12:00"):
        await anna.call("mood.log", level=5, emotion="calm", time=time)
    entries = (await anna.call("mood.today"))["entries"]
    assert [entry["time"] for entry in entries] == ["07:30", "12:00", "18:00"]


async def test_the_agenda_has_the_days_where_somebody_lives_in_order(anna, house):
    for title, start in (
        ("late", "2026-01-05T22:00:00Z"),
        ("next day in Berlin", "2026-01-05T23:30:00Z"),
        ("early", "2026-01-05T07:00:00Z"),
        ("in two weeks", "2026-01-19T07:00:00Z"),
    ):
        await anna.call("calendar.create", title=title, startTime=start)
    berliner = await house.sign_in(anna.principal.email, "Europe/Berlin")

    async def titles(caller, **arguments):
        return [
            event["title"]
            for event in (await caller.call("calendar.agenda", **arguments))["events"]
        ]

    assert await titles(berliner, days=1) == ["early", "late"]
    assert await titles(anna, days=1) == ["early", "late", "next day in Berlin"]
    assert await titles(berliner, fromDate="2026-01-06", days=1) == ["next day in Berlin"]
    assert len(await titles(anna, days=60)) == 4


async def test_an_event_that_was_cancelled_is_out_of_the_agenda(anna):
    event = (await anna.call("calendar.create", title="Call", startTime="2026-01-05T09:00:00Z"))[
        "event"
    ]
    assert event["endTime"] == "2026-01-05T10:00:00.000Z"
    await anna.call("calendar.cancel", id=event["id"])
    assert (await anna.call("calendar.agenda"))["events"] == []
    assert len((await anna.call("calendar.search"))["events"]) == 1


async def test_an_event_ends_after_it_begins(anna):
    start = "2026-01-05T09:00:00Z"
    with pytest.raises(InvalidInputError, match="is before startTime"):
        await anna.call(
            "calendar.create", title="Call", startTime=start, endTime="2026-01-05T08:59:59Z"
        )
    event = (await anna.call("calendar.create", title="Call", startTime=start))["event"]
    with pytest.raises(InvalidInputError, match="is before startTime"):
        await anna.call("calendar.update", id=event["id"], startTime="2026-01-05T10:30:00Z")
    assert (await anna.call("calendar.get", id=event["id"]))["event"] == event


async def test_passages_belong_to_an_article(anna):
    made = [
        (await anna.call("articles.save", title=title, url="https://example.org/a"))["article"]
        for title in ("one", "two")
    ]
    for article, text in zip(made, ("first", "second"), strict=True):
        await anna.call("articles.highlight", articleId=article["id"], text=text)
    assert await pages(anna, "articles.highlights", "highlights") == [["second", "first"]]
    of_one = {"articleId": made[0]["id"]}
    assert await pages(anna, "articles.highlights", "highlights", **of_one) == [["first"]]


async def test_what_was_read_is_not_among_the_unread(anna):
    article = (await anna.call("articles.save", title="one", url="https://example.org/a"))[
        "article"
    ]
    await anna.call("articles.update", id=article["id"], isRead=True)
    assert (await anna.call("articles.list", unreadOnly=True))["articles"] == []
    assert len((await anna.call("articles.list"))["articles"]) == 1


@pytest.mark.parametrize(
    "url", ["example.org", "ftp://example.org", "https://", "javascript:1", ""]
)
async def test_an_address_of_no_page_is_refused(anna, url):
    with pytest.raises(ToolInputError, match="url"):
        await anna.call("articles.save", title="one", url=url)


async def test_a_rating_stays_and_a_review_stays_unless_it_is_replaced(anna):
    entry = (await anna.call("library.add", title="A book"))["entry"]
    await anna.call("library.rate", id=entry["id"], rating=5, review="Quiet and strange.")
    await anna.call("library.rate", id=entry["id"], rating=4)
    rated = (await anna.call("library.get", id=entry["id"]))["entry"]
    assert (rated["rating"], rated["review"]) == (4, "Quiet and strange.")


async def test_a_goal_is_reached_at_its_target_and_open_again_when_that_moves(anna):
    goal = (await anna.call("goals.set", title="Essays", target=2.5))["goal"]
    done = await anna.call("goals.progress", id=goal["id"], current=2.5)
    assert done["goal"]["isReached"] is True
    assert (await anna.call("goals.list"))["goals"] == []
    assert len((await anna.call("goals.list", state="reached"))["goals"]) == 1
    await anna.call("goals.update", id=goal["id"], target=3)
    assert len((await anna.call("goals.list"))["goals"]) == 1


async def test_topics_are_followed_once_and_no_longer(anna):
    assert (await anna.call("newsResearch.follow", topic="Dialects"))["topics"] == ["Dialects"]
    assert (await anna.call("newsResearch.follow", topic="dialects"))["topics"] == ["Dialects"]
    await anna.call("newsResearch.follow", topic="Archives")
    await anna.call("newsResearch.follow", topic="dialects", follow=False)
    assert (await anna.call("newsResearch.digest"))["topics"] == ["Archives"]
    assert all(
        is_encrypted(value)
        for change in await anna.log("news", "newsPreferences")
        for value in [
            (change.data or {}).get("selectedTopics") or change.fields["selectedTopics"].value
        ]
    )


async def test_a_digest_has_the_last_days_and_one_topic(anna, house):
    await anna.call("newsResearch.save", title="old", url="https://e.org", topic="dialects")
    house.clock.advance(timedelta(days=8))
    anna = await house.sign_in(anna.principal.email)
    await anna.call("newsResearch.save", title="new", url="https://e.org", topic="Dialects")
    await anna.call("newsResearch.save", title="other", url="https://e.org")
    about = {"topic": "DIALECTS"}
    assert await pages(anna, "newsResearch.digest", "items", **about) == [["new"]]
    assert await pages(anna, "newsResearch.digest", "items", days=9) == [["other", "new"], ["old"]]


async def test_habits_are_logged_and_shown_for_some_days(anna):
    habit = (await anna.call("habits.create", title="Run"))["habit"]
    await anna.call("habits.log", habitId=habit["id"], date="2026-01-01", count=2)
    await anna.call("habits.log", habitId=habit["id"])
    logs = (await anna.call("habits.recentLogs"))["logs"]
    assert [(log["date"], log["count"]) for log in logs] == [("2026-01-05", 1), ("2026-01-01", 2)]
    assert len((await anna.call("habits.recentLogs", days=4))["logs"]) == 1
    other = (await anna.call("habits.create", title="Swim"))["habit"]
    assert (await anna.call("habits.recentLogs", habitId=other["id"]))["logs"] == []


def line(quantity, price):
    return {"description": "Portraits", "quantity": quantity, "unitPrice": price}


async def invoice(caller, *lines, **more):
    made = await caller.call(
        "invoices.create", clientName="Studio Nord", lines=list(lines or [line("1", "10")]), **more
    )
    return made["invoice"]


@pytest.mark.parametrize(
    ("lines", "tax_rate", "sums"),
    [
        ([("1", "120.00")], "19", ("120.00", "22.80", "142.80")),
        ([("3", "0.1"), ("1", "0.2")], "0", ("0.50", "0.00", "0.50")),
        ([("0.5", "0.01")], "0", ("0.01", "0.00", "0.01")),
        ([("1", "0.05")], "10", ("0.05", "0.01", "0.06")),
        ([("999999999", "999999999.99")], "7.5", None),
    ],
)
async def test_sums_are_exact_to_the_cent(anna, lines, tax_rate, sums):
    made = await invoice(anna, *(line(*each) for each in lines), taxRate=tax_rate)
    if sums is None:
        sums = ("999999998990000000.01", "74999999924250000.00", "1074999998914250000.01")
    assert (made["subtotal"], made["tax"], made["total"]) == sums


async def test_numbers_count_through_the_year(anna, house):
    assert [(await invoice(anna))["number"] for _ in range(2)] == ["2026-001", "2026-002"]
    house.clock.advance(timedelta(days=365))
    anna = await house.sign_in(anna.principal.email)
    assert (await invoice(anna))["number"] == "2027-001"


async def test_an_invoice_goes_from_draft_to_sent_to_paid_and_not_back(anna):
    made = await invoice(anna)
    which = {"id": made["id"]}
    with pytest.raises(ConflictError, match="is draft; only one that is sent"):
        await anna.call("invoices.markPaid", **which)
    changed = (await anna.call("invoices.update", taxRate="7", **which))["invoice"]
    assert changed["total"] == "10.70"
    await anna.call("invoices.send", **which)
    with pytest.raises(ConflictError, match="is sent; only one that is draft"):
        await anna.call("invoices.update", subject="late", **which)
    await anna.call("invoices.markPaid", date="2026-01-19", **which)
    for tool in ("invoices.send", "invoices.cancel", "invoices.update"):
        with pytest.raises(ConflictError, match="paid"):
            await anna.call(tool, **which)
    paid = (await anna.call("invoices.list", status="paid"))["invoices"]
    assert [(each["number"], each["paidAt"]) for each in paid] == [("2026-001", "2026-01-19")]


async def test_an_invoice_whose_sums_were_tampered_with_is_not_shown(anna):
    made = await invoice(anna)
    (change,) = await anna.log("invoices", "invoices")
    tampered = change.to_update(
        "invoices", made["id"], {"total": "1.00"}, "2026-01-05T00:01:00.000Z"
    )
    await anna.push("invoices", tampered.model_copy(update={"space_id": anna.space.id}))
    with pytest.raises(InvalidOutputError):
        await anna.call("invoices.get", id=made["id"])


@pytest.mark.parametrize("price", ["12,50", "-1", "1.234", "1e3", "", "10000000000", "NaN"])
async def test_a_price_that_is_no_amount_is_refused(anna, price):
    with pytest.raises(ToolInputError, match="unitPrice"):
        await invoice(anna, line("1", price))
    assert await anna.log("invoices", "invoices") == []
