"""A browser for the tests: Chromium as it is installed here, without a window and a network."""

import os
import shutil
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

REQUIRED_VARIABLE = "MANA_LAB_TEST_BROWSER_REQUIRED"
"""Where it is set, tests that need a browser fail instead of being skipped without one."""

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


def without_browser(reason) -> NoReturn:
    """Skip a test that cannot run, or fail it if it must."""
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(f"{REQUIRED_VARIABLE} is set, but: {reason}")
    pytest.skip(str(reason))


@asynccontextmanager
async def open_browser():
    """Hold a browser."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        without_browser(
            f"there is none of {', '.join(NAMES)}; install it: apt-get install chromium"
        )
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        without_browser("playwright drives it: pip install playwright")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


class Watched:
    """A page, and what it asked for and complained of.

    Attributes:
        page: The page of the driver.
        requests: The addresses that it asked for, but for what it has in itself.
        complaints: What stands in its console, and its errors.
    """

    def __init__(self, page):
        self.page = page
        self.requests, self.complaints = [], []
        page.on("request", self._asked)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _asked(self, request):
        if not request.url.startswith("data:"):
            self.requests.append(request.url)


@asynccontextmanager
async def watched(browser, address, **options):
    """Hold a page at an address, in a browser that knows nothing of others."""
    context = await browser.new_context(offline=True, **options)
    try:
        page = Watched(await context.new_page())
        await page.page.goto(address)
        yield page
    finally:
        await context.close()
