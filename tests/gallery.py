"""Makes the pictures of the README: charts of the committed notebooks, and the report in a browser.

Run it with ``python tests/gallery.py`` after the notebooks were refreshed. The charts are those of
the notebooks to the byte; the report is that of ``python -m mana_lab demo`` as Chromium shows it,
in the light and in the dark.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parent / "notebooks"
PICTURES = NOTEBOOKS / "pictures"
CHARTS = {
    "ratings.png": ("04_feedback.ipynb", "lab.charts.ratings(run)"),
    "timeline.png": ("10_fortnight_timeline.ipynb", "lab.charts.timeline(PERSONA, run)"),
    "contrast.png": ("07_planted_fault.ipynb", "lab.charts.contrast("),
}
"""The pictures, each with its notebook and how the last line of the cell that shows it begins."""
REPORT = {"report-light.png": "light", "report-dark.png": "dark"}
_SIZE = {"width": 1000, "height": 760}


def chart(notebook: str, beginning: str) -> bytes:
    """Return the picture that a cell of a notebook shows."""
    for cell in nbformat.read(NOTEBOOKS / notebook, as_version=4).cells:
        if cell.source.strip().rpartition("\n")[2].startswith(beginning):
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    return base64.b64decode(output["data"]["image/png"])
    message = f"{notebook} shows no picture with {beginning}"
    raise LookupError(message)


async def shots(page: Path) -> None:
    """Show a page in a browser, and keep what is seen first."""
    from browser_house import open_browser, watched

    async with open_browser() as browser:
        for name, scheme in REPORT.items():
            options = {"viewport": _SIZE, "color_scheme": scheme}
            async with watched(browser, page.as_uri(), **options) as seen:
                await seen.page.screenshot(path=PICTURES / name)


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, (notebook, beginning) in CHARTS.items():
        (PICTURES / name).write_bytes(chart(notebook, beginning))
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "mana_lab", "demo", "--dir", folder]
        done = await asyncio.create_subprocess_exec(*demo)
        assert await done.wait() == 0
        await shots(Path(folder, "report.html"))


if __name__ == "__main__":
    asyncio.run(main())
