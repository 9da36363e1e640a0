"""A lab that is being served, and a Mana that is somewhere else."""

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

from mana_lab.clock import SystemClock
from mana_lab.identity.server import (
    METADATA,
    AdminAccount,
    IdentityConfig,
    PasswordCost,
    create_app,
    prepare,
)
from mana_lab.notebook import BackgroundServer
from mana_lab.storage import Store
from mana_lab.web.serving import listen

VARIABLES = (
    "MANA_AUTH_URL",
    "MANA_ADMIN_JWT",
    "PERSONA_SEED_SECRET",
    "MANA_SERVICE_KEY",
    "MANA_LAB_ENV",
    "DATABASE_URL",
)
ADMIN = AdminAccount("operator@mana.test", "operator of the tests")


@contextmanager
def mana_elsewhere(folder):
    """Serve an identity service on a port; give its URL."""
    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    config = IdentityConfig(
        issuer=url,
        kek=bytes(range(32)),
        service_key="a service key",
        admin=ADMIN,
        password_cost=PasswordCost(n=16, r=8, p=1),
    )
    clock = SystemClock()

    @asynccontextmanager
    async def build():
        async with await Store.open(f"sqlite:///{folder}/identity.db", METADATA) as store:
            await prepare(store, config, clock)
            yield create_app(store, config, clock=clock, wall_clock=clock)

    server = BackgroundServer(build, sock)
    asyncio.run(server.start())
    try:
        yield url
    finally:
        asyncio.run(server.stop())


PORTS = ("--auth-port", "0", "--sync-port", "0", "--port", "0")


@contextmanager
def served(folder, *options):
    process = subprocess.Popen(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "mana_lab",
            "serve",
            "--dir",
            folder,
            *PORTS,
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline() for _ in range(5)]
        said = dict(line.split()[:2] for line in lines[:3])
        yield process, said | {"client": lines[4].removeprefix("A client: ").strip()}
    finally:
        process.kill()
        process.communicate()
