"""What checkout can fill in for somebody whom the shop knows."""

from sqlalchemy import select

from app.extensions import Record, db
from app.models.order import Order
from app.services import address_book
from app.services.accounts import Member

PLACE = ("country", "line1", "line2", "city", "region", "postcode")
LAST = (
    select(
        Order.name,
        Order.phone,
        Order.country,
        Order.line1,
        Order.line2,
        Order.city,
        Order.region,
        Order.postcode,
        Order.shipping_method_id,
        Order.payment_method_id,
    )
    .order_by(Order.id.desc())
    .limit(1)
)


def checkout(member: Member, address_id: int | None = None) -> dict[str, str]:
    """By the name of the field what this member would type: the address that was asked for, else the default one, else the last
    order's; delivery and payment as last time. Raises NotFound for an address that is not theirs.
    """
    last = db.session.execute(LAST.where(Order.account_id == member.account_id)).first()
    if address_id is not None:
        place: Record | None = address_book.entry(member.customer_id, address_id)
    else:
        place = next(iter(address_book.entries(member.customer_id)), None)
    known = {"email": member.email, "name": member.name, "phone": member.phone}
    if last is not None:
        known["name"] = known["name"] or last.name
        known["phone"] = known["phone"] or last.phone
        known |= {"delivery": str(last.shipping_method_id or ""), "payment": str(last.payment_method_id or "")}
    source = place or last
    if source is not None and source.country:
        known |= {field: getattr(source, field) for field in PLACE}
        known["doubted_postcode"] = source.postcode  # it was accepted once
        known |= {field: getattr(source, field) for field in ("name", "phone") if getattr(source, field)}
    return known
