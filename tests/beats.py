"""Heartbeats as tests want them: the clock is moved by writing rows."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from app.extensions import db, now, transaction
from app.models.health import Heartbeat
from app.services import health

DOWN = health.DOWN_AFTER + timedelta(minutes=1)


def beats() -> dict[str, Heartbeat]:
    """Every heartbeat by its name."""
    db.session.rollback()
    db.session.expire_all()
    return {row.name: row for row in db.session.execute(select(Heartbeat)).scalars()}


def set_beat(name: str, **columns: Any) -> None:
    """Change columns of a heartbeat; it is made if there is none."""
    if name not in beats():
        health.ok(name)
    with transaction() as t:
        t.execute(update(Heartbeat).where(Heartbeat.name == name).values(**columns))


def silent_worker(for_: timedelta = DOWN) -> None:
    set_beat(health.WORKER, ok_at=now() - for_)


def fails(name: str, for_: timedelta = DOWN, error: str = "TimeoutError") -> None:
    set_beat(name, failed_at=now() - for_, last_error=error)
