"""The server as `flask serve` starts it, on a free port, with any WSGI app in it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.cli import serving
from tests.live import SECRET, environment, free_port

__all__ = ["SECRET", "Server", "running"]

ROOT = Path(__file__).parent.parent
SHOP, HELLO, BARE, ORM = "wsgi:app", "bench.hello:app", "bench.hello:bare", "bench.orm:make"
START_SECONDS = 30


class Server:
    """One running server: as many processes as there are cores, each with `threads` threads."""

    def __init__(self, target: str, folder: Path, database_url: str, threads: int, settings: Mapping[str, object]):
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / "server.log"
        config = {"HOST": "127.0.0.1", "PORT": self.port, "WORKERS": 0, "THREADS": threads}
        env = environment(database_url, folder, **(config | dict(settings)))
        command = [target if word == SHOP else word for word in serving.server_command(config)]
        if target == ORM:
            command.append("--factory")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=serving.die_with_parent,
            )
        self.wait()

    def wait(self) -> None:
        """Return once all its processes are likely to answer. Raises RuntimeError with the end of the log when it does not."""
        deadline = time.monotonic() + START_SECONDS
        answered = 0
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                answered += line.recv(15).startswith(b"HTTP/1.1")
                if answered >= 20:
                    return
                continue
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(8)
                break

    def cpu_seconds(self) -> float:
        """Processor time of the server's processes so far, in user and kernel mode."""
        return sum(cpu_of(process) for process in (self.process.pid, *children(self.process.pid)))


def children(parent: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found + [grandchild for child in found for grandchild in children(child)]


def cpu_of(process: int) -> float:
    """Seconds, by the scheduler's own count of each thread; the clock ticks of `stat` are too coarse for a short round."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


@contextmanager
def running(
    target: str, folder: Path, *, database_url: str = "sqlite://", threads: int = 4, **settings: object
) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(target, folder, database_url, threads, settings)
    try:
        yield server
    finally:
        server.stop()
