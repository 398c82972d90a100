"""Stripe's side: form-encoded requests, judged by the library's own descriptions of them."""

import hashlib
import hmac
import json
import re
import secrets
import typing
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import typing_extensions
from stripe.params import (
    _payment_intent_retrieve_params as intent_params,
    _refund_create_params as refund_params,
    _refund_list_params as refund_list_params,
)
from stripe.params.checkout import _session_create_params as session_params, _session_retrieve_params as session_read_params
from werkzeug.wrappers import Request, Response

from tests.providers.provider import Back, Refusal, Sale, Webhook, now

KEY = "sk_test_of_the_fake_provider"
SECRET = "whsec_of_the_fake_provider"
ZERO_DECIMALS = ("jpy", "krw")  # of those that tests use
LEAST = {"gbp": 30, "usd": 50, "eur": 50}
KINDS = {
    "paid": "checkout.session.completed",
    "approved": "checkout.session.completed",
    "declined": "checkout.session.async_payment_failed",
    "expired": "checkout.session.expired",
    "refunded": "charge.refunded",
    "refund-failed": "refund.failed",
    "disputed": "charge.dispute.created",
    "unknown": "customer.created",
}


class Stripe:
    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.answered: dict[str, tuple[Any, dict[str, Any]]] = {}  # by Idempotency-Key: what was asked, what was answered

    def settings(self, url: str) -> dict[str, Any]:
        return {
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_WEBHOOK_SECRETS": (SECRET,),
            "STRIPE_URL": url,
            "STRIPE_PAGE_URL": url,
        }

    def page(self, request: Request) -> str:
        return request.path.removeprefix("/c/pay/") if request.path.startswith("/c/pay/") else ""

    def speaks(self, request: Request) -> bool:
        return request.path.startswith(("/v1/checkout/", "/v1/refunds", "/v1/payment_intents/"))

    def fields(self, request: Request) -> Mapping[str, Any]:
        return nested(request.form if request.method == "POST" else request.args)

    def refusal(self, keys: bool = False) -> Response:
        return error(401, "invalid_api_key") if keys else error(400, "charge_disputed")

    def answer(self, request: Request, fields: Mapping[str, Any]) -> Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            raise Refusal(error(401, "invalid_api_key"))
        if not request.headers.get("Stripe-Version"):
            raise Refusal(error(400, "no_version"))
        path = request.path.removeprefix("/v1/")
        if request.method == "POST":
            make = {"checkout/sessions": self.create_session, "refunds": self.create_refund}.get(path)
            if make is None:
                raise Refusal(error(404, "resource_missing"))
            return self.once(request, fields, make)
        if path == "refunds":
            check(fields, refund_list_params, "RefundListParams")
            sale = self.of_intent(fields["payment_intent"])
            return answer({"object": "list", "has_more": False, "data": [refund(sale, back) for back in sale.refunds]})
        if path.startswith("payment_intents/"):
            check(fields, intent_params, "PaymentIntentRetrieveParams")
            return answer(intent(self.of_intent(path.rpartition("/")[2]), expanded=False))
        check(fields, session_read_params, "SessionRetrieveParams")
        return answer(session(self.sale(path.rpartition("/")[2]), expand=fields.get("expand", [])))

    def once(self, request: Request, fields: Mapping[str, Any], make: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "")
        if key in self.answered:
            before, said = self.answered[key]
            if before != (request.path, fields):
                raise Refusal(error(400, None, kind="idempotency_error"))
            return answer(said)
        said = make(fields)
        if key:
            self.answered[key] = ((request.path, fields), said)
        return answer(said)

    def create_session(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        check(fields, session_params, "SessionCreateParams")
        for required in ("mode", "line_items", "success_url"):
            need(required in fields, "parameter_missing", required)
        (item,) = fields["line_items"]
        price = item["price_data"]
        currency, units = price["currency"], int(price["unit_amount"])
        need(currency == currency.lower() and currency != "irr", "parameter_invalid", "currency")
        need(LEAST.get(currency, 1) <= units <= 99_999_999, "amount_too_small", "amount")
        need(now() + 1800 <= int(fields["expires_at"]) <= now() + 86400, "parameter_invalid", "expires_at")
        need(len(fields.get("client_reference_id", "x")) <= 200, "parameter_invalid", "client_reference_id")
        email = fields.get("customer_email", "a@example.com")
        need(email.isascii() and "@" in email, "email_invalid", "customer_email")
        for name in ("success_url", "cancel_url"):
            need(fields[name].startswith(("http://", "https://")), "url_invalid", name)
        sale = Sale(
            "stripe",
            reference=f"cs_test_{secrets.token_hex(24)}",
            minor=units,
            currency=currency.upper(),
            order_key=fields["client_reference_id"],
            payment_key=fields["metadata"]["payment"],
            return_url=fields["success_url"],
            cancel_url=fields["cancel_url"],
        )
        need(fields["payment_intent_data"]["metadata"] == fields["metadata"], "parameter_invalid", "metadata")
        self.provider.sales[sale.reference] = sale
        return session(sale) | {"url": f"{self.provider.url}/c/pay/{sale.reference}"}

    def create_refund(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        check(fields, refund_params, "RefundCreateParams")
        sale, units = self.of_intent(fields["payment_intent"]), int(fields["amount"])
        need(sale.refunded < sale.minor, "charge_already_refunded", None)
        need(0 < units <= sale.minor - sale.refunded, "amount_too_large", "amount")
        return refund(sale, self.provider.send_back(sale, units, fields.get("metadata")))

    def sale(self, reference: str) -> Sale:
        sale = self.provider.sales.get(reference)
        need(sale and sale.gateway == "stripe", "resource_missing", "id", 404)
        return sale

    def of_intent(self, reference: str) -> Sale:
        found = [sale for sale in self.provider.sales.values() if sale.gateway == "stripe" and intent_id(sale) == reference]
        need(found, "resource_missing", "payment_intent", 404)
        return found[0]

    def new_capture(self) -> str:
        return f"ch_{secrets.token_hex(12)}"

    def returned(self, sale: Sale, done: bool) -> str:
        return sale.return_url.replace("{CHECKOUT_SESSION_ID}", sale.reference) if done else sale.cancel_url

    def webhook(
        self, kind: str, sale: Sale, *, forged: bool = False, age: int = 0, id: str = "", secret: str = SECRET, **_: Any
    ) -> Webhook:
        about: dict[str, Any] = {"object": "customer", "id": "cus_1"}
        if kind == "refunded":
            about = charge(sale)
        elif kind == "refund-failed":
            about = refund(sale, sale.refunds[-1])
        elif kind == "disputed":
            about = {
                "object": "dispute",
                "id": "du_1",
                "payment_intent": intent_id(sale),
                "metadata": {},
                "status": "needs_response",
            }
        elif kind != "unknown":
            about = session(sale)
        event = {"id": id or f"evt_{secrets.token_hex(8)}", "object": "event", "type": KINDS[kind], "livemode": False}
        body = json.dumps(event | {"created": now() - age, "data": {"object": about}}, indent=2).encode()
        stamp = now() - age
        signature = hmac.new((b"nobody" if forged else secret.encode()), b"%d." % stamp + body, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={stamp},v1={signature},v0=0", "Content-Type": "application/json; charset=utf-8"}
        return Webhook("/webhooks/stripe", body, headers)


# --- objects as Stripe shows them ---


def session(sale: Sale, expand: typing.Sequence[str] = ()) -> dict[str, Any]:
    paid = sale.state == "paid"
    status = {"open": "open", "expired": "expired"}.get(sale.state, "complete")
    shows_intent = status == "complete"
    expanded = "payment_intent.latest_charge" in expand
    return {
        "id": sale.shown("reference"),
        "object": "checkout.session",
        "amount_total": sale.shown("amount_minor"),
        "currency": sale.shown("currency").lower(),
        "client_reference_id": sale.shown("order_key"),
        "livemode": sale.shown("merchant") is not None,
        "metadata": {"payment": sale.payment_key},
        "mode": "payment",
        "payment_intent": (intent(sale, expanded) if expanded else intent_id(sale)) if shows_intent else None,
        "payment_status": "paid" if paid else "unpaid",
        "status": status,
        "url": None,
    }


def intent(sale: Sale, expanded: bool) -> dict[str, Any]:
    status = {"paid": "succeeded", "pending": "processing"}.get(sale.state, "requires_payment_method")
    latest = (charge(sale) if expanded else sale.capture_id) if sale.capture_id else None
    metadata = {"payment": sale.payment_key}
    return {"id": intent_id(sale), "object": "payment_intent", "status": status, "latest_charge": latest, "metadata": metadata}


def charge(sale: Sale) -> dict[str, Any]:
    return {
        "id": sale.capture_id,
        "object": "charge",
        "amount": sale.minor,
        "amount_refunded": sale.refunded,
        "payment_intent": intent_id(sale),
        "metadata": {"payment": sale.payment_key},
    }


def refund(sale: Sale, back: Back) -> dict[str, Any]:
    status = "succeeded" if back.status == "done" else back.status
    found = {"id": back.id, "object": "refund", "amount": back.minor, "currency": sale.currency.lower(), "status": status}
    return found | {"payment_intent": intent_id(sale), "metadata": back.metadata}


def intent_id(sale: Sale) -> str:
    return f"pi_{sale.reference[-24:]}"


# --- requests as Stripe reads them ---


def nested(flat: Any) -> dict[str, Any]:
    """a[b][0][c]=d as dicts and lists."""
    tree: dict[str, Any] = {}
    for name, value in flat.items(multi=True):
        *path, last = re.findall(r"[^\[\]]+", name)
        if name.endswith("[]"):
            path, last = [*path, last], str(len(flat))
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return lists(tree)


def lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(name.isdigit() for name in tree):
        return [lists(value) for value in tree.values()]
    return {name: lists(value) for name, value in tree.items()}


def check(said: Any, module: Any, name: str) -> None:
    """Refuse parameters that the library's description of a request does not have."""
    fits(said, getattr(module, name), vars(module) | {"StripeContext": str}, name)


def fits(said: Any, wanted: Any, names: dict[str, Any], where: str) -> None:
    if isinstance(wanted, (str, typing.ForwardRef)):
        wanted = eval(wanted if isinstance(wanted, str) else wanted.__forward_arg__, names)
    origin, parts = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing_extensions.NotRequired:
        fits(said, parts[0], names, where)
    elif typing_extensions.is_typeddict(wanted):
        hints = {name: hint for kind in reversed(wanted.__mro__) for name, hint in getattr(kind, "__annotations__", {}).items()}
        need(isinstance(said, dict), "parameter_invalid", where)
        for missing in wanted.__required_keys__ - said.keys():
            need("NotRequired" in str(hints[missing]), "parameter_missing", f"{where}.{missing}")
        for name, value in said.items():
            need(name in hints, "parameter_unknown", f"{where}.{name}")
            fits(value, hints[name], names, f"{where}.{name}")
    elif origin in (list, typing.List):  # noqa: UP006
        need(isinstance(said, list), "parameter_invalid", where)
        for value in said:
            fits(value, parts[0], names, where)
    elif origin in (dict, typing.Dict):  # noqa: UP006
        need(isinstance(said, dict) and len(said) <= 50, "parameter_invalid", where)
        need(all(len(key) <= 40 and len(value) <= 500 for key, value in said.items()), "parameter_invalid", where)
    elif origin in (typing.Union, type(int | str)):
        # "Literal[…] | str" is how the library leaves room for words of tomorrow; we send today's.
        choices = [part for part in parts if part is not str or len(parts) == 1]
        for choice in choices:
            with suppress(Refusal):
                return fits(said, choice, names, where)
        need(False, "parameter_invalid", where)
    elif origin in (typing.Literal, typing_extensions.Literal):
        need(said in parts, "parameter_invalid", where)
    elif wanted is int:
        need(isinstance(said, str) and said.isdigit(), "parameter_invalid_integer", where)
    elif wanted is bool:
        need(said in ("true", "false"), "parameter_invalid", where)
    elif wanted is str:
        need(isinstance(said, str) and 0 < len(said) <= 5000, "parameter_invalid", where)


def need(holds: Any, code: str, param: str | None, status: int = 400) -> None:
    if not holds:
        raise Refusal(error(status, code, param=param))


def error(status: int, code: str | None, *, param: str | None = None, kind: str = "invalid_request_error") -> Response:
    message = f"Something about {param}: gus@example.com"  # real ones quote what they were sent
    said = {"error": {"type": kind, "code": code, "param": param and param.rpartition(".")[2], "message": message}}
    return Response(json.dumps(said), status, mimetype="application/json")


def answer(said: dict[str, Any]) -> Response:
    return Response(json.dumps(said), mimetype="application/json", headers={"Request-Id": "req_1"})
