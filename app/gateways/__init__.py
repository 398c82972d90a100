"""Payment providers: one file each, all of one shape.

A direct gateway waits for nobody: its orders are PROCESSING at once. A redirect gateway sends the shopper elsewhere: its orders
are on HOLD, with their stock held, until the provider's word was verified. A provider without keys is not there.
"""

from collections.abc import Mapping
from typing import Any

from app.gateways.delivery import PayOnDelivery
from app.gateways.paypal import PayPal
from app.gateways.pretend import Pretend
from app.gateways.shape import Gateway
from app.gateways.stripe_checkout import StripeCheckout
from app.gateways.zarinpal import Zarinpal

KINDS: tuple[type[Gateway], ...] = (PayOnDelivery, StripeCheckout, PayPal, Zarinpal, Pretend)


def made(config: Mapping[str, Any]) -> dict[str, Gateway]:
    """The gateways that have their keys in these settings, by name. Raises ConfigError."""
    gateways = [kind.from_config(config) for kind in KINDS]
    return {gateway.name: gateway for gateway in gateways if gateway}
