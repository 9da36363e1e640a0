from collections import Counter
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from mana_lab.clock import SIMULATION_EPOCH
from mana_lab.runner.meter import Usage
from mana_lab.runner.run import Day, Run

RUN = Run(
    id="5f0c1d3e-0000-4000-8000-000000000000",
    seed=7,
    brain="scripted",
    model=None,
    starts_at=SIMULATION_EPOCH,
    ends_at=SIMULATION_EPOCH + timedelta(days=2),
    ticks=4,
    failed_ticks=1,
    abandoned_ticks=1,
    open_ticks=0,
    calls=30,
    errors=5,
    skipped_modules=Counter(mood=2, calendar=1),
    usage=Usage(),
    status="done",
)


def test_a_run_shows_what_it_came_to_and_no_id():
    assert repr(RUN) == (
        "<Run: seed 7, brain scripted, from 2026-01-05 00:00, to 2026-01-07 00:00 UTC, ticks 4, "
        "failed ticks 1, given up 1, calls 30, errors 5, modules without tools "
        "calendar (1), mood (2), status done>"
    )
    assert RUN.id not in repr(RUN) + RUN._repr_html_()


def test_a_run_that_was_stopped_says_what_is_left_what_it_cost_and_why():
    used = Usage(3, 1000, 200, Decimal("0.0123"))
    stopped = replace(RUN, open_ticks=2, usage=used, status="stopped", reason="by hand")
    assert "to be finished 2, tokens 1200, cost 0.0123 USD, status stopped: by hand>" in repr(
        stopped
    )


def test_the_text_is_a_small_table_with_the_calls_by_day():
    lines = str(replace(RUN, by_day=(Day(20, 5), Day(0, 0), Day(10, 0), Day(1, 0)))).splitlines()
    assert lines[0] == "seed                   7"
    assert lines[-2] == "status                 done"
    assert (
        lines[-1]
        == "calls by day           \u2588 \u2584\u2581 0 to 20 calls a day, 0 to 5 of them failed"
    )
    assert "calls by day" not in str(RUN)


def test_html_is_escaped_and_says_the_same():
    html = replace(RUN, brain="<b>", model="m", skipped_modules=Counter())._repr_html_()
    assert "<td>&lt;b&gt; (m)</td>" in html
    assert "<th>modules without tools</th><td>none</td>" in html
    assert html.startswith("<table>")


def test_html_shows_calls_and_errors_by_day_and_the_text_stays_as_it_is():
    lived = replace(RUN, by_day=(Day(20, 5), Day(10, 0)))
    assert repr(lived) == repr(RUN)
    html = lived._repr_html_()
    assert html == lived._repr_html_()
    assert "<th>calls by day</th><td><svg " in html
    assert html.count("<rect ") == 3
    assert "10 to 20 calls a day, 0 to 5 of them failed</td>" in html
    assert "<svg" not in replace(RUN, by_day=(Day(0, 0),))._repr_html_()
    assert (
        "</svg> 4 calls a day, 1 of them failed"
        in replace(RUN, by_day=(Day(4, 1),) * 2)._repr_html_()
    )
