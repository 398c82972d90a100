"""Payment providers: one file each, all of one shape, listed by name.

A direct gateway waits for nobody: its orders are PROCESSING at once. A redirect gateway sends the shopper elsewhere: its orders
are on HOLD, with their stock held, until the provider's word was verified.
"""

from typing import Protocol

from app.gateways.delivery import PayOnDelivery
from app.gateways.shape import GatewayDown, PaymentStart, Started

__all__ = ["GATEWAYS", "Gateway", "GatewayDown", "PaymentStart", "Started"]


class Gateway(Protocol):
    """What every provider has. `origins` are the addresses a form may lead to, for the Content-Security-Policy."""

    name: str
    is_direct: bool
    origins: tuple[str, ...]

    def start(self, request: PaymentStart) -> Started:
        """Tell the provider of a payment; only of redirect gateways is it asked. Raises GatewayDown."""


GATEWAYS: dict[str, Gateway] = {gateway.name: gateway for gateway in (PayOnDelivery(),)}
