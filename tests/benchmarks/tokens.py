"""How long the gateway takes to refuse a token, by what is wrong with it.

Run it with ``python tests/benchmarks/tokens.py``. Every bad token of the tests is shown to the
gateway in turn, round after round, so that whatever else the machine does falls on all of them
alike. It prints the median microseconds of each family, its ratio to the median of a wrongly signed
token, and which tokens are answered fastest and slowest; and beside them what a good token costs
when it is seen for the first time and when it is known. Tokens beyond the length that any genuine
one has are left out: their length alone tells.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from test_gateway_tokens import as_bytes, open_gate, raw
from token_house import Forge, bad_tokens, flat

from mana_lab.crypto.jwt import MAX_TOKEN_CHARS

ROUNDS = 200
WRONGLY_SIGNED = "foreign key under our kid"


def request_with(token):
    """Return an ASGI request to the endpoint that has no body, with this token."""
    headers = raw({"Host": "gateway.test", "Mcp-Session-Id": "0" * 32})
    headers.append((b"authorization", b"Bearer " + as_bytes(token)))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "server": ("gateway.test", 80),
        "client": ("127.0.0.1", 1),
    }


async def answered(app, scope):
    """Return the status that a request gets, and how many microseconds it took."""
    statuses = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    started = time.perf_counter()
    await app(dict(scope), receive, send)
    return statuses[0], (time.perf_counter() - started) * 1e6


async def timed(app, tokens):
    """Return the microseconds of every round, by the names of the tokens."""
    times = {name: [] for name in tokens}
    requests = {name: request_with(token) for name, token in tokens.items()}
    for _ in range(ROUNDS):
        for name, scope in requests.items():
            status, taken = await answered(app, scope)
            assert status == 401, name
            times[name].append(taken)
    return times


async def good(gate, app):
    """Return the medians of judging a token for the first time and of knowing it."""
    times = {"first seen": [], "known": []}
    for number in range(ROUNDS):
        scope = request_with(gate.forge.with_claims(jti=str(number)))
        for taken in times.values():
            status, microseconds = await answered(app, scope)
            assert status == 404
            taken.append(microseconds)
    return {name: median(taken) for name, taken in times.items()}


def table(families, times):
    """Print the medians of the families, and how far apart they are."""
    reference = median(times[WRONGLY_SIGNED])
    print(
        f"{'family':<14} {'tokens':>6} {'p50':>8} {'ratio':>6} {'fastest':>8} {'slowest':>8}  (us)"
    )
    for family, tokens in families.items():
        middles = [median(times[name]) for name in tokens if name in times]
        middle = median(middles)
        print(
            f"{family:<14} {len(middles):>6} {middle:>8.1f} {middle / reference:>6.2f} "
            f"{min(middles):>8.1f} {max(middles):>8.1f}"
        )
    print(f"\nwrongly signed: {reference:.1f} us")
    order = sorted(times, key=lambda name: median(times[name]))
    for what, names in (("fastest", order[:3]), ("slowest", order[-3:])):
        print(what + ": " + ", ".join(f"{name} {median(times[name]):.1f}" for name in names))
    spread = median(times[order[-1]]) / median(times[order[0]])
    print(f"slowest over fastest: {spread:.2f}")


async def main():
    with tempfile.TemporaryDirectory() as folder:
        async with open_gate(Path(folder)) as gate:
            families = bad_tokens(Forge(gate.forge.key, gate.forge.claims))
            tokens = {
                name: token
                for name, token in flat(families).items()
                if len(token) <= MAX_TOKEN_CHARS
            }
            gc.disable()
            times = await timed(gate.app, tokens)
            table(families, times)
            for name, taken in (await good(gate, gate.app)).items():
                print(f"good and {name}: {taken:.1f} us")


if __name__ == "__main__":
    asyncio.run(main())
