"""PayPal Orders v2: the shopper approves at PayPal, and the shop takes the money then.

Source: PayPal's reference of Orders v2, Payments v2, Webhooks v1 and currency codes.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlsplit

from app import money
from app.config import ConfigError
from app.gateways.http import Session, address, ask, origin, text, understood
from app.gateways.shape import Attempt, Event, Facts, Forged, GatewayDown, PaymentStart, Refused, Started, State

CURRENCIES = frozenset("AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split())
WHOLE_ONLY = frozenset(("HUF", "JPY", "TWD"))
LONGEST_DESCRIPTION = 127
LOCALE = re.compile(r"[a-z]{2}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
EARLIER_SECONDS = 60  # a token is renewed before it ends
# PayPal repeats a webhook for three days. A replay only makes us ask once more, so a shorter time gains nothing, and would lose
# news of money.
WEBHOOK_DAYS = 4

DISPUTED = "The shopper disputes this payment at PayPal: answer in PayPal's resolution centre before its deadline."
REVERSED = "PayPal took this payment back from the shop: look at it in PayPal's resolution centre."


class Token(NamedTuple):
    value: str
    ends: float  # by time.monotonic()


class PayPal:
    name = "paypal"
    is_direct = False
    asks_who_wrote = True

    def __init__(self, client_id: str, secret: str, *, webhook_id: str, merchant: str | None, url: str, page_url: str) -> None:
        self.keys = (client_id, secret)
        self.webhook_id = webhook_id
        self.merchant = merchant
        self.url = url.rstrip("/")
        self.origins: tuple[str, ...] = (origin(page_url),)
        self.session = Session()
        self.token = Token("", 0.0)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        client_id, secret = config["PAYPAL_CLIENT_ID"], config["PAYPAL_CLIENT_SECRET"]
        if not client_id and not secret:
            return None
        if not client_id or not secret:
            raise ConfigError("PAYPAL_CLIENT_ID and PAYPAL_CLIENT_SECRET belong together; one of them is missing.")
        if not config["PAYPAL_WEBHOOK_ID"] and config["TILL_ENV"] == "production":
            raise ConfigError("PAYPAL_WEBHOOK_ID is missing: without it no word of PayPal's can be believed.")
        return cls(
            client_id,
            secret,
            webhook_id=config["PAYPAL_WEBHOOK_ID"],
            merchant=config["PAYPAL_MERCHANT_ID"] or None,
            url=config["PAYPAL_URL"],
            page_url=config["PAYPAL_PAGE_URL"],
        )

    def refuses(self, amount_minor: int, currency: str) -> str | None:
        if currency not in CURRENCIES:
            return f"It does not take {currency}."
        if currency in WHOLE_ONLY and amount_minor % 10 ** money.exponent(currency):
            return f"It takes whole {currency} only."
        if amount_minor <= 0:
            return "Your total is too small for it."
        return None

    def start(self, request: PaymentStart) -> Started:
        if sentence := self.refuses(request.amount_minor, request.currency):
            raise Refused(sentence)
        experience = {
            "return_url": request.return_url,
            "cancel_url": f"{request.return_url}?cancelled=1",
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",  # where it goes was asked at our checkout, and is not told
        }
        if LOCALE.fullmatch(locale := request.locale.replace("_", "-")):
            experience["locale"] = locale
        unit = {
            "custom_id": request.order_key,
            "invoice_id": request.key,
            "description": request.description[:LONGEST_DESCRIPTION],
            "amount": amount(request.amount_minor, request.currency),
        }
        body = {
            "intent": "CAPTURE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": experience}},
        }
        found = self._do("POST", "/v2/checkout/orders", json=body, headers={"PayPal-Request-Id": request.idempotency_key})
        with understood():
            links = {link["rel"]: link["href"] for link in found["links"]}
            return Started(text(found["id"]), address(links.get("payer-action") or links["approve"]))

    def fetch(self, attempt: Attempt) -> Facts:
        status, found = self._ask("GET", f"/v2/checkout/orders/{quote(attempt.reference, safe='')}")
        if status == 404:  # PayPal forgets what nobody approved within some hours, and keeps whatever moved money
            return Facts(State.EXPIRED, attempt.reference, attempt.amount_minor, attempt.currency)
        refuse(status, found)
        with understood():
            return self._facts(found)

    def _facts(self, order: Mapping[str, Any]) -> Facts:
        (unit,) = order["purchase_units"]
        state, refunded_minor = State.OPEN, 0
        payments = unit.get("payments") or {}
        taken = best(payments.get("captures") or [])
        paid = taken["amount"] if taken else unit["amount"]
        currency = text(paid["currency_code"], 3)
        if order["status"] == "VOIDED":
            state = State.EXPIRED
        elif taken:
            state = CAPTURE_STATES[taken["status"]]
            back = [refund for refund in payments.get("refunds") or [] if refund["status"] in ("COMPLETED", "PENDING")]
            refunded_minor = sum(minor(refund["amount"], currency) for refund in back)
            if taken["status"] == "REFUNDED":
                refunded_minor = refunded_minor or minor(paid, currency)
        elif order["status"] == "APPROVED":
            state = State.APPROVED
        elif order["status"] not in ("CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "PENDING_APPROVAL"):
            raise ValueError("an order that is completed, and nothing was captured")
        return Facts(
            state,
            reference=text(order["id"]),
            amount_minor=minor(paid, currency),
            currency=currency,
            merchant=((unit.get("payee") or {}).get("merchant_id") or "") if self.merchant else None,
            order_key=unit.get("custom_id") or "",
            payment_key=unit.get("invoice_id") or "",
            capture_reference=text(taken["id"]) if taken and state is State.CAPTURED else "",
            refunded_minor=refunded_minor,
        )

    def capture(self, attempt: Attempt) -> Facts:
        # No PayPal-Request-Id: PayPal takes an order once by itself, and with one it would repeat yesterday's decline for ever.
        path = f"/v2/checkout/orders/{quote(attempt.reference, safe='')}/capture"
        status, found = self._ask("POST", path, json={})
        issue = issue_of(found) if status >= 400 else ""
        if issue not in ("", "ORDER_ALREADY_CAPTURED", "INSTRUMENT_DECLINED", "ORDER_NOT_APPROVED") and status != 404:
            refuse(status, found)
        facts = self.fetch(attempt)
        if issue == "INSTRUMENT_DECLINED" and facts.state in (State.OPEN, State.APPROVED):
            return replace(facts, state=State.FAILED)
        if issue == "ORDER_NOT_APPROVED" and facts.state is State.APPROVED:
            return replace(facts, state=State.OPEN)
        return facts

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        reference = attempt.capture_reference or self.fetch(attempt).capture_reference
        if not reference:
            raise Refused("PayPal holds no money of this payment.")
        body = {"amount": amount(amount_minor, attempt.currency)}
        path = f"/v2/payments/captures/{quote(reference, safe='')}/refund"
        found = self._do("POST", path, json=body, headers={"PayPal-Request-Id": key, "Prefer": "return=representation"})
        with understood():
            if found["status"] not in ("COMPLETED", "PENDING"):
                raise Refused(f"PayPal did not send it back ({text(found['status'], 40)}).")
            return text(found["id"])

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        said = {name.lower(): value for name, value in headers.items()}
        try:
            fields = {
                "auth_algo": said["paypal-auth-algo"],
                "cert_url": said["paypal-cert-url"],
                "transmission_id": said["paypal-transmission-id"],
                "transmission_sig": said["paypal-transmission-sig"],
                "transmission_time": said["paypal-transmission-time"],
                "webhook_id": self.webhook_id,
            }
            sent = datetime.fromisoformat(fields["transmission_time"])
            event = json.loads(body.decode())
        except (KeyError, ValueError, RecursionError):
            raise Forged("it lacks what PayPal always sends") from None
        if not isinstance(event, dict) or not self.webhook_id:
            raise Forged("it is no event, or nobody could tell")
        if sent.tzinfo is None or datetime.now(UTC) - sent > timedelta(days=WEBHOOK_DAYS):
            raise Forged("it is too old")
        # The signature is over the bytes as they came; read and written anew, they would be others.
        question = json.dumps(fields)[:-1].encode() + b', "webhook_event": ' + body + b"}"
        status, found = self._ask(
            "POST",
            "/v1/notifications/verify-webhook-signature",
            data=question,
            headers={"Content-Type": "application/json"},
        )
        if status in (400, 422) or (status == 200 and found.get("verification_status") == "FAILURE"):
            raise Forged("PayPal did not write it")
        if status != 200 or found.get("verification_status") != "SUCCESS":
            raise GatewayDown(f"it does not say whether it wrote a webhook ({status})")
        with understood():
            return [self._event(event)]

    def _event(self, event: Mapping[str, Any]) -> Event:
        identity, kind = text(event["id"]), text(event["event_type"], 80)
        resource = event.get("resource") or {}
        if kind.startswith("CHECKOUT.ORDER."):
            (unit,) = resource.get("purchase_units") or [{}]
            return Event(identity, kind, text(resource["id"]), unit.get("invoice_id") or "")
        if kind.startswith("PAYMENT.CAPTURE."):
            reference, key = named(resource)
            if not reference and (up := [link["href"] for link in resource.get("links", ()) if link["rel"] == "up"]):
                reference, key = self._of_capture(urlsplit(up[0]).path.rpartition("/")[2])
            return Event(identity, kind, reference, key, problem=REVERSED if kind.endswith(".REVERSED") else "")
        if kind == "CUSTOMER.DISPUTE.CREATED":
            (disputed, *_) = resource["disputed_transactions"]
            key = disputed.get("invoice_number") or ""
            reference, key = ("", key) if key else self._of_capture(text(disputed["seller_transaction_id"]))
            return Event(identity, kind, reference, key, problem=DISPUTED)
        return Event(identity, kind)

    def _of_capture(self, capture_id: str) -> tuple[str, str]:
        """(reference, payment key) that a capture belongs to; nothing of one that is not ours."""
        status, found = self._ask("GET", f"/v2/payments/captures/{quote(capture_id, safe='')}")
        return named(found) if status == 200 else ("", "")

    def unsettled(self) -> list[str]:
        return []

    def _do(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        status, found = self._ask(method, path, **kwargs)
        refuse(status, found)
        return found

    def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> tuple[int, dict[str, Any]]:
        """What PayPal answers to whoever has a token; a new one, when it does not know ours any more. Raises GatewayDown."""
        for renew in (False, True):
            carried = {**(headers or {}), "Authorization": f"Bearer {self._token(renew)}"}
            status, found = ask(self.session, method, self.url + path, headers=carried, **kwargs)
            if status != 401:
                break
        if status in (401, 403):
            raise GatewayDown(f"it does not accept this shop's keys ({status})")
        return status, found

    def _token(self, renew: bool) -> str:
        """Two threads may both fetch one; either is good, and nobody waits for the other."""
        token = self.token
        if renew or token.ends <= time.monotonic():
            form = {"grant_type": "client_credentials"}
            status, found = ask(self.session, "POST", f"{self.url}/v1/oauth2/token", data=form, auth=self.keys)
            if status != 200:
                raise GatewayDown(f"it does not accept this shop's keys ({status})")
            with understood():
                ends = time.monotonic() + int(found["expires_in"]) - EARLIER_SECONDS
                token = self.token = Token(text(found["access_token"], 4000), ends)
        return token.value


CAPTURE_STATES = {
    "COMPLETED": State.CAPTURED,
    "PARTIALLY_REFUNDED": State.CAPTURED,
    "REFUNDED": State.CAPTURED,
    "PENDING": State.OPEN,  # on its way, and not ours yet
    "DECLINED": State.FAILED,
    "FAILED": State.FAILED,
}


def best(captures: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of an order's captures the one that counts: money there, before money on its way, before what failed."""
    order = [State.CAPTURED, State.OPEN, State.FAILED]
    return min(captures, key=lambda capture: order.index(CAPTURE_STATES[capture["status"]]), default=None)


def amount(amount_minor: int, currency: str) -> dict[str, str]:
    """The amount as PayPal reads it: no decimals where it takes none."""
    value = money.plain(amount_minor, currency)
    return {"currency_code": currency, "value": value.partition(".")[0] if currency in WHOLE_ONLY else value}


def minor(said: Mapping[str, Any], currency: str) -> int:
    if said["currency_code"] != currency:
        raise ValueError("two currencies in one payment")
    return money.parse(text(said["value"], 32), currency)


def named(capture: Mapping[str, Any]) -> tuple[str, str]:
    """(reference, payment key) that a capture itself tells."""
    related = (capture.get("supplementary_data") or {}).get("related_ids") or {}
    return related.get("order_id") or "", capture.get("invoice_id") or ""


def issue_of(answer: Mapping[str, Any]) -> str:
    """PayPal's word for what is wrong."""
    with understood():
        (first, *_) = answer.get("details") or [{}]
        return text(first.get("issue") or answer["name"], 80)


def refuse(status: int, answer: Mapping[str, Any]) -> None:
    """Raises Refused when that is what PayPal answered."""
    if status >= 400:
        debug = answer.get("debug_id")
        raise Refused(
            f"PayPal refused it: {issue_of(answer)}" + (f", its debug id is {debug}." if isinstance(debug, str) else ".")
        )
