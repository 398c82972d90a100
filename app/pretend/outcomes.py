"""What the buttons of the payment page do: each plays one thing that happens with real providers."""

import secrets
import time
from dataclasses import dataclass, replace

from app.pretend.memory import DECLINED, PAID, Payment
from app.pretend.provider import MOMENT_SECONDS, Provider, event

LATE_SECONDS = 60.0  # after the end of the shop's hold
SLOW_FOR_SECONDS = 60.0
DOWN_FOR_SECONDS = 30.0
FIRST_SECONDS = 10.0  # after which others may deliver a webhook that was to come first


@dataclass(frozen=True)
class Outcome:
    """One button: its name in the form, what it says, and one line that explains it."""

    name: str
    button: str
    explanation: str


OUTCOMES = (
    Outcome("approve", "Pay: approve it", "The money is taken, and you go back to the shop."),
    Outcome("decline", "Do not pay: decline it", "The card is refused, and you go back to the shop."),
    Outcome("close", "Pay and close the tab", "The money is taken, but you never go back. Only a webhook tells the shop."),
    Outcome("twice", "Pay twice", "The money is taken a second time for the same order. The shop should send it back."),
    Outcome("first", "Pay, webhook first", "The shop hears of it from us before you are back."),
    Outcome("late", "Pay, webhook late", "The money is on its way until after the shop has stopped waiting for it."),
    Outcome("amount", "Pay a wrong amount", "We take less than the shop asked for. It must not count as paid."),
    Outcome("currency", "Pay in a wrong currency", "We take the same number in another currency. It must not count as paid."),
    Outcome("forged", "Forge a webhook", "Nobody pays, but somebody who is not us says that you did."),
    Outcome("slow", "Pay, then answer slowly", "The money is taken, but for a minute our answers take 8 seconds."),
    Outcome("down", "Pay, then break down", "The money is taken, but for half a minute we answer nothing (503)."),
)
NAMES = tuple(outcome.name for outcome in OUTCOMES)


def happen(provider: Provider, payment: Payment, name: str) -> None:
    """Play it: remember how the payment ended, and let the shop be told. What had ended before stays as it was.

    Twice: the second capture is a payment of its own here, under another reference that no shop asked for. The shop sees it in
    a second webhook whose `payment_key` is the attempt it knows and whose `reference` is not; the API answers for both.
    """
    now = time.time()
    soon = now + MOMENT_SECONDS
    if name == "forged":
        provider.memory.add_delivery(event(payment, "payment.paid", due_at=soon, is_forged=True))
        provider.postman.kick()
        return
    ended = replace(payment, state=PAID, paid_minor=payment.amount_minor, paid_currency=payment.currency)
    due_at, twin = soon, None
    match name:
        case "decline":
            ended = replace(payment, state=DECLINED)
        case "amount":
            ended = replace(ended, paid_minor=payment.amount_minor - 1 or 2)
        case "currency":
            ended = replace(ended, paid_currency="EUR" if payment.currency == "USD" else "USD")
        case "slow":
            ended = replace(ended, slow_until=now + SLOW_FOR_SECONDS)
        case "down":
            ended = replace(ended, down_until=now + DOWN_FOR_SECONDS)
        case "late":
            due_at = payment.expires_at + LATE_SECONDS
            ended = replace(ended, known_from=due_at)
        case "first":
            due_at = now + FIRST_SECONDS
        case "twice":
            twin = replace(ended, reference=new_reference(), idempotency_key=None)
    kind = "payment.declined" if name == "decline" else "payment.paid"
    told = [event(each, kind, due_at=due_at) for each in (ended, twin) if each]
    if not provider.memory.finish(ended, told, now=now, twin=twin):
        return
    if name == "first":
        provider.deliver_now(told[0].id)
    elif name != "late":
        provider.postman.kick()


def new_reference() -> str:
    return f"pay_{secrets.token_urlsafe(18)}"
