"""JavaScript for the tests: Node, and the packages that a lock file pins."""

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRED_VARIABLE = "MANA_LAB_TEST_NODE_REQUIRED"
"""Where it is set, tests that need Node fail instead of being skipped without it."""

PINNED = Path(__file__).parent / "gateway" / "clients"
_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_INSTALL_S = 300
_RUN_S = 120


def without_node(reason) -> NoReturn:
    """Skip a test that cannot run, or fail it if it must."""
    if os.environ.get(REQUIRED_VARIABLE):
        pytest.fail(f"{REQUIRED_VARIABLE} is set, but: {reason}")
    pytest.skip(str(reason))


class NoNodeError(Exception):
    """There is no npm, or the packages cannot be had."""


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    errors: str


@dataclass(frozen=True)
class Node:
    """The packages, and the Node that came with them, if any: some are too new for others."""

    folder: Path

    @property
    def binary(self) -> Path:
        for found in (self.folder / "node_modules").glob("node-*/bin/node*"):
            return found
        return Path(shutil.which("node") or "node")

    def script(self, package: str, path: str) -> Path:
        """Return a file of a package."""
        found = self.folder / "node_modules" / package / path
        assert found.is_file(), found
        return found

    async def run(self, *arguments, cwd: Path, **environ: str) -> Done:
        """Run Node to its end, at home in *cwd* and without what the caller's environment says."""
        process = await asyncio.create_subprocess_exec(
            self.binary,
            *map(str, arguments),
            cwd=cwd,
            env={"PATH": os.defpath, "HOME": str(cwd), **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_RUN_S):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Done(process.returncode, out.decode(), errors.decode())


def install(folder: Path, pins: Path = PINNED) -> Node:
    """Install the packages that *pins* has a lock file of, and copy the scripts that use them.

    Raises:
        NoNodeError: There is no npm, or it could not install them.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NoNodeError("there is no npm; it comes with Node")
    for pinned in (*pins.glob("*.json"), *pins.glob("*.mjs")):
        shutil.copy(pinned, folder)
    try:
        done = subprocess.run(
            [npm, *_INSTALL],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INSTALL_S,
        )
    except subprocess.TimeoutExpired:
        raise NoNodeError(f"npm did not end within {_INSTALL_S} s") from None
    if done.returncode != 0:
        raise NoNodeError(f"npm could not install the packages: {done.stderr[-500:]}")
    return Node(folder)
