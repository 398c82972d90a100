"""The account itself: its profile, its address book, its orders."""

from dataclasses import replace
from typing import Any

from msgspec import UNSET

from app.api import orders, paging, schemas
from app.api.operations import operation
from app.services import account_orders, accounts, address_book
from app.services.accounts import Member
from app.services.addresses import Address
from app.services.errors import NotFound


@operation("GET", "/shop/customers/me", answers=schemas.Profile)
def show_profile(member: Member) -> schemas.Profile:
    """Who you are to the shop."""
    return schemas.Profile(member.email, member.name, member.phone, member.is_verified, member.is_complete)


@operation("PATCH", "/shop/customers/me", answers=schemas.Profile, body=schemas.ProfileChange, errors=(400,))
def change_profile(member: Member, body: schemas.ProfileChange) -> schemas.Profile:
    """Change your name or your phone number; what is left out stays."""
    name, phone = (None if value is UNSET else value for value in (body.name, body.phone))
    return show_profile(accounts.change_profile(member, name=name, phone=phone) if {name, phone} != {None} else member)


# ------------------------------------------------------------------------------------------------ addresses

ADDRESS = {"change_address": ("address_id", "/id"), "remove_address": ("address_id", "/id")}


@operation("GET", "/shop/customers/me/addresses", answers=schemas.Addresses, query=schemas.PageQuery, errors=(400,))
def list_addresses(member: Member, query: schemas.PageQuery) -> schemas.Addresses:
    """Your address book, the default first."""
    book = address_book.entries(member.customer_id)
    part = [entry(row) for row in book[query.offset : query.offset + query.limit]]
    return schemas.Addresses(len(book), paging.next_of(query, len(book)), part)


@operation(
    "POST",
    "/shop/customers/me/addresses",
    answers=schemas.Address,
    status=201,
    body=schemas.NewAddress,
    errors=(400,),
    leads=ADDRESS,
)
def add_address(member: Member, body: schemas.NewAddress) -> schemas.Address:
    """A new address; the first one is the default. What a country needs must be there."""
    sent = typed(body)
    accepted = sent.get("postcode", "") if body.accept_postcode else ""
    address_id = address_book.add(
        member.customer_id,
        Address(**{field: sent.get(field, "") for field in Address.__slots__}),
        name=sent.get("name", ""),
        phone=sent.get("phone", ""),
        is_default=body.is_default,
        accepted_postcode=accepted,
    )
    return entry(address_book.entry(member.customer_id, address_id))


@operation(
    "PATCH",
    "/shop/customers/me/addresses/<address_id>",
    answers=schemas.Address,
    body=schemas.AddressChange,
    errors=(400, 404),
)
def change_address(member: Member, address_id: int, body: schemas.AddressChange) -> schemas.Address:
    """Change an address; orders that were sent there keep what they had."""
    row, sent = address_book.entry(member.customer_id, address_id), typed(body)
    parts = {field: value for field, value in sent.items() if field in Address.__slots__}
    is_same_place = sent.get("country", row.country) == row.country and sent.get("postcode", row.postcode) == row.postcode
    address = replace(address_book.address_of(row), **parts)
    address_book.change(
        member.customer_id,
        address_id,
        address,
        name=sent.get("name", row.name),
        phone=sent.get("phone", row.phone),
        is_default=body.is_default,
        accepted_postcode=address.postcode if body.accept_postcode or is_same_place else "",
    )
    return entry(address_book.entry(member.customer_id, address_id))


@operation("DELETE", "/shop/customers/me/addresses/<address_id>", answers=None, errors=(404,))
def remove_address(member: Member, address_id: int) -> None:
    """Delete an address; when it was the default, the oldest of the others becomes it."""
    address_book.remove(member.customer_id, address_id)


def typed(body: schemas.AddressFields) -> dict[str, Any]:
    """The texts that were sent, by field."""
    found = {field: getattr(body, field) for field in body.__struct_fields__}
    return {field: value for field, value in found.items() if isinstance(value, str)}


def entry(row: Any) -> schemas.Address:
    return schemas.Address(**{name: getattr(row, name) for name in schemas.Address.__struct_fields__})


# ------------------------------------------------------------------------------------------------ orders


ORDER = dict.fromkeys(("show_order", "track_order", "pay_again"), ("key", "/results/0/key"))


@operation("GET", "/shop/customers/me/orders", answers=schemas.Orders, query=schemas.PageQuery, errors=(400,), leads=ORDER)
def list_orders(member: Member, query: schemas.PageQuery) -> schemas.Orders:
    """Your orders, the newest first."""
    rows, count = account_orders.part(member.account_id, limit=query.limit, offset=query.offset)
    return schemas.Orders(count, paging.next_of(query, count), [orders.summary(row) for row in rows])


@operation("GET", "/shop/customers/me/orders/<key>", answers=schemas.Order, errors=(404,))
def show_order(member: Member, key: str) -> schemas.Order:
    """One of your orders."""
    found = account_orders.by_key(member.account_id, key)
    if found is None:
        raise NotFound("There is no such order.")
    return orders.whole(found)
