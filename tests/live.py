"""The real server as a process of its own, on a free port: for races, kills, browsers and whatever speaks real HTTP."""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
SECRET = "a secret that only the tests know, 0123456789"
START_SECONDS = 30


def environment(database_url: str, folder: Path, **settings: object) -> dict[str, str]:
    """The environment of a shop on this database; the folder is its instance, so that no test meets another's files."""
    from app.config import SETTINGS

    inherited = {name: value for name, value in os.environ.items() if name not in {setting.name for setting in SETTINGS}}
    own = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET, "RATELIMIT_ENABLED": 0, "INSTANCE_PATH": folder} | settings
    return inherited | {"PYTHONUNBUFFERED": "1"} | {name: str(value) for name, value in own.items()}


def run_flask(
    *args: str, env: dict[str, str], stdin: str | None = None, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """A `flask …` command as a person would give it, and what it printed; it is for the caller to judge the exit status."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *args]
    given: dict[str, object] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds, **given)  # type: ignore[call-overload,no-any-return]


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to clients, who may get one of them at any time."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


class LiveServer:
    """A shop that runs: `url`, `database_url`, and the file `log` that it writes to."""

    def __init__(self, database_url: str, folder: Path, **settings: object):
        folder.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url
        self.folder = folder
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(database_url, folder, HOST="127.0.0.1", PORT=self.port, **settings)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers. Raises AssertionError with the end of its log when it does not."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve"]
        with self.log.open("ab") as log:
            # A group of its own: the server has workers, and a kill must reach them all.
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(requests.RequestException):
                if requests.get(self.url + "/healthz", timeout=2).status_code == 200:
                    return
            time.sleep(0.05)
        died = self.process.poll()
        self.kill9()
        raise AssertionError(f"the server did not answer (exit status {died}):\n{self.log_tail()}")

    def stop(self) -> None:
        """End it as an operator would; whatever is left after ten seconds is killed."""
        if self.process is None:
            return
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.kill9()

    def kill9(self) -> None:
        """Kill the server and all its workers at once, as a power cut would; start() brings it back on the same port."""
        if self.process is None:
            return
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def run_flask(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """A `flask …` command on this server's database, also while it runs."""
        return run_flask(*args, env=self.env, stdin=stdin)

    def log_tail(self) -> str:
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-40:])


def with_account(server: LiveServer, email: str, password: str, *, name: str, role: str = "customer") -> None:
    """Make an account in a running shop, as staff would; nothing when it is there."""
    from app import create_app
    from app.extensions import db
    from app.models.customer import Role
    from app.services import accounts

    app = create_app({"DATABASE_URL": server.database_url, "INSTANCE_PATH": str(server.folder), "SECRET_KEY": SECRET})
    with app.app_context():
        if accounts.by_email(email) is None:
            accounts.create(email, name=name, password=password, role=Role(role))
        db.session.remove()
        db.engine.dispose()


def mailed_code(server: LiveServer, email: str) -> str:
    """The code in the newest mail to this address, once the shop's worker wrote it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        files = sorted((server.folder / "mail").glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files:
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            code = re.search(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b", message.get_body(("plain",)).get_content())  # type: ignore[union-attr]
            if message["To"] == email and code:
                return code[0]
        time.sleep(0.1)
    raise AssertionError(f"no code was mailed to {email}:\n{server.log_tail()}")


@contextmanager
def serving(database_url: str, folder: Path, **settings: object) -> Iterator[LiveServer]:
    server = LiveServer(database_url, folder, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
