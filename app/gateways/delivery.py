"""Pay on delivery: the money changes hands at the door, and staff record it."""

from collections.abc import Mapping
from typing import Any, NoReturn, Self

from app.gateways.shape import Attempt, Event, Facts, PaymentStart, Started


class PayOnDelivery:
    name = "delivery"
    is_direct = True
    asks_who_wrote = False
    merchant: str | None = None
    origins: tuple[str, ...] = ()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls()

    def refuses(self, amount_minor: int, currency: str) -> None:
        return None

    def start(self, request: PaymentStart) -> Started:
        self._leads_nowhere()

    def fetch(self, attempt: Attempt) -> Facts:
        self._leads_nowhere()

    def capture(self, attempt: Attempt) -> Facts:
        self._leads_nowhere()

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        self._leads_nowhere()

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        self._leads_nowhere()

    def unsettled(self) -> list[str]:
        return []

    def _leads_nowhere(self) -> NoReturn:
        raise NotImplementedError("there is nobody to be asked about a payment at the door")
