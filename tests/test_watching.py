"""Looking after the shop from outside its worker, as `flask serve` does."""

import threading

import pytest

from app import watching
from app.extensions import now
from app.services import alarms, health
from app.services.worker import Stop
from tests.beats import beats, silent_worker
from tests.receiver import receiver

pytestmark = pytest.mark.usefixtures("app_context")


def test_whoever_opens_the_shop_tells_of_a_worker_that_falls_silent(app, monkeypatch):
    monkeypatch.setattr(alarms, "LOOK_SECONDS", 0.2)
    stop = Stop()
    with receiver() as taking:
        app.config["ALARM_URL"] = taking.url
        keep_looking = watching.begin(app)
        silent_worker()
        watching_too = threading.Thread(target=keep_looking, args=(stop,))
        watching_too.start()
        while len(taking.arrived) < 1:
            stop.wait(0.05)
        health.beat()
        while len(taking.arrived) < 2:
            stop.wait(0.05)
        stop.set()
        watching_too.join()

    assert taking.titles == ["Till Coffee: The worker is silent", "Till Coffee: The worker works again"]


def test_a_shop_that_was_closed_for_days_rings_nobody_when_it_opens(app):
    silent_worker()

    watching.begin(app)

    assert watching.troubles() == []
    assert (now() - beats()["worker"].ok_at).total_seconds() < 10
