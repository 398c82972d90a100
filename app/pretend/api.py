"""The provider's API, for the shop's gateway alone: payments, how they stand, and refunds."""

import functools
import hmac
import secrets
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeGuard
from urllib.parse import urlsplit

from flask import Response, abort, jsonify, make_response, request

from app.gateways.pretend import MERCHANT
from app.pretend import PROVIDER, bp, outcomes
from app.pretend.memory import PAID, Conflict, Payment, Unknown

P = ParamSpec("P")

SLOW_SECONDS = 8.0
MOST_MINOR = 10**12
LAST_MOMENT = 10**11  # unix seconds; further than anybody waits
LONGEST = 2000  # characters of one value
TEXTS = ("order_key", "order_number", "payment_key", "currency", "description", "return_url", "webhook_url")


def for_the_shop(view: Callable[P, Response]) -> Callable[P, Response]:
    """Let in whoever has the shop's key; say in JSON what else is wrong."""

    @functools.wraps(view)
    def answer(*args: P.args, **kwargs: P.kwargs) -> Response:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if not any(hmac.compare_digest(given, key.encode()) for key in PROVIDER.api_keys):
            return said(401, error="This needs the shop's key.")
        try:
            return view(*args, **kwargs)
        except Unknown:
            return said(404, error="There is no such payment.")
        except Conflict:
            return said(409, error="That cannot be had: the key names something else, or it is more than was paid.")

    return answer


def said(status: int, **words: Any) -> Response:
    response = make_response(jsonify(**words), status)
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.post("/api/payments")
@for_the_shop
def start() -> Response:
    """Take a payment in hand; asking twice with one Idempotency-Key is asking once."""
    told, key = body(), request.headers.get("Idempotency-Key", "")
    texts: dict[str, Any] = {name: told.get(name) for name in TEXTS}
    amount, expires_at = told.get("amount_minor"), told.get("expires_at")
    is_whole = key and texts["currency"] and all(is_text(value) for value in texts.values())
    if not (is_whole and is_amount(amount) and is_moment(expires_at)):
        return said(422, error="Something is missing, or is not what it should be.")
    if not all(is_web(texts[name]) for name in ("return_url", "webhook_url")):
        return said(422, error="An address is none.")
    asked = Payment(
        reference=outcomes.new_reference(), idempotency_key=key, amount_minor=amount, expires_at=float(expires_at), **texts
    )
    payment, is_new = PROVIDER.memory.add(asked)
    return said(201 if is_new else 200, **shown(payment))


@bp.get("/api/payments/<reference>")
@for_the_shop
def fetch(reference: str) -> Response:
    """How a payment stands."""
    payment = PROVIDER.memory.payment(reference)
    play(payment)
    return said(200, **shown(payment))


@bp.post("/api/payments/<reference>/refunds")
@for_the_shop
def refund(reference: str) -> Response:
    """Send money back, never more than came; asking twice with one Idempotency-Key is asking once."""
    key, amount = request.headers.get("Idempotency-Key", ""), body().get("amount_minor")
    if not key or not is_amount(amount):
        return said(422, error="Something is missing, or is not what it should be.")
    play(PROVIDER.memory.payment(reference))
    made = f"ref_{secrets.token_urlsafe(18)}"
    kept, is_new = PROVIDER.memory.refund(made, reference, amount, key, now=time.time())
    return said(201 if is_new else 200, reference=kept, amount_minor=amount)


def shown(payment: Payment) -> dict[str, Any]:
    """The payment in the API's words."""
    state = payment.state_at(time.time())
    is_paid = state == PAID
    return {
        "reference": payment.reference,
        "state": state,
        "merchant": MERCHANT,
        "order_key": payment.order_key,
        "payment_key": payment.payment_key,
        "amount_minor": payment.paid_minor if is_paid else payment.amount_minor,
        "currency": payment.paid_currency if is_paid else payment.currency,
        "refunded_minor": PROVIDER.memory.refunded_minor(payment.reference),
    }


def play(payment: Payment) -> None:
    """Be as slow or as broken for this payment as its button asked for."""
    now = time.time()
    if now < payment.down_until:
        abort(said(503, error="We are down."))
    if now < payment.slow_until:
        with PROVIDER.patience() as may_wait:
            time.sleep(SLOW_SECONDS if may_wait else 0)


def body() -> dict[str, Any]:
    found = request.get_json(silent=True)
    return found if isinstance(found, dict) else {}


def is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST


def is_amount(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value <= MOST_MINOR


def is_moment(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 <= value <= LAST_MOMENT


def is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and url.isascii() and url.isprintable()
