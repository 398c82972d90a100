"""A throwaway PostgreSQL server: on a unix socket in a temporary folder, gone when the tests are."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import memory
from tests.tools import need

# Nothing here outlives the run, so nothing need reach the disk.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c autovacuum=off"


def without_root(*command: str) -> list[str]:
    """The command as root may give it: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["runuser", "-u", unprivileged(), "--", *command]


def unprivileged() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def server() -> Iterator[str]:
    """The address of a server's maintenance database; TEST_POSTGRES_URL names one that runs already."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    initdb, pg_ctl = need("initdb"), need("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="till-pg-", dir=memory.folder() or "/tmp"))  # short: a socket's path has ≤ 107 letters
    if os.geteuid() == 0:
        shutil.chown(folder, unprivileged())
    data = str(folder / "data")
    try:
        run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", folder=folder)
        options = f"-k {folder} -c listen_addresses='' {FAST}"
        run(pg_ctl, "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start", folder=folder)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop", folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(*command: str, folder: Path) -> None:
    # Output to a file rather than a pipe: the server would inherit the pipe, and nobody would ever see its end.
    with (folder / "output").open("a+") as output:
        done = subprocess.run(without_root(*command), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        output.seek(0)
        assert done.returncode == 0, f"{command[0]} failed:\n{output.read()}"
