"""A user in zero-knowledge mode: what tools say to them, and what the server's memory holds."""

import secrets
from pathlib import Path

import pytest
from chain_house import connected, plain_http, served, use

from mana_lab.clock import SIMULATION_EPOCH, iso_millis
from mana_lab.crypto import encrypt_fields, unwrap_value
from mana_lab.errors import WrongRecoveryCodeError
from mana_lab.gateway import ERROR_META
from mana_lab.identity.vault_client import VaultClient
from mana_lab.sync.client import SyncClient
from mana_lab.sync.wire import Change

PASSWORD = "a password of the tests"
CHUNK = 1 << 24


def memory_holds(pid, *needles):
    """Return which of the texts stand in the readable memory of a process."""
    found = set()
    sought = [needle.encode() for needle in needles]
    overlap = max(map(len, sought))
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            extent, rights, *_ = line.split()
            start, end = (int(part, 16) for part in extent.split("-"))
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                continue
            for place in range(start, end, CHUNK):
                memory.seek(place)
                try:
                    part = memory.read(min(CHUNK + overlap, end - place))
                except OSError:
                    continue
                found |= {needle.decode() for needle in sought if needle in part}
    return found


@pytest.fixture
def scan():
    try:
        readable = memory_holds("self", "mana")
    except OSError as error:
        pytest.skip(f"the memory of a process cannot be read here: {error}")
    assert readable
    return memory_holds


async def sign_up(mana, http, name):
    identity = mana.identity(http)
    await identity.register(f"{name}@mana.test", PASSWORD)
    return await identity.login(f"{name}@mana.test", PASSWORD)


async def lock(mana, http, token):
    """Do what the app does: keep the key for oneself; return the key and the recovery code."""
    vault = VaultClient(mana.identity(http), token)
    key = await vault.unlock()
    code = await vault.set_up_recovery()
    await vault.enable_zero_knowledge()
    return key, code


async def write_note(mana, http, login, key, text):
    """Write a note as the app does, and return how its text stands in the store."""
    (space,) = await mana.identity(http).spaces(login.access_token)
    stamp = iso_millis(SIMULATION_EPOCH)
    note = {"id": "n1", "title": text, "content": text, "spaceId": space.id}
    note |= {"isPinned": False, "isArchived": False, "createdAt": stamp, "updatedAt": stamp}
    sealed = encrypt_fields(note, ("title", "content"), key)
    insert = Change.to_insert("notes", "n1", sealed).model_copy(update={"space_id": space.id})
    await SyncClient(mana.sync_url, http, "browser").push(login.access_token, "notes", [insert])
    return sealed["content"]


@pytest.mark.slow
async def test_tools_refuse_what_only_the_user_can_read_and_never_see_it(folder, scan):
    canary, control = (f"canary {secrets.token_hex(16)}" for _ in range(2))
    async with served(folder) as mana, plain_http() as http:
        zoe = await sign_up(mana, http, "zoe")
        key, code = await lock(mana, http, zoe.access_token)
        sealed = await write_note(mana, http, zoe, key, canary)
        async with connected(mana.gateway_url, zoe.access_token, "auto") as client:
            for tool, given in (
                ("notes.search", {"query": "canary"}),
                ("notes.list", {}),
                ("notes.create", {"title": "t", "content": "c"}),
                ("journal.add", {"content": "c"}),
            ):
                answer = await client.call_tool(tool, given)
                assert answer.is_error, tool
                assert "zero-knowledge mode" in answer.content[0].text
                assert answer.meta[ERROR_META]["code"] == "zero-knowledge-user"
            habit = await use(client, "habits.create", title="Zoe runs")
            listed = await use(client, "habits.list")
            assert [each["id"] for each in listed["habits"]] == [habit["habit"]["id"]]
            assert await use(client, "spaces.list")
        anna = await mana.login(http, "anna")
        async with connected(mana.gateway_url, anna.access_token, "auto") as client:
            for _ in range(5):
                await use(client, "notes.create", title=control, content=control)
            await use(client, "notes.search", query=control)
        pid = mana.process.pid
        assert scan(pid, canary, control, sealed) == {control, sealed}
        (note,) = await mana.pulled(http, zoe.access_token, "notes", "notes")
        vault = VaultClient(mana.identity(http), zoe.access_token)
        assert unwrap_value(note.data["content"], await vault.unlock(code)) == canary
        with pytest.raises(WrongRecoveryCodeError):
            await vault.unlock("0" * 64)
