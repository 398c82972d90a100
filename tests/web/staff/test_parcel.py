"""/staff/orders/ID/parcel: a tracking number that was mistyped."""

import pytest

from app.models.order_desk import Shipment
from app.services import order_desk
from app.services.order_desk import Parcel
from tests.desk import POST, sent, to_pack
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")


def parcel(order_id: int) -> Parcel:
    shipment: Shipment = order_desk.shipment_of(order_id)
    return Parcel(shipment.carrier, shipment.tracking, shipment.link)


def test_a_tracking_number_is_corrected(page):
    order_id = sent(to_pack())
    as_staff(page).get(f"/staff/orders/{order_id}")

    page.click("Correct how it was sent")
    page.submit("Save", {"tracking": "AB 124"})

    assert page.path == f"/staff/orders/{order_id}" and "Saved." in page.text and "AB 124" in page.text
    assert parcel(order_id) == Parcel(POST.carrier, "AB 124", POST.link)
    assert trail()[0] == ("parcel corrected", f"order:{order_id}")


def test_what_is_no_link_comes_back_as_it_was_typed(page):
    order_id = sent(to_pack())
    as_staff(page).get(f"/staff/orders/{order_id}/parcel")

    page.submit("Save", {"tracking": "AB 124", "link": "javascript:alert(1)"}, status=422)

    assert "begins with https://" in page.text
    assert {"AB 124", "javascript:alert(1)"} <= {each.get("value") for each in page.document.every("input")}
    assert parcel(order_id) == POST


def test_two_people_overwrite_nobody(page, browser):
    order_id, colleague = sent(to_pack()), as_manager(browser())
    as_staff(page).get(f"/staff/orders/{order_id}/parcel")
    colleague.get(f"/staff/orders/{order_id}/parcel").submit("Save", {"tracking": "theirs"})

    page.submit("Save", {"tracking": "mine"}, status=409)

    assert "Somebody saved: theirs" in page.text and parcel(order_id).tracking == "theirs"
    page.submit("Save")
    assert parcel(order_id).tracking == "mine"


def test_what_was_saved_unchanged_is_not_in_the_trail(page):
    order_id = sent(to_pack())
    as_staff(page).get(f"/staff/orders/{order_id}/parcel")
    before = trail()

    page.submit("Save")

    assert "Nothing was changed." in page.text and trail() == before


def test_a_form_without_its_token_changes_nothing(page):
    order_id = sent(to_pack())

    as_staff(page).post(f"/staff/orders/{order_id}/parcel", {"tracking": "AB 124"}, status=422)

    assert parcel(order_id) == POST


def test_an_order_that_was_not_sent_has_no_parcel(page):
    order_id = to_pack()
    as_staff(page)

    for number in (order_id, 77):
        page.get(f"/staff/orders/{number}/parcel", status=404)
        page.post(f"/staff/orders/{number}/parcel", {}, status=404)
