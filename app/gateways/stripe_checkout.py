"""Stripe Checkout: the shopper pays on Stripe's page, and Stripe takes the money by itself.

The module is not named stripe, which is its library. Source: Stripe's reference of Checkout Sessions, Refunds, Events,
webhook signatures and supported currencies.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from app import money
from app.config import ConfigError
from app.gateways.http import Session, address, origin, text, understood, whole
from app.gateways.shape import Attempt, Event, Facts, Forged, GatewayDown, PaymentStart, Refused, Started, State

# Those that Stripe counts otherwise than ISO 4217 are not all here: it says two things of UGX, and has no rial, IQD or LYD.
ZERO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THREE_DECIMALS = frozenset("BHD JOD KWD OMR TND".split())  # the last one is always 0
TWO_DECIMALS = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK
    DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR LRD
    LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD
    SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW""".split()
)
# In Stripe's units; what it takes at least where it says so. Elsewhere it is about half a US dollar.
LEAST = {"AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50, "GBP": 30, "HKD": 400}
LEAST |= {"HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200}
LEAST |= {"SEK": 300, "SGD": 50, "THB": 1000, "USD": 50}
MOST = 99_999_999

LOCALES = frozenset(
    """bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr
    vi zh zh-HK zh-TW""".split()
)
SOONEST = timedelta(minutes=30, seconds=30)  # Stripe's least is 30 minutes from when it reads it
LATEST = timedelta(hours=23, minutes=50)  # and its most a day
STEP = 300  # seconds between the ends that a session may have
TOLERANCE_SECONDS = 300  # of a signature

DISPUTED = "The shopper disputes this payment at their bank: answer in Stripe's dashboard before its deadline."
NOT_SENT_BACK = "Stripe could not send a refund of this payment back: look at it in Stripe's dashboard."


class StripeCheckout:
    name = "stripe"
    is_direct = False
    asks_who_wrote = True  # whose refund or dispute it is, too

    def __init__(self, secret_key: str, *, webhook_secrets: tuple[str, ...], url: str, page_url: str) -> None:
        import stripe  # only who is paid by Stripe waits for its library

        # At INFO it would write what Stripe says of an e-mail address; its telemetry would name this machine, by a file in a home
        # folder that a server may not have.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        stripe.enable_telemetry = False
        self.stripe = stripe
        client = stripe.StripeClient(
            secret_key,
            http_client=stripe.RequestsClient(session=Session()),
            max_network_retries=0,
            base_addresses={"api": url.rstrip("/")},
        )
        self.api = client.v1
        self.webhook_secrets = webhook_secrets
        self.merchant: str | None = "live" if secret_key.startswith(("sk_live_", "rk_live_")) else "test"
        self.origins: tuple[str, ...] = (origin(page_url),)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        secret_key, webhook_secrets = config["STRIPE_SECRET_KEY"], tuple(config["STRIPE_WEBHOOK_SECRETS"])
        if not secret_key:
            return None
        if not secret_key.startswith(("sk_live_", "sk_test_", "rk_live_", "rk_test_")):
            raise ConfigError(
                "STRIPE_SECRET_KEY is no secret key of Stripe's: one begins with sk_live_, sk_test_, rk_live_ or rk_test_."
            )
        if not webhook_secrets and config["TILL_ENV"] == "production":
            raise ConfigError("STRIPE_WEBHOOK_SECRETS is missing: without it no word of Stripe's can be believed.")
        return cls(
            secret_key,
            webhook_secrets=webhook_secrets,
            url=config["STRIPE_URL"],
            page_url=config["STRIPE_PAGE_URL"],
        )

    def refuses(self, amount_minor: int, currency: str) -> str | None:
        if decimals(currency) is None:
            return f"It does not take {currency}."
        try:
            units = to_stripe(amount_minor, currency)
        except ValueError:
            return f"It does not take this amount of {currency}."
        if units < LEAST.get(currency, 1):
            return "Your total is too small for it."
        return "Your total is too large for it." if units > MOST else None

    def start(self, request: PaymentStart) -> Started:
        if sentence := self.refuses(request.amount_minor, request.currency):
            raise Refused(sentence)
        metadata = {"payment": request.key, "order": request.order_number}
        price = {
            "currency": request.currency.lower(),
            "unit_amount": to_stripe(request.amount_minor, request.currency),
            "product_data": {"name": request.description},
        }
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "client_reference_id": request.order_key,
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata},
            "locale": locale(request.locale),
            "success_url": f"{request.return_url}?session_id={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{request.return_url}?cancelled=1",
            "adaptive_pricing": {"enabled": False},  # the shopper pays the amount and currency that our page showed
        }
        if request.email:
            params["customer_email"] = request.email
        session = self._create(params, ends(request.expires_at), request.idempotency_key)
        with understood():
            return Started(text(session["id"]), address(session["url"]))

    def _create(self, params: dict[str, Any], end: int, idempotency_key: str) -> dict[str, Any]:
        """A Checkout Session. Asking again must be asking the same, and what was asked some minutes ago had an earlier end."""
        for earlier in (0, STEP, 2 * STEP):
            asked: Any = {**params, "expires_at": end - earlier}
            try:
                with understood_by_stripe(self.stripe):
                    return self.api.checkout.sessions.create(asked, {"idempotency_key": idempotency_key}).to_dict()
            except OtherDetails:
                continue
            except EmailRefused:
                # Stripe is stricter than mail is; the shopper can type another one there.
                if params.pop("customer_email", None) is None:
                    raise
                return self._create(params, end, idempotency_key)
        raise OtherDetails("Stripe knows this payment with other details.")

    def fetch(self, attempt: Attempt) -> Facts:
        with understood_by_stripe(self.stripe):
            found = self.api.checkout.sessions.retrieve(attempt.reference, {"expand": ["payment_intent.latest_charge"]})
            return self._facts(found.to_dict())

    def _facts(self, session: Mapping[str, Any]) -> Facts:
        currency = text(session["currency"], 3).upper()
        intent = session.get("payment_intent") or {}
        refunded = 0
        if session["payment_status"] != "unpaid":
            state = State.CAPTURED
            if intent:
                refunded = whole(intent["latest_charge"]["amount_refunded"])
        elif session["status"] == "expired":
            state = State.EXPIRED
        elif session["status"] == "complete" and intent["status"] in ("requires_payment_method", "canceled"):
            state = State.FAILED  # a method that takes days, and came to nothing
        else:
            state = State.OPEN
        return Facts(
            state,
            reference=text(session["id"]),
            amount_minor=from_stripe(whole(session["amount_total"]), currency),
            currency=currency,
            merchant="live" if session["livemode"] is True else "test",
            order_key=session.get("client_reference_id") or "",
            payment_key=(session.get("metadata") or {}).get("payment") or "",
            capture_reference=text(intent["id"]) if intent and state is State.CAPTURED else "",
            refunded_minor=from_stripe(refunded, currency),
        )

    def capture(self, attempt: Attempt) -> Facts:
        return self.fetch(attempt)

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        """Stripe forgets an Idempotency-Key after a day; a refund carries ours, so that a later day finds it."""
        intent = attempt.capture_reference or self.fetch(attempt).capture_reference
        if not intent:
            raise Refused("Stripe holds no money of this payment.")
        with understood_by_stripe(self.stripe):
            made = self.api.refunds.list({"payment_intent": intent, "limit": 100}).to_dict()["data"]
            refund = next((one for one in made if (one.get("metadata") or {}).get("refund") == key), None)
            if refund is None:
                units = to_stripe(amount_minor, attempt.currency)
                metadata = {"refund": key, "payment": attempt.key}
                refund = self.api.refunds.create(
                    {"payment_intent": intent, "amount": units, "metadata": metadata}, {"idempotency_key": key}
                ).to_dict()
            if refund["status"] not in ("succeeded", "pending", "requires_action"):
                raise Refused(f"Stripe did not send it back ({text(refund['status'], 40)}).")
            return text(refund["id"])

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        if not is_signed(body, signature, self.webhook_secrets, now=time.time()):
            raise Forged("Stripe did not sign it, or not lately")
        with understood():
            event = json.loads(body)
            identity, kind, about = text(event["id"]), text(event["type"], 80), event["data"]["object"]
            if kind.startswith("checkout.session."):
                return [Event(identity, kind, text(about["id"]), (about.get("metadata") or {}).get("payment") or "")]
            if kind.startswith(("refund.", "charge.refund", "charge.dispute.")):
                return [Event(identity, kind, payment_key=self._payment_key(about), problem=problem(kind))]
            return [Event(identity, kind)]

    def _payment_key(self, about: Mapping[str, Any]) -> str:
        """Which payment of ours a charge, refund or dispute is about: it says so itself, or what was paid does; "" for none."""
        if key := (about.get("metadata") or {}).get("payment"):
            return str(key)
        intent = about.get("payment_intent")
        if not intent:
            return ""
        try:
            with understood_by_stripe(self.stripe):
                found = self.api.payment_intents.retrieve(text(intent)).to_dict()
                return str((found.get("metadata") or {}).get("payment") or "")
        except Refused:
            return ""

    def unsettled(self) -> list[str]:
        return []


class EmailRefused(Refused):
    """Stripe takes everything but the shopper's e-mail."""


class OtherDetails(Refused):
    """Stripe was told the same Idempotency-Key with something else."""


@contextmanager
def understood_by_stripe(stripe: Any) -> Iterator[None]:
    """The library's errors in the words of all gateways. What they quote may be personal, so no word of theirs goes on."""
    try:
        with understood():
            yield
    except stripe.StripeError as error:
        raise meaning(error, stripe) from None


def meaning(error: Any, stripe: Any) -> Exception:
    status, code = error.http_status, error.code
    if isinstance(error, stripe.IdempotencyError):
        return OtherDetails("Stripe knows this request with other details.")
    if status in (400, 402, 404) and not isinstance(error, stripe.RateLimitError):
        refused = EmailRefused if getattr(error, "param", None) == "customer_email" else Refused
        return refused(f"Stripe refused it: {code or status}.")
    if status in (401, 403):
        return GatewayDown(f"it does not accept this shop's key ({status})")
    return GatewayDown(f"it answered {status}" if status else "it could not be asked")


def is_signed(body: bytes, header: str, secrets: tuple[str, ...], *, now: float) -> bool:
    """Whether one of these secrets signed this body within the tolerance; a header may carry several signatures."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value.encode() for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit() and len(stamps[0]) < 15):
        return False
    signed = stamps[0].encode() + b"." + body
    wanted = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode() for secret in secrets]
    is_ours = any(hmac.compare_digest(one, other) for one in wanted for other in signatures)
    return is_ours and abs(now - int(stamps[0])) <= TOLERANCE_SECONDS


def problem(kind: str) -> str:
    return {"charge.dispute.created": DISPUTED, "refund.failed": NOT_SENT_BACK}.get(kind, "")


def ends(expires_at: datetime) -> int:
    """When a session ends: as the shop's hold does, within Stripe's limits, in steps; so that asking again soon asks the same."""
    now = datetime.now(UTC)
    wanted = min(max(expires_at, now + SOONEST), now + LATEST)
    return -(-int(wanted.timestamp()) // STEP) * STEP


def locale(wanted: str) -> str:
    """Stripe's name of the language that comes nearest."""
    tag = wanted.replace("_", "-")
    return next((one for one in (tag, tag.partition("-")[0]) if one in LOCALES), "auto")


def decimals(currency: str) -> int | None:
    """How many decimals an amount has at Stripe; None for what it does not take."""
    kinds = ((ZERO_DECIMALS, 0), (TWO_DECIMALS, 2), (THREE_DECIMALS, 3))
    return next((digits for currencies, digits in kinds if currency in currencies), None)


def to_stripe(amount_minor: int, currency: str) -> int:
    """The amount in Stripe's units. Raises ValueError when it is not one that Stripe takes."""
    units = scaled(amount_minor, (decimals(currency) or 0) - money.exponent(currency))
    if currency in THREE_DECIMALS and units % 10:
        raise ValueError("more decimals than Stripe takes")
    return units


def from_stripe(units: int, currency: str) -> int:
    """The amount in our minor units. Raises ValueError when it has more decimals than the currency."""
    digits = decimals(currency)
    if digits is None:
        raise ValueError("a currency that Stripe does not have")
    return scaled(units, money.exponent(currency) - digits)


def scaled(amount: int, power: int) -> int:
    if power >= 0:
        return int(amount * 10**power)
    whole_units, rest = divmod(amount, 10**-power)
    if rest:
        raise ValueError("not a whole number of units")
    return whole_units
