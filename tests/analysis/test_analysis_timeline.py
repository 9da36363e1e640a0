import re

import matplotlib as mpl
import pandas as pd
import pytest

from mana_lab.analysis import Charts
from mana_lab.analysis.charts.timeline import MOST_DAYS
from mana_lab.errors import InvalidInputError, UnknownPersonaError


def texts(chart):
    chart.draw_without_rendering()
    return [text.get_text() for text in chart.findobj(mpl.text.Text) if text.get_text()]


async def test_a_row_is_a_session_with_a_module_where_the_persona_lives(lived_in):
    table = Charts(lived_in.warehouse).timeline_table("anna")
    shown = table.astype("object").where(table.notna(), None).to_numpy().tolist()
    assert list(table.columns) == ["day", "time", "status", "module", "calls", "errors", "rating"]
    assert shown == [
        ["2026-01-05", "07:00", "done", "journal", 1, 0, None],
        ["2026-01-05", "07:00", "done", "todo", 1, 0, 5],
        ["2026-01-06", "07:00", "done", "todo", 2, 1, 2],
    ]


async def test_days_begin_where_the_persona_lives(house):
    zoe = await house.persona("Zoe", timezone="Pacific/Auckland")
    await house.run()
    await house.tick(zoe, scheduled_at=pd.Timestamp("2026-01-05T11:30Z").to_pydatetime())
    table = Charts(house.warehouse).timeline_table("zoe", 1)
    assert table[["day", "time"]].to_numpy().tolist() == [["2026-01-06", "00:30"]]
    assert table["module"].isna().all()
    chart = Charts(house.warehouse).timeline("zoe")
    assert chart.finding == "Zoe used the app on 1 of 1 day: 0 calls, none of which failed"
    assert any("days and hours in Pacific/Auckland" in text for text in texts(chart))


async def test_the_title_says_how_often_it_went_wrong_and_where(lived_in):
    charts = Charts(lived_in.warehouse)
    anna = charts.timeline("persona.anna@mana.test", 1)
    assert (
        anna.finding == "Anna used the app on 2 of 2 days: 1 of 4 calls failed (25 %), all in todo"
    )
    assert "2 (1x)" in texts(anna)
    assert charts.timeline("Ben").finding == (
        "Ben used the app on 1 of 1 day: 2 calls, none of which failed"
    )
    assert anna.png() == charts.timeline("anna", 1).png()


async def test_sessions_that_were_given_up_are_told(house):
    anna = await house.persona("Anna")
    await house.run()
    for number, status in enumerate(("done", "abandoned", "abandoned", "failed"), start=1):
        await house.tick(anna, number, status=status, calls=2)
        await house.action(anna, tick=number)
        await house.action(anna, "notes.list", tick=number, seq=1, result="error")
    chart = Charts(house.warehouse).timeline("anna")
    assert chart.finding == (
        "Anna used the app on 4 of 4 days: 4 of 8 calls failed (50 %), all in notes; "
        "gave up 2 times"
    )
    assert {"a session", "gave up", "the session failed"} <= set(texts(chart))


async def test_of_many_days_the_last_ones_are_shown(house):
    anna = await house.persona("Anna")
    await house.run()
    for number in range(1, 31):
        await house.tick(anna, number)
        await house.action(anna, f"{'todo' if number > 20 else 'mood'}.list", tick=number)
    chart = Charts(house.warehouse).timeline("anna")
    assert len(Charts(house.warehouse).timeline_table("anna")) == 30
    said = texts(chart)
    days = {text for text in said if re.fullmatch(r"[A-Z][a-z]\n\d+", text)}
    assert len(days) == MOST_DAYS
    assert any("the 9 days before are not shown" in text for text in said)


async def test_who_did_nothing_has_an_empty_chart(house):
    await house.persona("Anna")
    assert Charts(house.warehouse).timeline("anna").finding == "Anna has not used the app yet"


async def test_somebody_is_named_by_name_or_address(house):
    await house.persona("Amara Novak", slug="amara")
    await house.persona("Anna", slug="one")
    await house.persona("Anna", slug="two")
    charts = Charts(house.warehouse)
    for name in ("Amara Novak", "amara-novak", " PERSONA.AMARA@mana.test"):
        assert "Amara Novak" in charts.timeline(name).finding
    with pytest.raises(InvalidInputError, match="2 personas are called 'anna'; name one by their"):
        charts.timeline("anna")
    for wrong in ("nobody", "", "x" * 9999):
        with pytest.raises(UnknownPersonaError, match="this lab has no persona") as caught:
            charts.timeline(wrong)
        assert len(caught.value.message) < 100


async def test_hostile_names_are_drawn_as_they_are(house):
    name = "<b>$x$</b>\u202e"
    zoe = await house.persona(name, slug="zoe")
    await house.run()
    await house.tick(zoe)
    await house.action(zoe, "<i>.list")
    chart = Charts(house.warehouse).timeline("persona.zoe@mana.test")
    assert "<i>" in texts(chart)
    assert any(text.startswith("<b>$x$</b>? used the app") for text in texts(chart))
