"""The fixtures: a seeded lab of its own for each test, whichever plugin runs async tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from mana_lab import Lab
    from mana_lab.lab import PersonaSession
    from mana_lab.testing.labs import Labs

MARKER = "mana_lab"


@dataclass(frozen=True)
class ServedGateway:
    """A lab's gateway on a port of this machine, for any MCP client.

    Attributes:
        url: What the client connects to.
        token: Returns a token of a persona, given their name.
    """

    url: str
    token: Callable[[str], str]

    def headers(self, persona: str) -> dict[str, str]:
        """Return the headers with which a client is that persona."""
        return {"Authorization": f"Bearer {self.token(persona)}"}


@pytest.fixture(scope="session")
def _mana_labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    """Where labs are seeded once a session, and run in an event loop of their own."""
    from mana_lab.testing.labs import Labs

    with Labs.open(tmp_path_factory) as labs:
        yield labs


@pytest.fixture
def lab(request: pytest.FixtureRequest, _mana_labs: Labs) -> Iterator[Lab]:
    """A seeded lab of its own for the test, closed at its end.

    ``@pytest.mark.mana_lab(personas=["anna"], tools=[add])`` says who is in it, by name or as a
    ``Catalog``, and which tools it offers besides those of the app; by default all ten personas
    and no more tools. Its coroutines can be awaited in any event loop.
    """
    marker = request.node.get_closest_marker(MARKER)
    args, kwargs = ((), {}) if marker is None else (marker.args, marker.kwargs)
    with _mana_labs.lab(*args, **kwargs) as held:
        yield cast("Lab", held)


@pytest.fixture
def persona(lab: Lab) -> Callable[..., Awaitable[PersonaSession]]:
    """The way to sign somebody in, which is the method ``lab.persona``, given a name."""
    return lab.persona


@pytest.fixture
def gateway(lab: Any) -> ServedGateway:
    """The lab's gateway on a port of this machine: ``url``, ``token(name)``, ``headers(name)``."""
    served = lab.wait(lab.serve, port=0)
    return ServedGateway(served.url, lambda name: lab.wait(lab.token, name))
