"""What every request of a program goes through: who asks, how often, what they sent, and whether they sent it before."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from flask import Response, current_app, g, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from app import errors, headers
from app.api import auth, bp, decoding
from app.api.decoding import Refused
from app.extensions import Busy, limiter
from app.services import idempotency
from app.services.accounts import Member
from app.services.errors import InvalidInput, OutOfStock, ShopError

log = logging.getLogger("till")

View = TypeVar("View", bound=Callable[..., msgspec.Struct | None])
KEPT_STATUSES = {404, 413, 415, 429, 503}  # what services say with these, programs are told; any other refusal is a 400
NOWHERE: Mapping[str, tuple[str, str]] = {}
IDS = {"line_id", "address_id"}  # parts of addresses that name rows


@dataclass(frozen=True)
class Operation:
    """One method of one address: all that is checked, answered and documented of it."""

    method: str
    path: str  # as Flask writes it
    view: Callable[..., msgspec.Struct | None]
    answers: type[msgspec.Struct] | None  # None: 204
    status: int
    body: type[msgspec.Struct] | None
    query: type[msgspec.Struct] | None
    errors: tuple[int, ...]  # beside those that each may answer
    is_public: bool
    not_found: int  # what a NotFound means: 404 of the address, 400 of something in the body
    leads: Mapping[str, tuple[str, str]]  # where to go from the answer: {operation: (part of its address, JSON pointer)}


OPERATIONS: list[Operation] = []


def operation(
    method: str,
    path: str,
    *,
    answers: type[msgspec.Struct] | None,
    status: int = 200,
    body: type[msgspec.Struct] | None = None,
    query: type[msgspec.Struct] | None = None,
    errors: tuple[int, ...] = (),
    is_public: bool = False,
    not_found: int = 404,
    leads: Mapping[str, tuple[str, str]] = NOWHERE,
) -> Callable[[View], View]:
    """Make a view an operation. It is given `member`, `body` and `query` if there are any, and the parts of its address."""

    def register(view: View) -> View:
        made = Operation(
            method, path, view, answers, status if answers else 204, body, query, errors, is_public, not_found, leads
        )
        OPERATIONS.append(made)
        bp.add_url_rule(path, view.__name__, lambda **parts: run(made, parts), methods=[method])
        return view

    return register


def asker() -> str:
    """Whose requests are counted together."""
    return str(g.asker)


# One limit for all threads: a key that closed over a request would count one asker's request as another's.
LIMIT = limiter.shared_limit(lambda: current_app.config["API_LIMIT"], scope="api", key_func=asker)


def run(made: Operation, parts: dict[str, str]) -> Response:
    member = None if made.is_public else auth.member()
    g.asker = f"account {member.account_id}" if member else f"address {request.remote_addr}"
    with LIMIT:
        if member is None and not made.is_public:
            raise auth.required()
        name = request.headers.get("Idempotency-Key")
        if made.method == "POST" and member and name is not None:
            return once(made, parts, member, name)
        return answered(made, parts, member)


def once(made: Operation, parts: dict[str, str], member: Member, name: str) -> Response:
    """The answer that this named request got before, or its first, which is kept."""
    if not idempotency.is_key(name):
        raise Refused(f"Idempotency-Key takes 1 to {idempotency.LONGEST_KEY} printable ASCII characters.")
    sent = f"{request.method} {request.full_path} {request.mimetype}\n".encode() + decoding.raw()
    begun = idempotency.begin(member.account_id, name, hashlib.sha256(sent).hexdigest())
    if isinstance(begun, idempotency.Answer):
        response = in_json(begun.body.encode(), begun.status)
        response.headers["Idempotent-Replayed"] = "true"
        return response
    g.died_since = begun.died_since
    try:
        response = whatever(made, parts, member)
    except BaseException:  # ours to mend: it may be sent again
        idempotency.release(begun)
        raise
    if response.status_code >= 500 or response.status_code == 429:
        idempotency.release(begun)
    else:
        try:
            idempotency.finish(begun, idempotency.Answer(response.status_code, response.get_data(as_text=True)))
        except (Busy, OperationalError):  # what was asked for is done, and is answered
            log.warning("%s could not keep its answer", headers.request_id())
    return response


def whatever(made: Operation, parts: dict[str, str], member: Member) -> Response:
    """The answer, also when it is a refusal."""
    try:
        return answered(made, parts, member)
    except ShopError as error:
        return errors.shop_error(error)
    except HTTPException as error:
        said = errors.http_error(error)
        assert isinstance(said, Response)
        return said


def answered(made: Operation, parts: dict[str, str], member: Member | None) -> Response:
    """Read what was sent, call the view, write what it answers."""
    given: dict[str, Any] = {name: decoding.row_id(part) if name in IDS else part for name, part in parts.items()}
    if member:
        given["member"] = member
    if made.query:
        given["query"] = decoding.query(made.query)
    if made.body:
        given["body"] = decoding.body(made.body)
    try:
        result = made.view(**given)
    except ShopError as error:
        status = made.not_found if error.status == 404 else error.status
        if status in KEPT_STATUSES:
            raise
        raise Refused(sentence(error)) from error
    return in_json(msgspec.json.encode(result) if made.answers else b"", made.status)


def sentence(error: ShopError) -> str:
    """What went wrong with every detail that a program may want to show."""
    if isinstance(error, InvalidInput):
        return " ".join(f"{field}: {said}" for field, said in error.fields.items())
    if isinstance(error, OutOfStock):
        short = "; ".join(
            f"{name or 'something that is gone'}: {wanted} wanted, {left} left" for _, name, wanted, left in error.short
        )
        return f"There is not enough stock. {short}."
    return str(error)


def in_json(content: bytes, status: int) -> Response:
    response = Response(content, status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
