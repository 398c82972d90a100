"""Load on a server: pages by wrk, and orders by buyers of our own, each of whom is watched."""

import contextlib
import selectors
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers import Server

SCRIPT = Path(__file__).with_name("wrk.lua")
THREADS, BUYERS, FEW = 2, 16, 4
PATIENCE_SECONDS = 20  # of a buyer, once the round is over


@dataclass
class Load:
    """What one round did: how many a second, and how long they took in milliseconds."""

    per_second: float
    p50: float
    p99: float
    longest: float
    errors: int  # answers that were not what they should be, and broken connections
    cpu: float = 0.0  # milliseconds of the server's processors for one answer
    statuses: Counter[int] = field(default_factory=Counter)
    done_by_buyer: list[int] = field(default_factory=list)

    @property
    def fairness(self) -> float:
        """The slowest buyer's orders beside the fastest's."""
        return min(self.done_by_buyer) / max(max(self.done_by_buyer), 1)


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def pages(server: Server, path: str, seconds: float, headers: Iterable[str] = ()) -> Load:
    """Ask for one page over and over by 16 connections. Without wrk our own loop does, which costs processor time itself."""
    if not has_wrk():
        before = server.cpu_seconds()
        done = buyers(server.port, [repeat(get(server.port, path, headers)) for _ in range(BUYERS)], seconds, wanted=200)
        done.cpu = (server.cpu_seconds() - before) * 1000 / max(done.statuses[200], 1)
        return done
    command = ["wrk", f"-t{THREADS}", f"-c{BUYERS}", f"-d{seconds}s", "--latency", "-s", str(SCRIPT)]
    for header in headers:
        command += ["-H", header]
    # wrk takes whole seconds only.
    command[3] = f"-d{max(1, round(seconds))}s"
    before = server.cpu_seconds()
    done = subprocess.run([*command, f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True, check=True)
    figures = next(line for line in done.stdout.splitlines() if line.startswith("figures "))
    cpu = (server.cpu_seconds() - before) * 1000 / max(int(figures.split()[1]), 1)
    count, microseconds, p50, p99, longest, bad, broken = map(int, figures.split()[1:])
    return Load(count / microseconds * 1e6, p50 / 1000, p99 / 1000, longest / 1000, bad + broken, cpu)


def cost(server: Server, path: str, seconds: float, headers: Iterable[str] = ()) -> float:
    """The server's processor time for one page, in milliseconds; less moved by what else the machine does than a rate is."""
    before = server.cpu_seconds()
    done = buyers(server.port, [repeat(get(server.port, path, headers)) for _ in range(FEW)], seconds, wanted=200)
    return (server.cpu_seconds() - before) * 1000 / max(done.statuses[200], 1)


def get(port: int, path: str, headers: Iterable[str]) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()


def repeat(request: bytes) -> Iterator[bytes]:
    while True:
        yield request


class Buyer:
    """One connection that sends request after request, and the times they took."""

    def __init__(self, port: int, requests: Iterable[bytes]):
        self.port = port
        self.requests = iter(requests)
        self.line = self.connect()
        self.received = b""
        self.began = 0.0
        self.times: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.broken = 0

    def connect(self) -> socket.socket:
        line = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def send(self) -> bool:
        """Send the next request; False when there is none."""
        request = next(self.requests, None)
        if request is None:
            return False
        self.received = b""
        self.began = time.perf_counter()
        self.line.sendall(request)
        return True

    def receive(self) -> bool:
        """Take what came; True when the answer is whole."""
        portion = self.line.recv(1 << 18)
        if not portion:
            raise ConnectionError
        self.received += portion
        if length_of(self.received) is None:
            return False
        self.times.append(time.perf_counter() - self.began)
        self.statuses[int(self.received[9:12])] += 1
        return True


def length_of(received: bytes) -> int | None:
    """How long an answer is, headers included; None while it is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    place = head.find(b"content-length:")
    body = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
    return end + 4 + body if len(received) >= end + 4 + body else None


def buyers(port: int, requests: Sequence[Iterable[bytes]], seconds: float, *, wanted: int, to_the_end: bool = False) -> Load:
    """Let each buyer send their requests one after the other, until the time is over or one has no more (or all, `to_the_end`).

    `wanted` is the status of a good answer.
    """
    people = [Buyer(port, each) for each in requests]
    began = time.perf_counter()
    deadline = began + seconds
    with selectors.DefaultSelector() as selector:
        for person in people:
            selector.register(person.line, selectors.EVENT_READ, person)
            person.send()
        waiting = len(people)
        is_over = False
        ended = began
        while waiting and time.perf_counter() < deadline + PATIENCE_SECONDS:
            for key, _ in selector.select(timeout=0.5):
                person = key.data
                try:
                    if not person.receive():
                        continue
                except OSError:
                    person.broken += 1
                    selector.unregister(person.line)
                    waiting -= 1
                    continue
                ended = time.perf_counter()
                is_over = is_over or ended >= deadline
                if is_over or not person.send():
                    is_over = is_over or not to_the_end
                    selector.unregister(person.line)
                    waiting -= 1
    for person in people:
        with contextlib.suppress(OSError):
            person.line.close()
    times = sorted(each * 1000 for person in people for each in person.times)
    statuses = sum((person.statuses for person in people), Counter())
    good = statuses[wanted]
    return Load(
        per_second=good / (ended - began),
        p50=times[len(times) // 2],
        p99=times[min(len(times) - 1, int(len(times) * 0.99))],
        longest=times[-1],
        errors=len(times) - good + waiting + sum(person.broken for person in people),
        statuses=statuses,
        done_by_buyer=[person.statuses[wanted] for person in people],
    )
