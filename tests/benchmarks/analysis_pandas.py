"""The questions of friction once more, in pandas: vectorised, over frames that are in memory.

Each function takes the calls (and, where it says so, personas, ratings or ticks) and returns what
the definition of the same name does, as far as it is named in :data:`COMPARED`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

COMPARED = {
    "calls": ["failed", "retried", "recovered", "abandoned"],
    "tools": ["tool_name", "calls", "errors", "retries", "recoveries", "personas"],
    "personas": ["email", "tool_name", "calls", "errors", "retries", "recoveries"],
    "errors": ["tool_name", "error_code", "errors", "retries", "recoveries", "personas"],
    "error_recovery": ["error_code", "errors", "recovered", "redirected", "personas"],
    "first_success": ["email", "tool_name", "succeeded", "tries", "ticks", "hours"],
    "repeats": ["email", "tool_name", "loops", "loops_failed", "harmless"],
    "detours": ["email", "calls", "errors", "repeated"],
    "undiscovered": ["email", "tool_name"],
    "unknown_tools": ["tool_name", "calls", "personas"],
    "transitions": ["tool_name", "next_tool", "times", "personas"],
    "variants": ["variant", "ticks", "personas", "errors"],
    "confusion": ["tried", "worked", "times", "failures", "personas"],
    "ratings_in_context": ["rating", "calls", "errors", "conflict"],
    "journeys": ["calls", "errors", "success"],
}


def outcomes(calls):
    """Return the calls in the order of their ticks, with what became of each."""
    a = calls.sort_values(["tick_id", "seq"])
    by_tick = a.groupby("tick_id", sort=False)
    ok = a["result"] == "ok"
    failed = ~ok
    tools = [by_tick["tool_name"].shift(-places) for places in (1, 2)]
    worked = [by_tick["result"].shift(-places) == "ok" for places in (1, 2)]
    same = [tool == a["tool_name"] for tool in tools]
    last = a["seq"].where(ok).groupby([a["tick_id"], a["tool_name"]], sort=False).transform("max")
    others = [w & ~s for w, s in zip(worked, same, strict=True)]
    recovered = failed & (last > a["seq"]).fillna(False).astype(bool)
    return a.assign(
        failed=failed,
        retried=failed & (same[0] | same[1]),
        recovered=recovered,
        abandoned=failed & ~recovered,
        soon=failed & ((same[0] & worked[0]) | (same[1] & worked[1])),
        then_tool=tools[0].where(others[0], tools[1].where(others[1])).where(failed),
    )


def calls(a):
    found = outcomes(a)[COMPARED["calls"]].sum()
    return found.to_frame().T


def tools(a):
    return _counted(outcomes(a), ["tool_name"])


def personas(a):
    return _counted(outcomes(a), ["email", "tool_name"])


def _counted(found, by):
    return found.groupby(by, as_index=False).agg(
        calls=("id", "size"),
        errors=("failed", "sum"),
        retries=("retried", "sum"),
        recoveries=("recovered", "sum"),
        personas=("persona_id", "nunique"),
    )


def errors(a):
    found = outcomes(a)
    return (
        found[found["failed"]]
        .groupby(["tool_name", "error_code"], as_index=False)
        .agg(
            errors=("id", "size"),
            retries=("retried", "sum"),
            recoveries=("recovered", "sum"),
            personas=("persona_id", "nunique"),
        )
    )


def error_recovery(a):
    found = outcomes(a)
    found = found[found["failed"]]
    found = found.assign(redirected=~found["soon"] & found["then_tool"].notna())
    return found.groupby("error_code", as_index=False).agg(
        errors=("id", "size"),
        recovered=("soon", "sum"),
        redirected=("redirected", "sum"),
        personas=("persona_id", "nunique"),
    )


def first_success(a):
    a = a.sort_values(["occurred_at", "tick_id", "seq"])
    ok = a["result"] == "ok"
    before = ok.groupby([a["persona_id"], a["tool_name"]]).cumsum() - ok
    tried = a.assign(ok=ok)[before == 0]
    found = tried.groupby(["email", "tool_name"], as_index=False).agg(
        succeeded=("ok", "any"),
        tries=("id", "size"),
        ticks=("tick_id", "nunique"),
        first=("occurred_at", "min"),
        last=("occurred_at", "max"),
    )
    return found.assign(hours=(found["last"] - found["first"]).dt.total_seconds() / 3600)


def repeats(a):
    a = a.sort_values(["tick_id", "seq"])
    same = a.groupby(["tick_id", "tool_name", "input_hash"], sort=False)
    before = same["result"].shift(1)
    loops = before == "error"
    found = a.assign(
        loops=loops, loops_failed=loops & (a["result"] == "error"), harmless=before == "ok"
    )[before.notna()]
    counts = ["loops", "loops_failed", "harmless"]
    return found.groupby(["email", "tool_name"], as_index=False)[counts].sum()


def detours(a):
    ok = a[a["result"] == "ok"].sort_values(["tick_id", "seq"])
    before = ok.groupby(["tick_id", "module"], sort=False)[["tool_name", "input_hash"]].shift(1)
    again = (before == ok[["tool_name", "input_hash"]]).all(axis="columns")
    found = (
        a.assign(errors=a["result"] == "error")
        .groupby("email", as_index=False)
        .agg(calls=("id", "size"), errors=("errors", "sum"))
    )
    repeated = again.groupby(ok["email"]).sum()
    return found.assign(repeated=found["email"].map(repeated))


def undiscovered(a, people):
    worked = a[a["result"] == "ok"].groupby("tool_name")["module"].min().reset_index()
    mixes = [
        (email, module)
        for email, mix in zip(people["email"], people["module_mix"], strict=True)
        for module, share in mix.items()
        if share > 0
    ]
    wanted = pd.DataFrame(mixes, columns=["email", "module"]).merge(worked, on="module")
    tried = a[["email", "tool_name"]].drop_duplicates()
    found = wanted.merge(tried, how="left", indicator=True)
    took_part = found["email"].isin(set(tried["email"]))
    return found[(found["_merge"] == "left_only") & took_part]


def unknown_tools(a):
    unknown = a[a["error_code"] == "unknown-tool"]
    return unknown.groupby("tool_name", as_index=False).agg(
        calls=("id", "size"), personas=("persona_id", "nunique")
    )


def transitions(a):
    a = a.sort_values(["tick_id", "seq"])
    following = a.groupby("tick_id", sort=False)["tool_name"].shift(-1).fillna("(end)")
    steps = pd.DataFrame(
        {"tool_name": a["tool_name"], "next_tool": following, "persona_id": a["persona_id"]}
    )
    first = a.drop_duplicates("tick_id")
    starts = pd.DataFrame(
        {
            "tool_name": "(start)",
            "next_tool": first["tool_name"],
            "persona_id": first["persona_id"],
        }
    )
    return (
        pd.concat([starts, steps])
        .groupby(["tool_name", "next_tool"], as_index=False)
        .agg(times=("persona_id", "size"), personas=("persona_id", "nunique"))
    )


def variants(a):
    a = a.sort_values(["tick_id", "seq"])
    ticks = (
        a.assign(errors=a["result"] == "error")
        .groupby("tick_id", sort=False)
        .agg(
            variant=("tool_name", " → ".join),
            persona_id=("persona_id", "first"),
            errors=("errors", "sum"),
        )
    )
    return ticks.groupby("variant", as_index=False).agg(
        ticks=("errors", "size"), personas=("persona_id", "nunique"), errors=("errors", "sum")
    )


def confusion(a):
    found = outcomes(a)
    found = found[found["failed"] & found["error_kind"].isin(["invalid-input", "not-found"])]
    failures = found.groupby("tool_name").size()
    left = found[found["abandoned"] & found["then_tool"].notna()]
    pairs = left.groupby(["tool_name", "then_tool"], as_index=False).agg(
        times=("id", "size"), personas=("persona_id", "nunique")
    )
    pairs["failures"] = pairs["tool_name"].map(failures)
    return pairs.rename(columns={"tool_name": "tried", "then_tool": "worked"})


def ratings_in_context(a, ratings):
    counts = (
        a.assign(
            errors=a["result"] == "error",
            conflict=a["error_kind"] == "conflict",
            module=modules(a),
        )
        .groupby(["persona_id", "tick_id", "module"], as_index=False)
        .agg(
            calls=("id", "size"),
            errors=("errors", "sum"),
            conflict=("conflict", "sum"),
            latency_ms=("latency_ms", "mean"),
        )
    )
    found = ratings.merge(counts, how="left", on=["persona_id", "tick_id", "module"])
    return found[COMPARED["ratings_in_context"]].fillna(0).sum().astype(int).to_frame().T


def journeys(a, ticks):
    a = a.assign(errors=a["result"] == "error", module=modules(a)).sort_values(["tick_id", "seq"])
    found = a.groupby(["tick_id", "module"], as_index=False).agg(
        calls=("id", "size"), errors=("errors", "sum"), ended=("result", "last"), seq=("seq", "max")
    )
    is_last = found["seq"] == found.groupby("tick_id")["seq"].transform("max")
    found = found.assign(is_last=is_last).merge(
        ticks[["id", "status"]], left_on="tick_id", right_on="id"
    )
    found = found[found["status"].isin(["done", "abandoned"])]
    gave_up = (found["status"] == "abandoned") & found["is_last"]
    found = found.assign(success=(found["ended"] == "ok") & ~gave_up)
    return found[COMPARED["journeys"]].sum().astype(int).to_frame().T


def modules(a):
    return a["module"].fillna(a["tool_name"].str.partition(".")[0])


def assert_same(name, ours, theirs):
    """Check that two answers have the same numbers, whatever the order of their rows."""
    names = COMPARED[name]
    one, other = (
        frame[names].astype(object).sort_values(names, ignore_index=True)
        for frame in (ours, theirs)
    )
    assert one.shape == other.shape, (name, one.shape, other.shape)
    for column in names:
        if column == "hours":
            np.testing.assert_allclose(one[column].astype(float), other[column].astype(float))
        else:
            assert one[column].tolist() == other[column].tolist(), (name, column)
