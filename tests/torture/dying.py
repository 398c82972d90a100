"""`python -m tests.torture.dying`: does use cases up to a step, each in a child that dies there as by a power cut.

What to do comes in by lines of JSON, and how it ended goes out by such lines.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import create_app
from app.extensions import db
from tests import driver
from tests.factories import Elsewhere
from tests.torture.money_cases import BY_NAME, Affair
from tests.torture.provider import Provider

TOLD = ("DATABASE_URL", "SECRET_KEY", "INSTANCE_PATH", "STATIC_FOLDER")  # settings that it shares with the shop


@contextmanager
def hearing_steps(step: Callable[[str], None], committed: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Call `step` before every statement and every COMMIT, with what comes next; and `committed` after each COMMIT."""
    dialect = db.engine.dialect
    commits = dialect.do_commit

    def commit(connection: Any) -> None:
        step("COMMIT")
        commits(connection)
        committed()

    dialect.do_commit = commit  # type: ignore[method-assign]
    try:
        with driver.listening(db.engine, before=lambda sql: step(sql.split("\n")[0][:60])):
            yield
    finally:
        dialect.do_commit = commits  # type: ignore[method-assign]


def live_until(last: int, case: str, affair: Affair, provider: Provider, out: int) -> None:
    """Do a use case, and die at its n-th step; what was reached is written to `out` first."""
    reached = 0

    def step(what: str) -> None:
        nonlocal reached
        reached += 1
        if reached == last:
            os.write(out, what.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    provider.acted = lambda act: step(f"after the provider's {act}")
    with hearing_steps(step):
        BY_NAME[case].act(affair)


def main() -> None:
    told = json.loads(sys.argv[1])
    app = create_app({"TESTING": True, "RATELIMIT_ENABLED": False, **told["config"]})
    app.extensions["gateways"][Elsewhere.name] = provider = Provider(Path(told["books"]))
    with app.app_context():
        driver.wire_of(db.engine)
        for line in sys.stdin:
            wanted = json.loads(line)
            heard, said = os.pipe()
            if (child := os.fork()) == 0:
                try:
                    live_until(wanted["step"], wanted["case"], Affair(**wanted["affair"]), provider, said)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            os.close(said)
            with os.fdopen(heard) as pipe:
                reached = pipe.read()
            _, status = os.waitpid(child, 0)
            number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
            print(json.dumps({"signal": number, "exit": status, "reached": reached}), flush=True)


if __name__ == "__main__":
    main()
