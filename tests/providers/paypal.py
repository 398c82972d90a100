"""PayPal's side: JSON in exact shapes, tokens that end, and webhooks that only PayPal itself can judge."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from app import money
from tests.providers.provider import Refusal, Sale, Webhook, with_query

CLIENT_ID, CLIENT_SECRET = "client-of-the-fake", "secret-of-the-fake"
WEBHOOK_ID = "WH1FAKE"
MERCHANT = "MERCHANTFAKE1"
SIGNING_KEY = b"only PayPal knows"
WHOLE_ONLY = ("HUF", "JPY", "TWD")
CURRENCIES = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD".split()
KINDS = {
    "paid": "PAYMENT.CAPTURE.COMPLETED",
    "approved": "CHECKOUT.ORDER.APPROVED",
    "declined": "PAYMENT.CAPTURE.DENIED",
    "expired": "CHECKOUT.ORDER.VOIDED",
    "refunded": "PAYMENT.CAPTURE.REFUNDED",
    "reversed": "PAYMENT.CAPTURE.REVERSED",
    "disputed": "CUSTOMER.DISPUTE.CREATED",
    "unknown": "BILLING.PLAN.CREATED",
}
ORDER = {"intent", "purchase_units", "payment_source"}
UNIT = {"reference_id", "custom_id", "invoice_id", "description", "amount", "soft_descriptor"}
EXPERIENCE = {"return_url", "cancel_url", "user_action", "shipping_preference", "locale", "brand_name", "landing_page"}
BACK = {"done": "COMPLETED", "failed": "FAILED"}
VERIFICATION = {f"transmission_{part}" for part in ("id", "sig", "time")} | {
    "auth_algo",
    "cert_url",
    "webhook_id",
    "webhook_event",
}


class PayPal:
    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.tokens: set[str] = set()
        self.expires_in = 32400
        self.answered: dict[str, tuple[Any, dict[str, Any]]] = {}  # by PayPal-Request-Id

    def settings(self, url: str) -> dict[str, Any]:
        return {
            "PAYPAL_CLIENT_ID": CLIENT_ID,
            "PAYPAL_CLIENT_SECRET": CLIENT_SECRET,
            "PAYPAL_WEBHOOK_ID": WEBHOOK_ID,
            "PAYPAL_MERCHANT_ID": MERCHANT,
            "PAYPAL_URL": url,
            "PAYPAL_PAGE_URL": url,
        }

    def page(self, request: Request) -> str:
        return request.args.get("token", "") if request.path == "/checkoutnow" else ""

    def speaks(self, request: Request) -> bool:
        return request.path.startswith(("/v1/oauth2/", "/v2/", "/v1/notifications/"))

    def fields(self, request: Request) -> Mapping[str, Any]:
        if request.mimetype == "application/json":
            found = json.loads(request.get_data() or b"{}")
            return found if isinstance(found, dict) else {}
        return request.form.to_dict()

    def refusal(self, keys: bool = False) -> Response:
        return error(401, "AUTHENTICATION_FAILURE") if keys else error(422, "PAYEE_ACCOUNT_RESTRICTED")

    def answer(self, request: Request, fields: Mapping[str, Any]) -> Response:
        if request.path == "/v1/oauth2/token":
            return self.token(request, fields)
        said = request.headers.get("Authorization", "").removeprefix("Bearer ")
        need(said in self.tokens, "INVALID_TOKEN", 401)
        if request.method == "POST":
            need(request.mimetype == "application/json", "MALFORMED_REQUEST_JSON", 415)
        if request.path == "/v1/notifications/verify-webhook-signature":
            return self.verify(request.get_data(), fields)
        match request.method, request.path.split("/")[2:]:
            case "POST", ["checkout", "orders"]:
                return self.once(request, fields, self.create)
            case "GET", ["checkout", "orders", reference]:
                return answer(order(self.sale(reference)))
            case "POST", ["checkout", "orders", reference, "capture"]:
                return self.capture(self.sale(reference))
            case "GET", ["payments", "captures", capture_id]:
                return answer(capture(self.of_capture(capture_id)))
            case "POST", ["payments", "captures", capture_id, "refund"]:
                return self.once(request, fields, lambda said: self.refund(self.of_capture(capture_id), said))
        raise Refusal(error(404, "RESOURCE_NOT_FOUND"))

    def token(self, request: Request, fields: Mapping[str, Any]) -> Response:
        keys = request.authorization
        is_known = keys is not None and (keys.username, keys.password) == (CLIENT_ID, CLIENT_SECRET)
        need(is_known, "invalid_client", 401)
        need(fields == {"grant_type": "client_credentials"}, "unsupported_grant_type", 400)
        token = secrets.token_urlsafe(40)
        self.tokens.add(token)
        return answer({"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in, "app_id": "APP-1"})

    def once(self, request: Request, fields: Mapping[str, Any], make: Any) -> Response:
        key = request.headers.get("PayPal-Request-Id", "")
        need(len(key) <= 108, "INVALID_PAYPAL_REQUEST_ID", 400)
        if key in self.answered:
            before, said = self.answered[key]
            need(before == (request.path, fields), "PAYPAL_REQUEST_ID_PREVIOUSLY_USED", 422)
            return answer(said)
        said = make(fields)
        if key:
            self.answered[key] = ((request.path, fields), said)
        return answer(said, 201)

    def create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        exact(fields, ORDER, ORDER)
        need(fields["intent"] == "CAPTURE", "INVALID_PARAMETER_VALUE")
        (unit,) = fields["purchase_units"]
        exact(unit, UNIT, {"amount"})
        for name in ("custom_id", "invoice_id", "description"):
            need(1 <= len(unit[name]) <= 127, "INVALID_STRING_LENGTH")
        minor = read(unit["amount"])
        experience = fields["payment_source"]["paypal"]["experience_context"]
        exact(experience, EXPERIENCE, {"return_url", "cancel_url"})
        need(experience["user_action"] in ("PAY_NOW", "CONTINUE"), "INVALID_PARAMETER_VALUE")
        need(experience["shipping_preference"] in ("NO_SHIPPING", "GET_FROM_FILE"), "INVALID_PARAMETER_VALUE")
        locale = experience.get("locale", "en-GB")
        need(re.fullmatch(r"[a-z]{2}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", locale), "INVALID_PARAMETER_SYNTAX")
        for name in ("return_url", "cancel_url"):
            need(experience[name].startswith(("http://", "https://")), "INVALID_PARAMETER_SYNTAX")
        sale = Sale(
            "paypal",
            reference="".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(17)),
            minor=minor,
            currency=unit["amount"]["currency_code"],
            order_key=unit["custom_id"],
            payment_key=unit["invoice_id"],
            return_url=experience["return_url"],
            cancel_url=experience["cancel_url"],
        )
        self.provider.sales[sale.reference] = sale
        links = [
            {"rel": "self", "method": "GET", "href": f"{self.provider.url}/v2/checkout/orders/{sale.reference}"},
            {"rel": "payer-action", "method": "GET", "href": f"{self.provider.url}/checkoutnow?token={sale.reference}"},
        ]
        return {"id": sale.reference, "status": "PAYER_ACTION_REQUIRED", "links": links}

    def capture(self, sale: Sale) -> Response:
        need(sale.state not in ("paid", "pending"), "ORDER_ALREADY_CAPTURED")
        need(sale.state == "approved", "ORDER_NOT_APPROVED")
        if sale.refuses_instrument:
            sale.state = "open"
            raise Refusal(error(422, "INSTRUMENT_DECLINED"))
        same_invoice = [
            other
            for other in self.provider.sales.values()
            if other.gateway == "paypal" and other.payment_key == sale.payment_key and other.state == "paid"
        ]
        need(not same_invoice, "DUPLICATE_INVOICE_ID")
        sale.state, sale.capture_id = "paid", self.new_capture()
        return answer({"id": sale.reference, "status": "COMPLETED"}, 201)

    def refund(self, sale: Sale, fields: Mapping[str, Any]) -> dict[str, Any]:
        exact(fields, {"amount", "invoice_id", "note_to_payer", "custom_id"}, set())
        minor = read(fields["amount"]) if "amount" in fields else sale.minor
        need(fields.get("amount", {}).get("currency_code", sale.currency) == sale.currency, "CURRENCY_MISMATCH")
        need(sale.refunded < sale.minor, "CAPTURE_FULLY_REFUNDED")
        need(minor <= sale.minor - sale.refunded, "REFUND_AMOUNT_EXCEEDED")
        back = self.provider.send_back(sale, minor)
        return {"id": back.id, "status": BACK[back.status]}

    def verify(self, raw: bytes, fields: Mapping[str, Any]) -> Response:
        names = {
            "auth_algo",
            "cert_url",
            "transmission_id",
            "transmission_sig",
            "transmission_time",
            "webhook_id",
            "webhook_event",
        }
        exact(fields, names, names)
        need(
            re.fullmatch(r"[a-zA-Z0-9]+", fields["auth_algo"]) and fields["cert_url"].startswith("https://"),
            "INVALID_SYNTAX",
            400,
        )
        event = raw.partition(b'"webhook_event":')[2].strip()[:-1]
        wanted = sign(fields["transmission_id"], fields["transmission_time"], event, fields["webhook_id"])
        is_ours = hmac.compare_digest(wanted, fields["transmission_sig"]) and fields["webhook_id"] == WEBHOOK_ID
        return answer({"verification_status": "SUCCESS" if is_ours else "FAILURE"})

    def sale(self, reference: str) -> Sale:
        sale = self.provider.sales.get(reference)
        need(sale and sale.gateway == "paypal", "RESOURCE_NOT_FOUND", 404)
        return sale

    def of_capture(self, capture_id: str) -> Sale:
        found = [sale for sale in self.provider.sales.values() if sale.gateway == "paypal" and sale.capture_id == capture_id]
        need(found, "RESOURCE_NOT_FOUND", 404)
        return found[0]

    def new_capture(self) -> str:
        return secrets.token_hex(9)[:17].upper()

    def returned(self, sale: Sale, done: bool) -> str:
        if done:
            return with_query(sale.return_url, token=sale.reference, PayerID="PAYER1")
        return with_query(sale.cancel_url, token=sale.reference)

    def webhook(self, kind: str, sale: Sale, *, forged: bool = False, age: int = 0, id: str = "", **_: Any) -> Webhook:
        about: dict[str, Any] = {"id": "P-1"}
        if kind in ("approved", "expired"):
            about = order(sale)
        elif kind in ("paid", "declined", "reversed"):
            about = capture(sale) if kind != "reversed" else {"id": "R1", "links": up(sale)}
        elif kind == "refunded":
            about = {"id": sale.refunds[-1].id, "status": "COMPLETED", "links": up(sale)}
        elif kind == "disputed":
            about = {"dispute_id": "PP-D-1", "disputed_transactions": [{"seller_transaction_id": sale.capture_id}]}
        event = {"id": id or f"WH-{secrets.token_hex(8)}", "event_type": KINDS[kind], "event_version": "1.0", "resource": about}
        # Spaces, letters and floats as nobody else would write them: whoever writes it anew writes something else.
        body = json.dumps(
            event | {"summary": "Paid: £ 1.10 — thanks", "x": 1.0}, ensure_ascii=False, separators=(" , ", ":  ")
        ).encode()
        sent = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
        transmission = f"t{secrets.token_hex(12)}"
        headers = {
            "Content-Type": "application/json",
            "Paypal-Auth-Algo": "SHA256withRSA",
            "Paypal-Cert-Url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
            "Paypal-Transmission-Id": transmission,
            "Paypal-Transmission-Sig": sign(transmission, sent, b"" if forged else body, WEBHOOK_ID),
            "Paypal-Transmission-Time": sent,
        }
        return Webhook("/webhooks/paypal", body, headers)


# --- objects as PayPal shows them ---


def order(sale: Sale) -> dict[str, Any]:
    states = {"open": "PAYER_ACTION_REQUIRED", "approved": "APPROVED", "expired": "VOIDED"}
    unit: dict[str, Any] = {
        "reference_id": "default",
        "amount": shown_amount(sale),
        "payee": {"email_address": "shop@example.com", "merchant_id": sale.shown("merchant") or MERCHANT},
        "custom_id": sale.shown("order_key"),
        "invoice_id": sale.payment_key,
    }
    if sale.state in ("paid", "pending", "declined"):
        refunds = [
            {"id": back.id, "status": BACK[back.status], "amount": amount(back.minor, sale.currency)} for back in sale.refunds
        ]
        unit["payments"] = {"captures": [capture(sale)]} | ({"refunds": refunds} if refunds else {})
    return {
        "id": sale.shown("reference"),
        "intent": "CAPTURE",
        "status": states.get(sale.state, "COMPLETED"),
        "purchase_units": [unit],
        "payer": {"email_address": "gus@example.com"},
    }


def capture(sale: Sale) -> dict[str, Any]:
    status = {"pending": "PENDING", "declined": "DECLINED"}.get(sale.state, "COMPLETED")
    if sale.refunded:
        status = "REFUNDED" if sale.refunded == sale.minor else "PARTIALLY_REFUNDED"
    return {
        "id": sale.capture_id or "0PENDING",
        "status": status,
        "amount": shown_amount(sale),
        "custom_id": sale.shown("order_key"),
        "invoice_id": sale.payment_key,
        "supplementary_data": {"related_ids": {"order_id": sale.reference}},
    }


def up(sale: Sale) -> list[dict[str, str]]:
    return [{"rel": "up", "method": "GET", "href": f"https://api.paypal.com/v2/payments/captures/{sale.capture_id}"}]


def shown_amount(sale: Sale) -> dict[str, str]:
    return amount(sale.shown("amount_minor"), sale.shown("currency"))


def amount(minor: int, currency: str) -> dict[str, str]:
    value = money.plain(minor, currency)
    return {"currency_code": currency, "value": value.partition(".")[0] if currency in WHOLE_ONLY else value}


def sign(transmission: str, sent: str, body: bytes, webhook_id: str) -> str:
    said = f"{transmission}|{sent}|{webhook_id}|{zlib.crc32(body)}".encode()
    return base64.b64encode(hmac.digest(SIGNING_KEY, said, hashlib.sha256)).decode()


# --- requests as PayPal reads them ---


def read(amount: Mapping[str, Any]) -> int:
    exact(amount, {"currency_code", "value", "breakdown"}, {"currency_code", "value"})
    currency, value = amount["currency_code"], amount["value"]
    need(currency in CURRENCIES, "INVALID_CURRENCY_CODE")
    need(isinstance(value, str) and re.fullmatch(r"\d{1,15}(\.\d{1,2})?", value), "INVALID_PARAMETER_SYNTAX", 400)
    need(currency not in WHOLE_ONLY or "." not in value, "DECIMALS_NOT_SUPPORTED")
    minor = money.parse(value, currency)
    need(minor > 0, "CANNOT_BE_ZERO_OR_NEGATIVE")
    return minor


def exact(said: Mapping[str, Any], known: set[str], required: set[str]) -> None:
    need(not set(said) - known, "UNKNOWN_FIELD", 400)
    need(not required - set(said), "MISSING_REQUIRED_PARAMETER", 400)


def need(holds: Any, issue: str, status: int = 422) -> None:
    if not holds:
        raise Refusal(error(status, issue))


def error(status: int, issue: str) -> Response:
    names = {400: "INVALID_REQUEST", 401: "AUTHENTICATION_FAILURE", 404: "RESOURCE_NOT_FOUND"}
    said: dict[str, Any] = {"name": names.get(status, "UNPROCESSABLE_ENTITY"), "message": "gus@example.com", "debug_id": "d1e2b3"}
    if status != 404:
        said["details"] = [{"issue": issue, "description": "gus@example.com"}]
    return answer(said, status)


def answer(said: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(said), status, mimetype="application/json", headers={"Set-Cookie": "session=1; Path=/"})
