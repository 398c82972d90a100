"""The database fails, or the whole process dies, between any two steps of what happens to an order and its money."""

import json
import math
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import exc

from app.extensions import Busy, db
from tests import live
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
        whole = {case.name: undisturbed(scene, case) for case in cases}
        steps = [
            (case, step, afterwards)
            for case in cases
            for step in range(1, whole[case.name].steps + 1)
            for afterwards in (False, True)
        ]
        room.chance("payment_failures").shuffle(steps)
        pace = Pace(min(most or len(steps), len(steps)), until)
        for number in pace:
            case, step, afterwards = steps[number]
            ends[fail(scene, case, step, afterwards, whole[case.name].pictures)] += 1
    return f"{pace.of('failures')} in {len(cases)} use cases ({told(ends)}); each ended well when it was tried again"


@dataclass
class Whole:
    """A use case that nothing disturbed."""

    pictures: list[Sequence[Any]]  # of what was there before it, and after each COMMIT: whatever fails must leave one of these
    steps: int = 0  # statements and commits
    acts: int = 0  # of the provider


def undisturbed(stage: Stage, case: Case) -> Whole:
    """Do it once, and look."""
    affair = case.prepare(stage)
    seen = Whole([picture(affair)])
    is_looking = False

    def count_step(_what: str) -> None:
        seen.steps += not is_looking

    def count_act(_what: str) -> None:
        seen.acts += 1

    def look() -> None:
        nonlocal is_looking
        is_looking = True
        seen.pictures.append(picture(affair))
        is_looking = False

    stage.provider.acted = count_act
    try:
        with hearing_steps(count_step, look):
            case.act(affair)
    finally:
        stage.provider.acted = silently
    assert 0 < seen.steps < MOST_STEPS
    return seen


def silently(_act: str) -> None:
    """Nobody listens."""


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
        counted = [(case, undisturbed(scene, case)) for case in cases]
        steps = [(case, step) for case, whole in counted for step in range(1, whole.steps + whole.acts + 1)]
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
