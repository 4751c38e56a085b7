"""Starts a real PostgreSQL for tests, in a temporary folder, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.ports import free_ports

USER, PASSWORD = "sweeper", "s3cret-of-postgres"


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server: its port, and the folders of its programs and its data."""

    port: int
    programs: Path
    data: Path

    def url(self, database: str = "postgres", password: str | None = PASSWORD) -> str:
        """Return a database's URL; ``password`` None leaves the password out."""
        login = USER if password is None else f"{USER}:{password}"
        return f"postgresql+psycopg://{login}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Create a database; returns its URL with the password."""
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, database)
        return self.url(database)

    def dump(self, database: str, file: Path) -> None:
        """Write all contents of a database to ``file``, as SQL."""
        login = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        file.write_text(_run(self.programs / "pg_dump", *login, "--inserts", database))

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs."""
        _run(self.programs / program, *arguments)

    def start(self) -> None:
        """Start the server; returns when it accepts connections."""
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.data / "log"), "start")

    def stop(self) -> None:
        """Stop the server at once, as in a loss of power; all connections are cut off."""
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def restart(self) -> None:
        """Stop and start the server."""
        self.stop()
        self.start()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server for the block. Skips the test where PostgreSQL (`apt-get install postgresql`) is missing."""
    programs = _programs()
    if programs is None:
        pytest.skip("initdb of PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        data, secret = folder / "data", folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        _run(programs / "initdb", "-D", str(data), "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "-N")
        (port,) = free_ports(1)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\n")
        server = Postgres(port, programs, data)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return versions[-1].parent if versions else None


def _run(program: Path, *arguments: str) -> str:
    """Run a program and return its stdout; as the user postgres where we are root, whom PostgreSQL refuses."""
    user = "postgres" if os.geteuid() == 0 else None
    done = subprocess.run(
        [program, *arguments],
        user=user,
        env={**os.environ, "PGPASSWORD": PASSWORD},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{program.name}: {done.stderr}"
    return done.stdout
