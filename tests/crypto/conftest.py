"""What the crypto tests share: vectors, a JavaScript to compare with, an issuer of tokens."""

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from crypto_house import DATA, Issuer
from node_house import without_node

from mana_lab.clock import ManualClock
from mana_lab.crypto import TokenVerifier

AskNode = Callable[[list[dict[str, Any]]], list[Any]]


@pytest.fixture(scope="session")
def ask_node() -> AskNode:
    """Put a batch of questions to one Node process; None is the answer where it throws."""
    node = shutil.which("node")
    if node is None:
        without_node("node is not installed, so there is no JavaScript to compare with")

    def ask(questions: list[dict[str, Any]]) -> list[Any]:
        done = subprocess.run(
            [node, str(DATA / "oracle.mjs")],
            input="".join(json.dumps(question) + "\n" for question in questions).encode(),
            capture_output=True,
            timeout=120,
            check=True,
        )
        answers = [json.loads(line) for line in done.stdout.split(b"\n") if line]
        assert len(answers) == len(questions)
        return answers

    return ask


@pytest.fixture
def issuer(clock: ManualClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
async def verifier(issuer: Issuer) -> AsyncIterator[TokenVerifier]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer)) as http:
        verifier = issuer.verifier(http)
        yield verifier
        await verifier.close()
