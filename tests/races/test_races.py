"""One short round of each part of the torture room; `make torture` runs them long."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests.databases import BACKENDS, Databases
from tests.live import LiveServer
from tests.torture.cookies import fuzz_cookies
from tests.torture.faults import busy, statement_failures
from tests.torture.forms import fuzz_forms
from tests.torture.guards import GUARDS, Guard, Scene, tried
from tests.torture.kills import kill9
from tests.torture.races import RUSHES, double_submit, race_last_units
from tests.torture.room import Room

pytestmark = pytest.mark.race
SEED = 1

on_both = pytest.mark.parametrize("backend", BACKENDS)


class SharedRoom(Room):
    """A room whose real servers are started once, for all tests of a database."""

    def __init__(self, databases: Databases, folder: Path, stack: ExitStack):
        super().__init__(databases, folder, SEED, workers=2)
        self.stack = stack
        self.running: dict[str, tuple[Flask, LiveServer]] = {}

    @contextmanager
    def open_shop(self, backend: str) -> Iterator[tuple[Flask, LiveServer]]:
        if backend not in self.running:
            self.running[backend] = self.stack.enter_context(super().open_shop(backend))
        yield self.running[backend]


@pytest.fixture(scope="module")
def room(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with ExitStack() as stack:
        yield SharedRoom(databases, tmp_path_factory.mktemp("room"), stack)


@on_both
def test_the_last_units_go_to_whoever_comes_first(room, backend):
    race_last_units(room, backend, rounds=1, rushes=RUSHES[1:])


@on_both
def test_fifty_identical_submits_are_one_order(room, backend):
    double_submit(room, backend, rounds=1)


@on_both
def test_a_killed_server_loses_no_order_that_it_thanked_for(room, backend):
    kill9(room, backend, kills=1)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_no_altered_cart_cookie_shows_a_line(room, backend):
    fuzz_cookies(room, backend, cookies=500)


@on_both
def test_hostile_forms_are_taken_whole_or_given_back(room, backend):
    fuzz_forms(room, backend, forms=100)


@on_both
def test_a_failing_statement_leaves_nothing_or_everything(room, backend):
    statement_failures(room, backend)


@on_both
def test_a_busy_shop_gives_the_form_back(room, backend):
    busy(room, backend, away=False)


@pytest.fixture(scope="module")
def guarded(request: pytest.FixtureRequest, room: Room) -> Iterator[Scene]:
    """A shop for all guards of one database to be tried on."""
    with room.shop(request.param) as app:
        yield Scene(app, request.param)


ALL = [(backend, guard) for backend in BACKENDS for guard in GUARDS if backend in guard.backends]


@pytest.mark.parametrize(("guarded", "guard"), ALL, indirect=["guarded"], ids=lambda value: getattr(value, "name", value))
def test_each_guard_is_missed_when_it_is_off(guarded: Scene, guard: Guard):
    problem = tried(guarded, guard)

    assert not problem
