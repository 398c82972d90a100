"""Zarinpal v4: the shopper pays at an Iranian bank, in rial, and the shop asks for the money by naming its amount.

Source: Zarinpal's payment gateway documentation, version 4.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self
from urllib.parse import quote

from app import money
from app.config import ConfigError
from app.gateways.http import Session, ask, origin, text, understood
from app.gateways.shape import Attempt, Event, Facts, Forged, GatewayDown, PaymentStart, Refused, Started, State

CURRENCY = "IRR"
LEAST_RIAL = 1000
LONGEST_DESCRIPTION = 500
LENGTH_OF_IDS = 36  # of a merchant's and of a payment's
# The page sends shoppers on to the bank that takes the card, and some browsers want a form's whole way allowed.
ONWARD = ("https://*.zarinpal.com", "https://*.shaparak.ir")

DONE, DONE_BEFORE = 100, 101
AMOUNT_DIFFERS, NOT_PAID = -50, -51
# Not about this payment, but about us there: the terminal, its address, its limits. Once that is mended, asking again helps.
NOT_NOW = {*range(-17, -8), -52}
CANNOT_REVERSE = {
    -60: "the bank does not take this one back",
    -61: "the payment is not in a state to be taken back",
    -62: "this server's address is not entered for the terminal",
    -63: "its thirty minutes are over",
}

STATES = {
    "IN_BANK": State.OPEN,
    "PAID": State.APPROVED,
    "VERIFIED": State.CAPTURED,
    "FAILED": State.FAILED,
    "REVERSED": State.CAPTURED,  # and sent back whole
}


class Zarinpal:
    name = "zarinpal"
    is_direct = False
    asks_who_wrote = False
    merchant: str | None = None  # it refuses to speak of payments that are not ours

    def __init__(self, merchant_id: str, url: str) -> None:
        self.merchant_id = merchant_id
        self.url = url.rstrip("/")
        self.origins: tuple[str, ...] = (origin(url), *(ONWARD if origin(url).endswith(".zarinpal.com") else ()))
        self.session = Session()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        merchant_id = config["ZARINPAL_MERCHANT_ID"]
        if not merchant_id:
            return None
        if len(merchant_id) != LENGTH_OF_IDS and config["TILL_ENV"] == "production":
            raise ConfigError(f"ZARINPAL_MERCHANT_ID has {len(merchant_id)} characters; Zarinpal gives {LENGTH_OF_IDS}.")
        return cls(merchant_id, config["ZARINPAL_URL"])

    def refuses(self, amount_minor: int, currency: str) -> str | None:
        if currency != CURRENCY:
            return "It takes Iranian rial only."
        if amount_minor % in_rial():
            return "It takes whole rials only."
        if amount_minor < LEAST_RIAL * in_rial():
            return "Your total is too small for it."
        return None

    def start(self, request: PaymentStart) -> Started:
        """Zarinpal knows no idempotency: told twice, it has two payments, and the shopper is sent to the one that we kept."""
        if sentence := self.refuses(request.amount_minor, request.currency):
            raise Refused(sentence)
        metadata = {"order_id": request.order_number} | ({"email": request.email} if request.email else {})
        code, data = self._ask(
            "request",
            amount=request.amount_minor // in_rial(),
            currency=CURRENCY,  # it would take toman, ten times as much, from who does not say
            description=request.description[:LONGEST_DESCRIPTION],
            callback_url=request.return_url,
            metadata=metadata,
        )
        if code != DONE:
            raise Refused(f"Zarinpal refused the payment ({code}).")
        with understood():
            authority = text(data["authority"], LENGTH_OF_IDS)
        return Started(authority, f"{self.url}/pg/StartPay/{quote(authority, safe='')}")

    def fetch(self, attempt: Attempt) -> Facts:
        code, data = self._ask("inquiry", authority=attempt.reference)
        if code == NOT_PAID:
            return Facts(State.OPEN, attempt.reference, attempt.amount_minor, CURRENCY)
        if code != DONE:
            raise Refused(f"Zarinpal does not show the payment ({code}).")
        with understood():
            state = STATES[data["status"]]
        # It tells neither amount nor order. The amount is proven when it is taken: `capture` names it and no other is paid out.
        facts = Facts(state, attempt.reference, attempt.amount_minor, CURRENCY)
        return replace(facts, refunded_minor=attempt.amount_minor) if data["status"] == "REVERSED" else facts

    def capture(self, attempt: Attempt) -> Facts:
        facts = Facts(State.CAPTURED, attempt.reference, attempt.amount_minor, CURRENCY)
        if self.refuses(attempt.amount_minor, attempt.currency):
            return replace(facts, state=State.APPROVED, amount_minor=0)  # we never asked for such a payment
        code, data = self._ask("verify", authority=attempt.reference, amount=attempt.amount_minor // in_rial())
        if code == AMOUNT_DIFFERS:
            # It does not say what was paid instead; nothing is the one amount that is never ours.
            return replace(facts, state=State.APPROVED, amount_minor=0)
        if code == NOT_PAID:
            return replace(facts, state=State.OPEN)
        if code not in (DONE, DONE_BEFORE):
            raise Refused(f"Zarinpal does not pay out the payment ({code}).")
        return replace(facts, capture_reference=str(data.get("ref_id") or ""))

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        """Zarinpal takes a whole payment back, within thirty minutes; what was taken back before is answered alike."""
        if amount_minor != attempt.amount_minor:
            raise Refused("Zarinpal sends back whole payments only: send this part by bank transfer.")
        code, _ = self._ask("reverse", authority=attempt.reference)
        if code != DONE and not (code in CANNOT_REVERSE and self.fetch(attempt).refunded_minor):
            reason = CANNOT_REVERSE.get(code, f"error {code}")
            raise Refused(f"Zarinpal does not send it back ({reason}): send it by bank transfer.")
        return attempt.reference

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        raise Forged("Zarinpal sends no webhooks")

    def unsettled(self) -> list[str]:
        code, data = self._ask("unVerified")
        if code != DONE:
            raise GatewayDown(f"it does not list what waits ({code})")
        with understood():
            return [text(waiting["authority"], LENGTH_OF_IDS) for waiting in data["authorities"]]

    def _ask(self, verb: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        """(code, data) that Zarinpal answers; HTTP's own status says nothing more. Raises GatewayDown."""
        body = {"merchant_id": self.merchant_id} | fields
        headers = {"Accept": "application/json"}
        _, answer = ask(self.session, "POST", f"{self.url}/pg/v4/payment/{verb}.json", json=body, headers=headers)
        with understood():
            # Whichever of the two has nothing to say is an empty list instead of an object.
            told = answer.get("errors") or answer["data"]
            code = int(told["code"])
        if code in NOT_NOW:
            raise GatewayDown(f"it does not serve this shop now ({code})")
        return code, told


def in_rial() -> int:
    """How many of our minor units make one rial."""
    return int(10 ** money.exponent(CURRENCY))
