"""What the tests of the back office share."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask


@pytest.fixture
def at_once(app: Flask) -> Callable[[Callable[[int], Any], int], list[Any]]:
    """Runs a function so many times at the same moment, each in a thread and context of its own, with its number; its answers."""

    def run(work: Callable[[int], Any], times: int) -> list[Any]:
        barrier = Barrier(times)

        def one(number: int) -> Any:
            with app.app_context():
                barrier.wait(10)
                return work(number)

        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(one, range(times)))

    return run
