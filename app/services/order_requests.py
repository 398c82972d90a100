"""What shoppers ask of an order that they cannot do themselves any more, and what they are answered."""

from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from app.extensions import Record, db, now, retried, transaction
from app.models.order import Order, OrderStatus
from app.models.order_desk import IS_OPEN, REQUEST_MAX, OrderRequest, RequestKind, RequestStatus
from app.services import audit, cancelling, order_desk, orders, outbox
from app.services.errors import NotFound, ShopError

SHOWN = 20  # open requests above the list


class NotAskable(ShopError):
    message = "This cannot be asked of the order as it stands."
    status = 409


class AskedAlready(ShopError):
    message = "You asked for this already. We answer by e-mail."
    status = 409


class AnsweredAlready(ShopError):
    message = "Somebody answered this request meanwhile."
    status = 409


def kind_of(status: str, needs_shipping: bool, has_digital: bool) -> RequestKind | None:
    """What may be asked of such an order: to cancel what one may not cancel oneself, or to send back what was sent."""
    if needs_shipping and status in (OrderStatus.SHIPPED, OrderStatus.COMPLETED):
        return RequestKind.RETURN
    is_late = status == OrderStatus.PROCESSING and not cancelling.may_shopper_cancel(status, has_digital)
    return RequestKind.CANCEL if is_late or (status == OrderStatus.COMPLETED and has_digital) else None


def of_order(order_id: int) -> Sequence[OrderRequest]:
    """What was asked of an order, the oldest first."""
    wanted = select(OrderRequest).where(OrderRequest.order_id == order_id).order_by(OrderRequest.id)
    return db.session.execute(wanted).scalars().all()


def waiting() -> list[Record]:
    """The open requests, the oldest first, and one more than SHOWN if there are more."""
    columns = OrderRequest.id, OrderRequest.order_id, OrderRequest.kind, OrderRequest.text, OrderRequest.created_at, Order.name
    wanted = select(*columns).join(Order, Order.id == OrderRequest.order_id).where(IS_OPEN)
    return list(db.session.execute(wanted.order_by(OrderRequest.id).limit(SHOWN + 1)).all())


@retried
def ask(order_id: int, kind: RequestKind, said: str, *, has_digital: bool) -> None:
    """Write down what a shopper asks. Raises NotFound, NotAskable, AskedAlready, InvalidInput."""
    value = order_desk.checked_text("text", said, REQUEST_MAX, "Tell us why, in a sentence or two.", lines=True)
    try:
        with transaction() as t:
            order = orders.lock(t, order_id)
            if kind_of(order.status, bool(order.country), has_digital) != kind:
                raise NotAskable
            t.execute(insert(OrderRequest), {"order_id": order_id, "kind": kind, "text": value})
    except IntegrityError as error:  # the guard: one open request of a kind
        raise AskedAlready from error


@retried
def answer(order_id: int, request_id: int, status: RequestStatus, said: str, *, actor: str) -> None:
    """Accept or decline what was asked of an order, and owe the shopper the mail that says so.

    It moves neither goods nor money. Raises NotFound, AnsweredAlready, InvalidInput.
    """
    value = order_desk.checked_text("answer", said, REQUEST_MAX, "Write a sentence; the shopper gets it by mail.", lines=True)
    with transaction() as t:
        values = {"status": status, "answer": value, "answered_by": actor, "answered_at": now()}
        meant = OrderRequest.id == request_id, OrderRequest.order_id == order_id
        if t.execute(update(OrderRequest).where(*meant, IS_OPEN).values(**values)).rowcount != 1:  # the guard: once
            known = t.execute(select(OrderRequest.id).where(*meant)).first()
            raise AnsweredAlready if known else NotFound("There is no such request.")
        outbox.owe(t, "order.answered", f"order.answered:{request_id}", {"request_id": request_id})
        audit.note(t, actor, f"request {status}", f"order:{order_id}", None, {"request": request_id})
