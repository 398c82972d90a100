"""Zarinpal's side: JSON with codes, whole rials, and no webhooks."""

import json
import secrets
from collections.abc import Mapping
from typing import Any, NoReturn

from werkzeug.wrappers import Request, Response

from tests.providers.provider import Refusal, Sale, Webhook, with_query

MERCHANT_ID = "fa4e0000-0000-4000-8000-00000000000a"
MINOR = 100  # of ours make one rial
REQUEST = {"merchant_id", "amount", "currency", "description", "callback_url", "metadata", "referrer_id"}
STATUS = {"open": "IN_BANK", "pending": "IN_BANK", "approved": "PAID", "paid": "VERIFIED", "reversed": "REVERSED"}


class Zarinpal:
    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.reverses_no_more = False  # the thirty minutes are over

    def settings(self, url: str) -> dict[str, Any]:
        return {"ZARINPAL_MERCHANT_ID": MERCHANT_ID, "ZARINPAL_URL": url}

    def page(self, request: Request) -> str:
        return request.path.removeprefix("/pg/StartPay/") if request.path.startswith("/pg/StartPay/") else ""

    def speaks(self, request: Request) -> bool:
        return request.path.startswith("/pg/v4/payment/")

    def fields(self, request: Request) -> Mapping[str, Any]:
        found: dict[str, Any] = json.loads(request.get_data() or b"{}")
        return found

    def refusal(self, keys: bool = False) -> Response:
        return error(-10 if keys else -53)

    def answer(self, request: Request, fields: Mapping[str, Any]) -> Response:
        verb = request.path.removeprefix("/pg/v4/payment/").removesuffix(".json")
        if request.method != "POST" or request.mimetype != "application/json" or not isinstance(fields.get("merchant_id"), str):
            refuse(-9)
        if fields["merchant_id"] != MERCHANT_ID:
            refuse(-10)
        if verb == "request":
            return self.request(fields)
        if verb == "unVerified":
            waiting = [sale for sale in self.sales() if sale.state == "approved"]
            listed = [{"authority": sale.reference, "amount": sale.minor // MINOR} for sale in waiting]
            return answer({"code": "100", "message": "Success", "authorities": listed})
        if verb not in ("verify", "inquiry", "reverse"):
            return Response("Not Found", 404)
        known = {"merchant_id", "authority"} | ({"amount"} if verb == "verify" else set())
        if set(fields) != known:
            refuse(-9)
        sale = self.provider.sales.get(fields["authority"])
        if sale is None or sale.gateway != "zarinpal":
            refuse(-54)
        if sale.shown("merchant"):
            refuse(-53)
        if verb == "inquiry":
            return answer({"code": 100, "message": "Success", "status": STATUS.get(sale.state, "FAILED")})
        return self.verify(sale, fields["amount"]) if verb == "verify" else self.reverse(sale)

    def request(self, fields: Mapping[str, Any]) -> Response:
        metadata = fields.get("metadata", {})
        is_fit = (
            not set(fields) - REQUEST
            and type(fields.get("amount")) is int
            and fields["amount"] >= 1000
            and fields.get("currency") in ("IRR", "IRT")
            and 0 < len(fields.get("description", "")) <= 500
            and fields.get("callback_url", "").startswith(("http://", "https://"))
            and not set(metadata) - {"mobile", "email", "order_id"}
            and all(isinstance(value, str) and value for value in metadata.values())
        )
        if not is_fit:
            refuse(-9)
        sale = Sale(
            "zarinpal",
            reference="A" + secrets.token_hex(18)[:35],
            minor=fields["amount"] * MINOR * (10 if fields["currency"] == "IRT" else 1),
            currency="IRR",
            order_key="",
            payment_key=fields["callback_url"].rpartition("/")[2],
            return_url=fields["callback_url"],
            cancel_url=fields["callback_url"],
        )
        self.provider.sales[sale.reference] = sale
        return answer({"code": 100, "message": "Success", "authority": sale.reference, "fee_type": "Merchant", "fee": 100})

    def verify(self, sale: Sale, rials: Any) -> Response:
        if sale.state not in ("approved", "paid"):
            refuse(-51)
        if type(rials) is not int or rials * MINOR != sale.shown("amount_minor"):
            refuse(-50)
        code = 101 if sale.state == "paid" else 100
        if code == 100:
            sale.state, sale.capture_id = "paid", self.new_capture()
        card = {"card_hash": "1EBE", "card_pan": "502229******5995"}
        return answer({"code": code, "message": "Verified", "ref_id": int(sale.capture_id), "fee": 0, **card})

    def reverse(self, sale: Sale) -> Response:
        if sale.state not in ("approved", "paid"):
            refuse(-61)
        if self.reverses_no_more:
            refuse(-63)
        self.provider.send_back(sale, sale.minor)
        sale.state = "reversed"
        return answer({"code": 100, "message": "Reversed"})

    def sales(self) -> list[Sale]:
        return [sale for sale in self.provider.sales.values() if sale.gateway == "zarinpal"]

    def new_capture(self) -> str:
        return str(secrets.randbelow(10**9) + 10**9)

    def returned(self, sale: Sale, done: bool) -> str:
        is_paid = done and sale.state in ("approved", "paid")
        return with_query(sale.return_url, Authority=sale.reference, Status="OK" if is_paid else "NOK")

    def webhook(self, kind: str, sale: Sale, **_: Any) -> Webhook:
        raise LookupError("Zarinpal sends no webhooks")


def refuse(code: int) -> NoReturn:
    raise Refusal(error(code))


def error(code: int) -> Response:
    said = {"data": [], "errors": {"code": code, "message": "gus@example.com", "validations": []}}
    return Response(json.dumps(said), 422 if code == -9 else 401, mimetype="application/json")


def answer(data: dict[str, Any]) -> Response:
    return Response(json.dumps({"data": data, "errors": []}), mimetype="application/json")
