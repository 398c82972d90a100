"""What goes to a payment provider and what comes back, the same for all of them."""

from dataclasses import dataclass


class GatewayDown(Exception):
    """The provider could not be asked, refused us, or answered what cannot be understood: nobody was sent anywhere."""


@dataclass(frozen=True, slots=True)
class PaymentStart:
    """One attempt to pay, as it is told to the provider."""

    key: str  # names the attempt in return addresses
    amount_minor: int
    currency: str
    order_number: str
    email: str
    description: str  # for the provider's page and the shopper's bank statement
    return_url: str
    idempotency_key: str  # starting twice with the same one is starting once


@dataclass(frozen=True, slots=True)
class Started:
    """The provider waits for the shopper at `url`, and knows the payment as `reference`."""

    reference: str
    url: str  # absolute
