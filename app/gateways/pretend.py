"""Pretend Pay: a provider that takes no money, asked over real HTTP as the others are. `app/pretend` plays it.

Its webhooks are signed as Stripe's are. Source: docs.stripe.com/webhooks, “Verify webhook signatures manually”.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote, urlsplit

from app.config import ConfigError, signing_keys
from app.gateways import http
from app.gateways.shape import Attempt, Event, Facts, Forged, GatewayDown, PaymentStart, Refused, Started, State

MERCHANT = "till-demo"
SIGNATURE = "Pretend-Signature"  # t=<unix seconds>,v1=<hex>[,v1=<hex>]
TOLERANCE_SECONDS = 300
STATES = {"open": State.OPEN, "paid": State.CAPTURED, "declined": State.FAILED, "expired": State.EXPIRED}


def api_key(secret: str) -> str:
    """What the shop shows to the provider's API. Elsewhere an owner copies it from the provider's site."""
    return derived(secret, "pretend gateway: API")


def webhook_secret(secret: str) -> str:
    """What the provider signs its webhooks with."""
    return derived(secret, "pretend gateway: webhooks")


def derived(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def signed(body: bytes, secret: str, at: int) -> str:
    """The signature of a webhook's raw body that is sent at this unix second."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


class Pretend:
    name = "pretend"
    is_direct = False
    asks_who_wrote = False
    merchant: str | None = MERCHANT

    def __init__(self, url: str, *, is_the_shop: bool, secrets: tuple[str, ...]) -> None:
        """`secrets` are the shop's signing keys, today's last."""
        self.url = url
        self.is_the_shop = is_the_shop
        self.origins: tuple[str, ...] = () if is_the_shop else (origin(url),)
        self.key = api_key(secrets[-1])
        self.webhook_secrets = [webhook_secret(secret) for secret in secrets]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        if not config["PRETEND_GATEWAY"]:
            return None
        if config["TILL_ENV"] == "production" and "pretend" not in config["ALLOW_IN_PRODUCTION"]:
            raise ConfigError(
                "PRETEND_GATEWAY=1 lets everybody order without paying; in production name it: ALLOW_IN_PRODUCTION=pretend."
            )
        url = config["PRETEND_URL"]
        return cls(url, is_the_shop=url == config["BASE_URL"], secrets=signing_keys(config))

    def refuses(self, amount_minor: int, currency: str) -> None:
        return None

    def start(self, request: PaymentStart) -> Started:
        told = {
            "order_key": request.order_key,
            "order_number": request.order_number,
            "payment_key": request.key,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
            "description": request.description,
            "return_url": request.return_url,
            "webhook_url": request.webhook_url,
            "expires_at": request.expires_at.timestamp(),
        }
        status, found = self._ask("POST", "payments", key=request.idempotency_key, json=told)
        if status in {409, 422}:
            raise Refused(f"it takes no such payment ({status})")
        reference = found.get("reference")
        if status not in {200, 201} or not isinstance(reference, str):
            raise GatewayDown(f"it answered {status}, which was not expected")
        # The shop answers at several addresses, and its cookies stay at the one where the shopper is.
        page = origin(request.return_url) if self.is_the_shop else self.url
        return Started(reference, f"{page}/pretend/pay/{quote(reference, safe='')}")

    def fetch(self, attempt: Attempt) -> Facts:
        status, found = self._ask("GET", f"payments/{quote(attempt.reference, safe='')}")
        if status == 404:
            raise Refused("it knows of no such payment")
        if status != 200:
            raise GatewayDown(f"it answered {status}, which was not expected")
        return facts(found)

    def capture(self, attempt: Attempt) -> Facts:
        """It takes the money when the shopper agrees, so there is nothing left to do."""
        return self.fetch(attempt)

    def refund(self, attempt: Attempt, amount_minor: int, key: str) -> str:
        place = f"payments/{quote(attempt.reference, safe='')}/refunds"
        status, found = self._ask("POST", place, key=key, json={"amount_minor": amount_minor})
        if status in {404, 409, 422}:
            raise Refused(f"it sends nothing back ({status})")
        reference = found.get("reference")
        if status not in {200, 201} or not isinstance(reference, str):
            raise GatewayDown(f"it answered {status}, which was not expected")
        return reference

    def events(self, body: bytes, headers: Mapping[str, str]) -> list[Event]:
        self._check(body, headers.get(SIGNATURE, ""))
        try:
            told = json.loads(body)
            about = told["data"]
            words = (told["id"], told["type"], about["reference"], about["payment_key"])
        except (ValueError, LookupError, TypeError) as error:
            raise Forged("its words are not the provider's") from error
        if not all(isinstance(word, str) for word in words):
            raise Forged("its words are not the provider's")
        return [Event(words[0], words[1], reference=words[2], payment_key=words[3])]

    def unsettled(self) -> list[str]:
        return []

    def _check(self, body: bytes, header: str) -> None:
        """Raise Forged unless one of the signatures is by one of our secrets, and of these minutes."""
        parts = [part.strip().partition("=") for part in header.split(",")]
        said_at = next((value for name, _, value in parts if name == "t"), "")
        if not (said_at.isascii() and said_at.isdigit() and len(said_at) < 12):
            raise Forged("it has no signature")
        at = int(said_at)
        given = [value.encode() for name, _, value in parts if name == "v1"]
        ours = [signed(body, secret, at).encode() for secret in self.webhook_secrets]
        if not any(hmac.compare_digest(one, other) for one in given for other in ours):
            raise Forged("its signature is not the provider's")
        if abs(time.time() - at) > TOLERANCE_SECONDS:
            raise Forged("its signature is not of these minutes")

    def _ask(self, method: str, place: str, *, key: str = "", **kwargs: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.key}"} | ({"Idempotency-Key": key} if key else {})
        with http.Session() as session:
            return http.ask(session, method, f"{self.url}/pretend/api/{place}", headers=headers, **kwargs)


def origin(url: str) -> str:
    """Scheme, host and port of an absolute address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def facts(found: Mapping[str, Any]) -> Facts:
    """What the provider's JSON says of a payment. Raises GatewayDown when that cannot be understood."""
    words = {name: found.get(name) for name in ("reference", "currency", "merchant", "order_key", "payment_key")}
    sums = {name: found.get(name) for name in ("amount_minor", "refunded_minor")}
    state = STATES.get(str(found.get("state")))
    if (
        state is None
        or not all(isinstance(word, str) for word in words.values())
        or {type(each) for each in sums.values()} != {int}
    ):
        raise GatewayDown("its answer is not understood")
    return Facts(state, **words, **sums)  # type: ignore[arg-type]
