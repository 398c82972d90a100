"""Looking after the shop from outside its worker: somebody must notice when the worker itself is silent."""

import threading
import time
from collections.abc import Callable

from flask import Flask, current_app

from app import templating
from app.extensions import db
from app.services import alarms, health
from app.services.worker import Stop


class Watch:
    """Looks whether trouble must be told, in a thread of its own: nobody waits for whoever takes an alarm."""

    def __init__(self, app: Flask):
        self.app = app
        self.turn = threading.Lock()
        self.last = float("-inf")

    def look(self) -> None:
        with self.app.app_context():
            try:
                alarms.look(templating.mailer(self.app))
            finally:
                db.session.remove()

    def look_aside(self) -> None:
        """Look soon, unless this process did a moment ago."""
        with self.turn:
            if time.monotonic() - self.last < alarms.LOOK_SECONDS:
                return
            self.last = time.monotonic()
        threading.Thread(target=self.look, name="watch", daemon=True).start()


def init_app(app: Flask) -> None:
    app.extensions["watch"] = Watch(app)


def troubles() -> list[health.Trouble]:
    """What is down, for a page of the staff; who must be told elsewhere is told, while the page goes on."""
    found = health.rows()
    if health.has_news(found):
        watch: Watch = current_app.extensions["watch"]
        watch.look_aside()
    return health.troubles(found)


def begin(app: Flask) -> Callable[[Stop], None]:
    """From now on the worker is missed; answers what looks every LOOK_SECONDS until it is told to stop."""
    health.expect(health.WORKER)
    watch: Watch = app.extensions["watch"]

    def keep_looking(stop: Stop) -> None:
        stop.wait(alarms.LOOK_SECONDS)
        while not stop.is_set:
            watch.look()
            stop.wait(alarms.LOOK_SECONDS)

    return keep_looking
