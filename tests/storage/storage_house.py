"""A lab as the first release left it, with two personas, two days of theirs and a note."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

DUMPS = Path(__file__).parent / "data" / "first_release"
NAMES = ("identity", "sync", "ledger")
SECRETS = {
    "auth_kek": base64.b64encode(bytes(range(32))).decode(),
    "persona_seed_secret": "seed secret of the tests",
    "service_key": "service key of the tests",
    "admin_password": "admin password of the tests",
}


def first_release(folder: Path) -> Path:
    """Make the lab in *folder*, and return that."""
    folder.mkdir(mode=0o700)
    (folder / "secrets.json").write_text(json.dumps(SECRETS))
    for name in NAMES:
        with closing(sqlite3.connect(folder / f"{name}.db")) as database:
            database.executescript((DUMPS / f"{name}.sql").read_text())
    return folder
