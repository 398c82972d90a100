"""One short round of everything that the torture room does to payments; `make torture` runs it long."""

from collections.abc import Iterator

import pytest

from tests.databases import BACKENDS, Databases
from tests.torture.guards import Guard, tried
from tests.torture.money import Stage, stage
from tests.torture.money_faults import kill_payments, payment_failures
from tests.torture.money_guards import GUARDS, MoneyScene
from tests.torture.money_races import RACES, Race, run_race
from tests.torture.room import Pace, Room

pytestmark = pytest.mark.race
SEED, ROUNDS = 1, 2


@pytest.fixture(scope="module")
def room(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(databases, tmp_path_factory.mktemp("room"), SEED)


@pytest.fixture(scope="module", params=BACKENDS)
def scene(request: pytest.FixtureRequest, room: Room) -> Iterator[Stage]:
    """A shop with its provider, for all races of one database."""
    with stage(room, request.param) as scene:
        yield scene


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_what_comes_together_counts_once(scene: Stage, room: Room, race: Race):
    rounds = min(ROUNDS, max(1, race.rounds // 20))  # of the biggest crowds one

    run_race(scene, race, Pace(rounds), room.chance(race.name))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failing_statement_leaves_nothing_or_everything(room: Room, backend: str):
    payment_failures(room, backend, most=20)


@pytest.mark.parametrize("backend", BACKENDS)
def test_whoever_dies_is_made_whole_by_the_next_start(room: Room, backend: str):
    kill_payments(room, backend, most=12)


@pytest.fixture(scope="module")
def guarded(request: pytest.FixtureRequest, room: Room) -> Iterator[MoneyScene]:
    """A shop with its provider, for all guards of one database to be tried on."""
    with stage(room, request.param) as scene:
        yield MoneyScene(scene.app, request.param, scene)


ALL = [(backend, guard) for backend in BACKENDS for guard in GUARDS if backend in guard.backends]


@pytest.mark.parametrize(("guarded", "guard"), ALL, indirect=["guarded"], ids=lambda value: getattr(value, "name", value))
def test_each_guard_of_payments_is_missed_when_it_is_off(guarded: MoneyScene, guard: Guard):
    problem = tried(guarded, guard)

    assert not problem
