"""The page around the report: its head, its style, and what it may load, which is nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Final

_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src 'sha256-{}'"
)


def page(*parts: str) -> str:
    """Return the page; its policy allows its own style and pictures, no script and no request.

    Args:
        parts: Markup that is ready.
    """
    css = files("mana_lab.analysis.report").joinpath("report.css").read_text(encoding="utf-8")
    style = f"\n{css}"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(digest)}">\n'
        f"<title>mana_lab report</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + '<a class="skip" href="#findings">To the findings</a>\n<main>\n'
        + "\n".join(parts)
        + "\n</main>\n<footer>Made by mana_lab. Times are in UTC.</footer>\n</body>\n</html>\n"
    )
