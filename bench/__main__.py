"""`python -m bench`: measure, print each figure as it comes, and at the end the whole table."""

import argparse
import datetime
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import growth, load, orders, pages, profiles, secrecy, staff, table, wire
from bench.run import Run
from bench.table import Row

PARTS: dict[str, Callable[[Run], Iterator[Row]]] = {
    "stages": profiles.measure,
    "pages": pages.measure,
    "wire": wire.measure,
    "orders": orders.on_sqlite,
    "postgres": orders.on_postgres,
    "growth": growth.growth,
    "carts": growth.cart_sizes,
    "secrecy": secrecy.measure,
    "staff": staff.measure,
}
FULL, QUICK = 3.0, 1.0  # seconds of a round
ROUNDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Till against its goals.")
    parser.add_argument("--quick", action="store_true", help="short rounds and a smaller large catalogue: about two minutes")
    parser.add_argument("--only", action="append", choices=list(PARTS), help="one part; may be given several times")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    began = time.monotonic()
    rows: list[Row] = []
    whisper(where())
    with tempfile.TemporaryDirectory(prefix="till-bench-") as folder:
        disk = f"A write of 4 kB takes {disk_microseconds(Path(folder)):,.0f} µs until it is on the disk."
        whisper(disk)
        run = Run(Path(folder), QUICK if options.quick else FULL, options.rounds, options.quick, whisper)
        for name in options.only or PARTS:
            try:
                for row in PARTS[name](run):
                    rows.append(row)
                    whisper(f"{row.goal} {row.what}: {row.measured} {row.verdict}")
            except Exception as error:  # noqa: BLE001  the other parts are worth having all the same
                rows.append(table.not_run("", name, f"{type(error).__name__}: {error}"[:300]))
                whisper(f"{name}: {error}")
    print("\n".join([where(), disk, "", *table.lines(rows), ""]))
    print(f"{table.summary(rows)} {(time.monotonic() - began) / 60:.1f} minutes.")
    return 0


def where() -> str:
    """The date, the machine's kind, and what is not as it should be."""
    cores = len(os.sched_getaffinity(0))
    busy = f"load {os.getloadavg()[0]:.1f}"
    missing = "" if load.has_wrk() else "; wrk is missing, so our own loop asks for pages and takes processor time itself"
    today = datetime.datetime.now(datetime.UTC).date()
    kind = f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}"
    return f"Till, {today}: {kind}, {busy}{missing}"


def disk_microseconds(folder: Path) -> float:
    """The median time of a small durable write."""
    taken = []
    with (folder / "durable").open("wb") as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    return statistics.median(taken)


def whisper(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
