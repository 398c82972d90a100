"""Payment providers: one file each, all of one shape, listed by name.

A direct gateway waits for nobody: its orders are PROCESSING at once. A redirect gateway sends the shopper elsewhere: its orders
are on HOLD, with their stock held, until the provider's word was verified.
"""

from typing import Protocol

from app.gateways.delivery import PayOnDelivery


class Gateway(Protocol):
    """What every provider has. `origins` are the addresses a form may lead to, for the Content-Security-Policy."""

    name: str
    is_direct: bool
    origins: tuple[str, ...]


GATEWAYS: dict[str, Gateway] = {gateway.name: gateway for gateway in (PayOnDelivery(),)}
