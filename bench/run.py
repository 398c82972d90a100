"""One run of the benchmark: how long and how often, where, and the shops that are measured, each made when first asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from app import config
from bench import data
from bench.data import Shop

Result = TypeVar("Result")
SMALL, LARGE, LARGE_QUICK, FOR_ORDERS = 200, 100_000, 5_000, 200
PLENTY = 1_000_000_000  # in stock, where running out is not what is measured


@dataclass
class Run:
    """`seconds` is the length of one round."""

    folder: Path
    seconds: float
    rounds: int
    is_quick: bool
    say: Callable[[str], None]
    places: int = field(default=0)

    @property
    def thread_counts(self) -> tuple[int, ...]:
        """As shipped, and one thread in each process."""
        return (self.shipped_threads, 1)

    @property
    def shipped_threads(self) -> int:
        return next(int(setting.default) for setting in config.SETTINGS if setting.name == "THREADS")

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the measured shops set: one address asks more often than any limit allows."""
        return {"RATELIMIT_ENABLED": 0}

    def place(self) -> Path:
        """A folder of its own for the next server."""
        self.places += 1
        return self.folder / f"place-{self.places}"

    @cached_property
    def demo(self) -> Shop:
        return self.made("the demo's shop", "demo", products=None)

    @cached_property
    def small(self) -> Shop:
        return self.made(f"a shop of {SMALL} products", "small", products=SMALL)

    @cached_property
    def large(self) -> Shop:
        return self.made(f"a shop of {self.large_size:,} products", "large", products=self.large_size)

    @property
    def large_size(self) -> int:
        return LARGE_QUICK if self.is_quick else LARGE

    @cached_property
    def for_orders(self) -> Shop:
        return self.made("a shop for orders", "orders", products=FOR_ORDERS, on_hand=PLENTY, apart=True)

    def made(self, told: str, name: str, **kinds: Any) -> Shop:
        self.say(f"making {told}")
        return data.make(name, self.folder, **kinds)

    def interleaved(self, sides: Mapping[str, Callable[[], Result]]) -> dict[str, list[Result]]:
        """Every side once in each round, so that what else the machine does falls on all alike."""
        results: dict[str, list[Result]] = {name: [] for name in sides}
        for number in range(self.rounds):
            for name, side in sides.items():
                self.say(f"round {number + 1} of {self.rounds}: {name}")
                results[name].append(side())
        return results
