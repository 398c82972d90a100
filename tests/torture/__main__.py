"""`python -m tests.torture`: every part of the torture room, on both databases, as long as there is time.

Prints its seed first, then a line for each part with what it really ran, and last how many passed and failed.
"""

import argparse
import math
import os
import secrets
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.config import SETTINGS
from tests import postgres
from tests.databases import BACKENDS, Databases
from tests.torture.cookies import fuzz_cookies
from tests.torture.faults import busy, statement_failures
from tests.torture.forms import fuzz_forms
from tests.torture.guards import guards
from tests.torture.kills import kill9
from tests.torture.money_faults import kill_payments, payment_failures
from tests.torture.money_guards import money_guards
from tests.torture.money_races import race_payments
from tests.torture.permutations import permutations
from tests.torture.races import double_submit, race_last_units
from tests.torture.room import Room

# Settings of whoever runs this (make itself exports PORT) are not the shop's.
for setting in SETTINGS:
    os.environ.pop(setting.name, None)


@dataclass(frozen=True)
class Part:
    """One part of the torture, and its share of the time; 0 for what takes the time that it takes."""

    run: Callable[[Room, str, float], str]
    share: int

    @property
    def name(self) -> str:
        return self.run.__name__


PARTS = (
    Part(guards, 0),
    Part(statement_failures, 0),
    Part(busy, 0),
    Part(money_guards, 0),
    Part(race_last_units, 4),
    Part(double_submit, 1),
    Part(kill9, 4),
    Part(fuzz_cookies, 2),
    Part(fuzz_forms, 3),
    Part(race_payments, 3),
    Part(payment_failures, 3),
    Part(kill_payments, 3),
    Part(permutations, 2),
)


def main() -> int:
    wanted = asked()
    parts = [part for part in PARTS if not wanted.only or part.name in wanted.only]
    print(f"seed {wanted.seed}, {f'{wanted.seconds:.0f} seconds' if wanted.seconds else 'as long as it takes'}", flush=True)
    ends = time.monotonic() + (wanted.seconds or math.inf)
    passed = failed = left_out = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="till-torture-", ignore_cleanup_errors=True)))
        addresses: list[str] = []

        def server() -> str:
            if not addresses:
                addresses.append(stack.enter_context(postgres.server()))
            return addresses[0]

        databases = Databases(folder, server)
        room = Room(databases, folder, wanted.seed)
        todo = [(part, backend) for part in parts for backend in BACKENDS]
        while todo:
            part, backend = todo[0]
            shares = sum(each.share for each, _ in todo)
            began = time.monotonic()
            until = began + (ends - began) * part.share / shares if shares else ends
            try:
                line, word = part.run(room, backend, until), "passed"
                passed += 1
            except pytest.skip.Exception as why:
                line, word = str(why), "LEFT OUT"
                left_out += 1
            except (Exception, pytest.fail.Exception):
                again = f"again: python -m tests.torture --seed {wanted.seed} --only {part.name}"
                line, word = f"{traceback.format_exc()}{again}", "FAILED"
                failed += 1
            print(f"{word} {part.name}, {backend}, {time.monotonic() - began:.0f} s: {line}", flush=True)
            del todo[0]
        databases.close()
    print(f"{passed} passed, {failed} failed" + (f", {left_out} left out" if left_out else ""), flush=True)
    return 1 if failed else 0


def asked() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    options.add_argument(
        "--seconds", type=float, default=0, help="divided among the parts; without it they run their full numbers"
    )
    options.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="the same seed throws the same inputs")
    options.add_argument(
        "--only", action="append", choices=[part.name for part in PARTS], help="this part alone; may be repeated"
    )
    return options.parse_args()


if __name__ == "__main__":
    sys.exit(main())
