"""The processes of a shop that is open: the server, and the worker beside it."""

import contextlib
import ctypes
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.output import fail
from app.services.worker import Stop

LOOK_SECONDS = 0.1  # how often the processes are looked after
STOP_SECONDS = 4  # how long requests and mails that were begun may take once the shop closes
WORKER_PAUSE_SECONDS = 2.0  # between two starts of the worker
BACKLOG = 1024
DEATH_SIGNAL, SUBREAPER = 1, 36  # Linux: prctl(2)

Settings = Mapping[str, Any]
Process = subprocess.Popen[bytes]


def serve(config: Settings, root: Path, *, welcome: Callable[[str], str], watch: Callable[[Stop], None]) -> int:
    """Run the server, and beside it the worker, until a signal comes or the server ends; answers the server's exit status.

    `welcome` answers what is said once the shop answers at an address. `watch` looks after the worker beside them.
    """
    refuse_taken_port(config["HOST"], config["PORT"])
    adopt_orphans()
    with Stop.at_signals() as stop:
        server = start(server_command(config), root)
        worker, began = start(worker_command(), root), time.monotonic()
        threading.Thread(target=watch, args=(stop,), name="watch", daemon=True).start()
        is_open = False
        try:
            while server.poll() is None and not stop.is_set:
                if not is_open and answers(config):
                    click.echo(welcome(url(config)))
                    is_open = True
                if worker.poll() is not None and time.monotonic() - began > WORKER_PAUSE_SECONDS:
                    click.echo(f"the worker ended ({worker.returncode}); starting it again", err=True)
                    worker, began = start(worker_command(), root), time.monotonic()
                stop.wait(LOOK_SECONDS)
        finally:
            close(server, worker)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode  # as shells count signals


def url(config: Settings) -> str:
    host = config["HOST"]
    return f"http://{f'[{host}]' if ':' in host else host}:{config['PORT']}"


def server_command(config: Settings) -> list[str]:
    options = {
        "interface": "wsgi",
        "host": config["HOST"],
        "port": config["PORT"],
        "workers": config["WORKERS"] or processors(),
        "blocking-threads": config["THREADS"],
        "backlog": BACKLOG,
        "log-level": "warning",
        "workers-kill-timeout": STOP_SECONDS,
    }
    flags = ("--no-access-log", "--no-ws", "--respawn-failed-workers")
    return [sys.executable, "-m", "granian", "wsgi:app", *flags, *(f"--{name}={value}" for name, value in options.items())]


def worker_command() -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", "worker", f"--parent={os.getpid()}"]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def refuse_taken_port(host: str, port: int) -> None:
    """Fail with a sentence when somebody listens there; the server itself would share the port with another Till."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            fail(f"Till cannot listen on {host}, port {port}: {error.strerror or error}. PORT=… chooses another.")


def answers(config: Settings) -> bool:
    """Whether the shop answers a request."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config["HOST"]) or config["HOST"]
    connection = http.client.HTTPConnection(host, config["PORT"], timeout=1)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    return False


# ------------------------------------------------------------------------------------------------ processes


LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: between fork and exec there is no time for it


def start(command: list[str], root: Path) -> Process:
    return subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)


def die_with_parent() -> None:
    """In a child: be told to stop when the parent goes, however it goes."""
    if LIBC:
        LIBC.prctl(DEATH_SIGNAL, signal.SIGTERM)


def adopt_orphans() -> None:
    """Become the parent of what a killed server leaves behind, so that it can be closed too and frees the port."""
    if LIBC:
        LIBC.prctl(SUBREAPER, 1)


def close(server: Process, worker: Process) -> None:
    """Ask both to stop, and end what is still there after STOP_SECONDS and a bit."""
    for process in (server, worker):
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS + 1
    for process in (server, worker):
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if orphans := children():
            for child in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
            time.sleep(1)


def children() -> list[int]:
    """Our children that still run, as Linux knows them; those that ended are let go."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    try:
        return [int(child) for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []
