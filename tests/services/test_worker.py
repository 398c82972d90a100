"""The worker's rounds."""

from app.services import worker


def test_a_round_may_rest(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock[0])
    go = worker.every(60, lambda: 7)

    first, second = go(), go()
    clock[0] += 60

    assert [first, second, go(), go()] == [7, 0, 7, 0]
