"""Words of a server that nobody here knows: made legible, and read for what they mean."""

from __future__ import annotations

import re
import unicodedata

from mana_lab.errors import (
    ConflictError,
    InfrastructureError,
    InvalidInputError,
    ManaLabError,
    NotFoundError,
    ProtocolError,
    RefusedError,
    ServiceUnavailableError,
    UnknownToolError,
)
from mana_lab.runner.failures import Failures, Guess

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LONGEST = 300
_MEANINGS: tuple[tuple[str, type[ManaLabError]], ...] = (
    (r"session (has )?(been )?(not found|terminated|expired)", ServiceUnavailableError),
    (r"(unknown|no such) tool|tool\b.{0,80} (not found|does not exist)", UnknownToolError),
    (r"already exists|duplicate|conflict", ConflictError),
    (r"not found|no such|does not exist|doesn't exist|unknown \w+ id", NotFoundError),
    (r"permission|denied|forbidden|unauthori[sz]ed|not allowed|not permitted", RefusedError),
    (r"outside allowed|(elicitation|sampling|roots) not supported", RefusedError),
    (
        r"internal (server )?error|timed? ?out|unavailable|traceback|ECONN\w+|is not running",
        InfrastructureError,
    ),
)
_READERS = [(re.compile(words, re.IGNORECASE), error) for words, error in _MEANINGS]


def is_hidden(sign: str) -> bool:
    """Return whether a character cannot be seen, or changes how others are seen."""
    return unicodedata.category(sign) in _HIDDEN


def legible(text: str, longest: int = _LONGEST) -> str:
    """Return the beginning of a text in one line, without characters that cannot be seen."""
    seen = "".join(" " if is_hidden(sign) else sign for sign in text[: 4 * longest])
    line = " ".join(seen.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def by_words(otherwise: type[ManaLabError]) -> Guess:
    """Return the guess that goes by the words of a message.

    Args:
        otherwise: What a failure is whose words mean nothing in particular.
    """

    def guess(message: str) -> type[ManaLabError]:
        said = message[:_LONGEST]
        return next((error for reader, error in _READERS if reader.search(said)), otherwise)

    return guess


FOREIGN = Failures(
    of_tool=by_words(InvalidInputError),
    of_params=by_words(InvalidInputError),
    of_request=by_words(ProtocolError),
)
"""Other servers rarely say what a failure is: the audit goes by their words. Where these mean
nothing in particular, the arguments of the call were not what the tool could work with."""
