"""What goes to a payment provider and what comes back, the same for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Self


class GatewayDown(Exception):
    """The provider could not be asked, or answered what cannot be understood: what became of the payment is not known."""


class Refused(Exception):
    """The provider understood, and will not do it, now or later. The message is for staff and holds no personal data."""


class Forged(Exception):
    """A webhook that the provider did not write, or not lately."""


class State(StrEnum):
    """What a provider says of one payment, whatever its own words are."""

    OPEN = "OPEN"  # the shopper has not paid, and still may
    APPROVED = "APPROVED"  # the shopper agreed; `capture` takes the money
    CAPTURED = "CAPTURED"  # the money is there, even if some of it went back since
    FAILED = "FAILED"  # declined
    EXPIRED = "EXPIRED"  # nobody paid, and nobody can any more


@dataclass(frozen=True, slots=True)
class PaymentStart:
    """One attempt to pay, as it is told to the provider."""

    key: str  # names the attempt in return addresses
    order_key: str
    order_number: str
    amount_minor: int
    currency: str
    email: str  # "" when whoever pays may not be told it
    locale: str
    description: str  # for the provider's page and the shopper's bank statement
    return_url: str  # absolute; where the shopper comes back to, paid or not
    webhook_url: str  # absolute; only the pretend provider is told, others have it from the shop's owner
    expires_at: datetime  # after which the shop does not wait any more
    idempotency_key: str  # starting twice with the same one is starting once


@dataclass(frozen=True, slots=True)
class Started:
    """The provider waits for the shopper at `url`, and knows the payment as `reference`."""

    reference: str
    url: str  # absolute


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment that the provider knows, as it is asked for."""

    key: str
    order_key: str
    reference: str
    capture_reference: str  # what is refunded, where that has a name of its own; else ""
    amount_minor: int
    currency: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the provider says of one payment at this moment. None stands for what its protocol never says."""

    state: State
    reference: str
    amount_minor: int
    currency: str
    merchant: str | None = None  # whose money it is, in the words of the gateway's `merchant`
    order_key: str | None = None  # what we had told it
    payment_key: str | None = None
    capture_reference: str = ""
    refunded_minor: int = 0  # of a captured amount, what went back


@dataclass(frozen=True, slots=True)
class Event:
    """What a genuine webhook is about; a hint to ask, and no proof of anything. It has a reference or a payment key, or both."""

    id: str  # unique among the provider's events
    kind: str  # the provider's word for it
    reference: str = ""
    payment_key: str = ""
    problem: str = ""  # what staff should look at, as one sentence; "" when nothing


class Gateway(Protocol):
    """What every provider has. Its name is that of its payment methods and of its webhook's address."""

    name: str
    is_direct: bool  # its orders wait for nobody, and of the methods below none is ever called
    asks_who_wrote: bool  # whether `events` has to ask the provider
    merchant: str | None  # who we are there, as `Facts.merchant` says it
    origins: tuple[str, ...]  # where a form may lead to, for the Content-Security-Policy

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        """The gateway with the keys of these settings, or None without. Raises ConfigError when production must not start so."""

    def refuses(self, amount_minor: int, currency: str) -> str | None:
        """Why it takes no payment of this amount, as a sentence for the shopper."""

    def start(self, request: PaymentStart) -> Started:
        """Tell the provider of a payment. Raises GatewayDown, Refused."""

    def fetch(self, attempt: Attempt) -> Facts:
        """Ask how a payment stands; changes nothing. Raises GatewayDown, Refused (it knows of no such payment)."""

    def capture(self, attempt: Attempt) -> Facts:
        """Take what the shopper approved; twice is once. Raises GatewayDown, Refused."""

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        """Send money back and answer the provider's reference; twice with one key is once. Raises GatewayDown, Refused."""

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        """What a webhook says. Raises Forged, GatewayDown."""

    def unsettled(self) -> list[str]:
        """References of payments that wait for `capture`, where a provider lists them. Raises GatewayDown."""
