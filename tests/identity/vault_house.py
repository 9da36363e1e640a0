"""What the tests of vaults look at: the audit, and requests past the client."""

from __future__ import annotations

import base64

from identity_house import bearer

from mana_lab.crypto import import_master_key, key_proof
from mana_lab.identity.server.schema import VAULT_AUDIT

ROOT = "/api/v1/me/encryption-vault"
WRAP = {
    "recoveryWrappedMk": base64.b64encode(bytes(48)).decode(),
    "recoveryIv": base64.b64encode(bytes(12)).decode(),
}


def key_text(raw=bytes(32)) -> str:
    return base64.b64encode(raw).decode()


def proof_of(master_key: str) -> str:
    """Return the proof of a key that came as base64."""
    return key_text(key_proof(import_master_key(base64.b64decode(master_key))))


async def audit(house):
    """Return what the audit says, in the order of time."""
    rows = sorted(await house.rows(VAULT_AUDIT), key=lambda row: (row.created_at, row.action))
    return [(row.action, row.status, row.context) for row in rows]


class Asking:
    """Somebody who sends requests by hand; time passes with each."""

    def __init__(self, house, login):
        self.house = house
        self.login = login
        self.token = login.access_token

    async def __call__(self, method, name, body=None, **more):
        self.house.clock.advance(1)
        headers = bearer(self.token)
        path = f"{ROOT}/{name}"
        return await self.house.http.request(method, path, headers=headers, json=body, **more)

    async def key(self) -> str:
        return (await self("GET", "key")).json()["masterKey"]


def refusal(answer):
    """Return the status and the original's code of a refusal."""
    return answer.status_code, answer.json().get("code")
