"""The database fails, or the whole process dies, between any two steps of what happens to an order and its money."""

import json
import math
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import exc

from app.extensions import Busy, db
from tests import driver, live
from tests.torture.dying import TOLD, hearing_steps
from tests.torture.faults import MOST_STEPS, failing
from tests.torture.money import Stage, stage, told
from tests.torture.money_cases import CASES, Affair, Case, picture
from tests.torture.room import Pace, Room

# ------------------------------------------------------------------------------------------------ every statement in turn


def payment_failures(
    room: Room, backend: str, until: float = math.inf, *, most: int | None = None, cases: Sequence[Case] = CASES
) -> str:
    """Nothing or everything, whichever statement fails, before or after it was done; and whoever tries again ends well.

    With `most`, only so many of them, chosen by chance.
    """
    ends: Counter[str] = Counter()
    with stage(room, backend) as scene:
        driver.wire_of(db.engine)  # while no connection is in use
        pictures = {case.name: committed(scene, case) for case in cases}
        steps = [
            (case, step, afterwards)
            for case in cases
            for afterwards in (False, True)
            for step in range(1, steps_of(scene, case, afterwards) + 1)
        ]
        room.chance("payment_failures").shuffle(steps)
        pace = Pace(min(most or len(steps), len(steps)), until)
        for number in pace:
            case, step, afterwards = steps[number]
            ends[fail(scene, case, step, afterwards, pictures[case.name])] += 1
    return f"{pace.of('failures')} in {len(cases)} use cases ({told(ends)}); each ended well when it was tried again"


def committed(stage: Stage, case: Case) -> list[Sequence[Any]]:
    """What is there before, and after each COMMIT when nothing fails: whatever fails must leave one of these."""
    affair = case.prepare(stage)
    pictures = [picture(affair)]
    dialect = db.engine.dialect
    commits = dialect.do_commit

    def commit(connection: Any) -> None:
        commits(connection)
        pictures.append(picture(affair))

    dialect.do_commit = commit  # type: ignore[method-assign]
    try:
        case.act(affair)
    finally:
        dialect.do_commit = commits  # type: ignore[method-assign]
    case.assert_ends_well(stage, affair, "nothing")
    return pictures


def steps_of(stage: Stage, case: Case, afterwards: bool) -> int:
    """How many statements and commits there are to fail."""
    affair = case.prepare(stage)
    with counting() as seen, failing(stage.app, 0, afterwards=afterwards):
        case.act(affair)
    assert 0 < seen[0] < MOST_STEPS
    case.assert_ends_well(stage, affair, "nothing")
    return seen[0]


@contextmanager
def counting() -> Iterator[list[int]]:
    seen = [0]

    def another(_step: str) -> None:
        seen[0] += 1

    with hearing_steps(another):
        yield seen


def fail(stage: Stage, case: Case, step: int, afterwards: bool, allowed: Sequence[Sequence[Any]]) -> str:
    affair = case.prepare(stage)
    with failing(stage.app, step, afterwards=afterwards) as failed, suppress(exc.OperationalError, Busy):
        case.act(affair)
    where = f"step {step} ({failed[0] if failed else 'none'}), {afterwards=}"
    with suppress(exc.DBAPIError):
        db.session.rollback()
    db.session.remove()
    left = picture(affair)
    assert left in allowed, f"{case.name}, after {where}: half of it is there: {left}"
    case.assert_ends_well(stage, affair, where)
    return "left nothing" if left == allowed[0] else "left all or a whole part"


# ------------------------------------------------------------------------------------------------ every step the last one


def kill_payments(
    room: Room, backend: str, until: float = math.inf, *, most: int | None = None, cases: Sequence[Case] = CASES
) -> str:
    """kill -9 before every statement and commit, and after every act of the provider; a new start makes all of it whole.

    With `most`, only so many kills, chosen by chance.
    """
    ends: Counter[str] = Counter()
    with stage(room, backend) as scene, mortal(scene) as live_through:
        steps = [(case, step) for case in cases for step in range(1, count_steps(scene, case) + 1)]
        room.chance("kill_payments").shuffle(steps)
        pace = Pace(min(most or len(steps), len(steps)), until)
        for number in pace:
            case, step = steps[number]
            affair = case.prepare(scene)
            before = picture(affair)
            db.session.remove()
            reached = live_through(case, affair, step)
            ends["found nothing" if picture(affair) == before else "found a part or all"] += 1
            case.assert_ends_well(scene, affair, f"kill -9 at step {step} ({reached})")
            db.session.remove()
    return f"{pace.of('kills')} in {len(cases)} use cases ({told(ends)}); each ended well after a new start"


def count_steps(stage: Stage, case: Case) -> int:
    """How many moments there are to die at."""
    affair = case.prepare(stage)
    with counting() as seen:
        stage.provider.acted = lambda act: seen.__setitem__(0, seen[0] + 1)
        try:
            case.act(affair)
        finally:
            stage.provider.acted = lambda act: None
    case.assert_ends_well(stage, affair, "nothing")
    return seen[0]


@contextmanager
def mortal(stage: Stage) -> Iterator[Callable[[Case, Affair, int], str]]:
    """A process beside this one, whose children do a use case up to a step, and die there by SIGKILL."""
    words = {name: str(stage.app.config[name]) for name in TOLD}
    told = json.dumps({"config": words, "books": str(stage.provider.books)})
    log = Path(stage.app.instance_path) / "dying.log"
    command = [sys.executable, "-m", "tests.torture.dying", told]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, cwd=live.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        assert process.stdin and process.stdout

        def live_through(case: Case, affair: Affair, step: int) -> str:
            print(json.dumps({"case": case.name, "affair": asdict(affair), "step": step}), file=process.stdin, flush=True)
            answer = process.stdout.readline()  # type: ignore[union-attr]
            assert answer, log.read_text()
            how = json.loads(answer)
            assert how["signal"] == signal.SIGKILL, f"{case.name}, step {step}: {how}\n{log.read_text()}"
            return str(how["reached"])

        try:
            yield live_through
        finally:
            process.stdin.close()
