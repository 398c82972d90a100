"""/staff/deliveries: a list is taken in, corrected in its preview, applied once."""

import io

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models.delivery import Delivery
from app.services import deliveries
from tests.factories import a_variant
from tests.shopper import Browser
from tests.shopping import level
from tests.staff import as_manager, as_staff, trail

pytestmark = pytest.mark.usefixtures("app_context")

KNOWN = "sku,product,quantity\nBEANS,House Blend,12\n"
MIXED = "sku,product,options,quantity,price,category\nBEANS,House Blend,,12,,\nTEA,Green Tea,100 g,5,7.50,Tea\n"


def paste(page: Browser, text: str = KNOWN, *, status: int = 200, name: str = "From the roaster") -> Browser:
    page.get("/staff/deliveries/new")
    return page.submit("Look at it", {"text": text, "name": name}, status=status)


def upload(page: Browser, data: bytes, *, status: int = 200, filename: str = "roaster.csv") -> Browser:
    """Choose a file and press the button. What is sent is put together here: the test client would write it to the disk."""
    page.get("/staff/deliveries/new")
    token = page.form_data("Look at it")["csrf_token"][0]
    parts = (("csrf_token", token), ("text", ""), ("name", ""))
    body = b"".join(f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode() for name, text in parts)
    body += f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode() + data
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    return page.post("/staff/deliveries/new", body + b"\r\n--edge--\r\n", status=status, headers=headers)


def press_apply(page: Browser, *, status: int = 200) -> Browser:
    return page.submit("Apply", status=status)


def drafts() -> int:
    db.session.rollback()
    return len(db.session.execute(select(Delivery.id)).all())


def test_a_pasted_list_is_shown_before_anything_happens(page):
    a_variant(on_hand=3)

    paste(as_staff(page))

    assert page.path == "/staff/deliveries/1"
    assert page.title.startswith("From the roaster")
    assert "House Blend: 3 on hand, then 15." in page.text
    assert level("BEANS") == (3, 0)


def test_a_file_is_named_after_itself(page):
    a_variant(on_hand=3)

    upload(as_staff(page), KNOWN.encode())

    assert page.title.startswith("roaster.csv")


def test_a_list_without_a_name_is_named_after_the_day(page):
    a_variant()

    paste(as_staff(page), name="")

    assert page.title.startswith("Delivery of ")


def test_it_is_applied(page):
    a_variant(on_hand=3)
    paste(as_staff(page))

    press_apply(page)

    assert level("BEANS") == (15, 0)
    assert "On the shelf: 12 pieces in 1 rows, 0 of them new to the shop." in page.text
    assert "by Stan Staff: it is on the shelf." in page.text
    assert trail()[0] == ("delivery applied", "delivery:1")


def test_what_is_wrong_stands_beside_its_field_and_is_corrected(page):
    a_variant(on_hand=3), a_variant("CUP", on_hand=0)
    paste(as_staff(page), "sku,product,quantity\n BEANS , House Blend , 12 \nCUP,,12 bags\n")
    assert "Row 3: the name is blank" in page.text
    assert "Row 3: quantity “12 bags” is not a whole number" in page.text
    assert 'aria-invalid="true" aria-describedby="r2-product-error"' in page.html

    page.submit("Save and check again", {"r2-product": "Cup", "r2-quantity": "12"})
    assert "Saved and checked again." in page.text
    press_apply(page)

    assert (level("BEANS"), level("CUP")) == ((15, 0), (12, 0))


def test_a_row_is_left_out(page):
    a_variant(on_hand=3)
    paste(as_staff(page), KNOWN + "X,,\n")

    page.submit("Save and check again", {"r2-drop": True})
    press_apply(page)

    assert level("BEANS") == (15, 0)


def test_with_rows_to_correct_there_is_no_apply_and_pressing_it_anyway_does_nothing(page):
    a_variant(on_hand=3)
    paste(as_staff(page), KNOWN + "X,,\n")
    sent = page.form_data("Save and check again") | {"then": "apply"}

    page.post("/staff/deliveries/1", sent, status=422)

    assert "Some rows are to be corrected first; nothing was applied." in page.text
    assert level("BEANS") == (3, 0)


def test_what_was_typed_before_apply_is_looked_at_once_more(page):
    a_variant(on_hand=3)
    paste(as_staff(page))

    page.submit("Apply", {"r1-quantity": "13"})

    assert "Look, then apply." in page.text
    assert level("BEANS") == (3, 0)
    press_apply(page)
    assert level("BEANS") == (16, 0)


def test_managers_bring_new_things(page):
    a_variant(on_hand=3)
    paste(as_manager(page), MIXED)
    assert "New product, on sale at once for £7.50" in page.text

    press_apply(page)

    assert level("TEA") == (5, 0)


def test_staff_do_not_set_prices(page):
    a_variant(on_hand=3)
    paste(as_staff(page), MIXED)
    assert "Prices are for managers" in page.text
    sent = page.form_data("Save and check again") | {"then": "apply"}

    page.post("/staff/deliveries/1", sent, status=422)

    assert level("BEANS") == (3, 0)


def test_a_second_press_says_when_it_was_applied_and_by_whom(page):
    a_variant(on_hand=3)
    paste(as_staff(page))
    sent = page.form_data("Apply")
    press_apply(page)

    page.post("/staff/deliveries/1", sent, status=409)

    assert "This delivery was applied on " in page.text and "by Stan Staff. Nothing was added now." in page.text
    assert level("BEANS") == (15, 0)


def test_the_same_list_is_refused_once_it_was_applied(page):
    a_variant(on_hand=3)
    press_apply(paste(as_staff(page)))

    paste(page, "SKU;Product;Quantity\r\n BEANS;House Blend ;12", status=409)

    assert "This delivery was applied on " in page.text
    assert "SKU;Product;Quantity" in page.html


def test_a_draft_that_a_colleague_corrected_comes_back_with_what_was_typed(page, browser):
    a_variant(on_hand=3)
    paste(as_staff(page))
    other = as_manager(browser()).get("/staff/deliveries/1")
    other.submit("Save and check again", {"r1-quantity": "13"})

    page.submit("Save and check again", {"r1-quantity": "14"}, status=409)

    assert "Somebody else changed this delivery" in page.text
    assert "It says now: 13" in page.text and page.text.count("It says now") == 1
    assert 'name="r1-quantity" value="14"' in page.html
    page.submit("Save and check again")
    press_apply(page)
    assert level("BEANS") == (17, 0)


@pytest.mark.parametrize("typed", ["x" * 501, "a\x07b"])
def test_a_cell_that_cannot_be_kept_comes_back(page, typed):
    a_variant(on_hand=3)
    paste(as_staff(page))

    page.submit("Save and check again", {"r1-product": typed}, status=422)

    assert "Some of this cannot be kept; nothing was saved." in page.text
    assert "r1-product-error" in page.html


def test_fifty_rows_are_on_a_page(page):
    rows = "".join(f"S-{n},Bag {n},1,2.00\n" for n in range(60))
    paste(as_manager(page), "sku,product,quantity,price\n" + rows + "S-99,Bag,many,1\n")
    assert 'value="S-49"' in page.html and 'value="S-50"' not in page.html
    assert "Row 62: quantity “many” is not a whole number" in page.text

    page.click("Next page")
    assert 'value="S-50"' in page.html
    page.submit("Save and check again", {"r61-quantity": "7"})

    assert page.path == "/staff/deliveries/1?after=51"
    assert "Rows to correct" not in page.text
    press_apply(page)
    assert level("S-99") == (7, 0)
    assert 'href="/staff/stock?q=S-49"' in page.html and 'q=S-50"' not in page.html
    page.click("Next page")
    assert 'href="/staff/stock?q=S-50"' in page.html


def test_only_the_rows_to_correct_are_shown_on_request(page):
    a_variant()
    paste(as_staff(page), KNOWN + "CUP,,1\n")

    page.click("Show only the rows to correct")

    assert 'value="CUP"' in page.html and 'value="BEANS"' not in page.html
    page.submit("Save and check again", {"r2-drop": True})
    assert "There are no such rows here." in page.text


def test_the_mistake_on_another_page_is_led_to(page):
    rows = "".join(f"S-{n},Bag {n},1,2.00\n" for n in range(60))
    paste(as_manager(page), "sku,product,quantity,price\n" + rows + "S-99,Bag,many,1\n")

    page.click("Row 62")

    assert 'value="S-99"' in page.html


def test_a_draft_is_discarded(page):
    a_variant(on_hand=3)
    paste(as_staff(page))

    page.submit("Discard this delivery")

    assert page.path == "/staff/deliveries"
    assert "discarded" in page.text
    assert "Discarded: nothing of it is on the shelf." in page.get("/staff/deliveries/1").text
    assert level("BEANS") == (3, 0)


def test_what_was_applied_cannot_be_discarded(page):
    a_variant(on_hand=3)
    paste(as_staff(page))
    sent = page.form_data("Discard this delivery")
    press_apply(page)

    page.post("/staff/deliveries/1/discard", sent, status=409)

    assert "This delivery was applied on " in page.text


def test_nothing_and_both_are_neither_a_file_nor_a_list(page):
    as_staff(page)

    paste(page, "  ", status=422)
    assert "Choose a file or paste a list, one of the two." in page.text
    sent = page.form_data("Look at it") | {"file": (io.BytesIO(KNOWN.encode()), "a.csv"), "text": KNOWN}
    page.post("/staff/deliveries/new", sent, status=422)

    assert drafts() == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("sku,product,quantity\nCAFÉ,Café,1".encode("latin-1"), "Row 2: not UTF-8"),
        (KNOWN.encode("utf-16"), "Row 1: this is not text in UTF-8"),
        (b"sku,product,quantity\nA,B\0,1", "Row 2: this is not text in UTF-8"),
        (b"hello", "Row 1: the first row names the columns"),
        (b"sku,product,quantity\n" + b"S,Bag,1\n" * 100_000, "Row 2,002: a delivery has at most 2,000 rows; split the file."),
        (b"sku,product,quantity\nA,B,1,1\nC,D,1,1\n", "Row 3: there are 4 cells where the header has 3"),
        (b'"' + b"x" * 100_000, "Row 1: a quoted cell begins here and does not end"),
    ],
)
def test_a_file_that_cannot_be_a_draft_is_refused_with_its_row(page, data, told):
    upload(as_staff(page), data, status=422)

    assert told in page.text
    assert drafts() == 0


@pytest.mark.parametrize("size", [1_000_001, 5_000_000, 50_000_000])
def test_what_is_too_large_is_refused_politely(page, size):
    upload(as_staff(page), b"x" * size, status=413)

    assert "A delivery file has at most 1 MB. Split the file." in page.text


def test_a_megabyte_may_be_pasted(page):
    a_variant()

    paste(as_staff(page), KNOWN + (" " * 100_000 + "\n") * 9)

    assert page.path == "/staff/deliveries/1"


def test_others_may_send_no_more_than_anywhere_else(page):
    page.post("/staff/deliveries/new", {"text": "x" * 100_000}, status=413)

    assert "larger than this page takes" in page.text


def test_formulas_are_text(page):
    paste(as_manager(page), "sku,product,quantity,price\nTEA,=HYPERLINK(1),5,3.00\nCUP,@cup,1,2\n")

    press_apply(page)

    assert "=HYPERLINK(1)" in page.get("/staff/stock").text


def test_markup_in_a_list_is_shown_as_text(page):
    paste(as_staff(page), 'sku,product,quantity\n<b>,"""><script>alert(1)</script>",<i>\n')

    assert "<script>alert" not in page.html


@pytest.mark.parametrize("path", ["/staff/deliveries/new", "/staff/deliveries/1", "/staff/deliveries/1/discard"])
def test_a_form_without_its_token_changes_nothing(page, path):
    a_variant(on_hand=3)
    paste(as_staff(page))

    page.post(path, {"text": KNOWN, "revision": "1", "then": "apply", "r1-quantity": "99"}, status=422)

    assert level("BEANS") == (3, 0)
    assert deliveries.delivery(1).status == "draft"


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30])
def test_a_form_that_lost_its_revision_changes_nothing(page, revision):
    a_variant(on_hand=3)
    paste(as_staff(page))
    sent = page.form_data("Apply") | {"revision": revision, "place": "http://[", "r99999999999-sku": "x", "r1-nothing": "y"}

    page.post("/staff/deliveries/1", sent, status=422)

    assert level("BEANS") == (3, 0)


def test_a_delivery_that_does_not_exist_is_not_found(page):
    a_variant()
    paste(as_staff(page))
    sent = page.form_data("Apply")

    page.get("/staff/deliveries/99", status=404)
    page.post("/staff/deliveries/99", sent, status=404)
    page.post("/staff/deliveries/99/discard", sent, status=404)


def test_the_list_is_paged(page):
    a_variant()
    as_staff(page)
    for number in range(51):
        deliveries.take_in(deliveries_sheet(number), f"Number {number}.", actor="test")
    page.get("/staff/deliveries")
    assert "Number 50." in page.text and "Number 0." not in page.text

    page.click("Next page")

    assert "Number 0." in page.text


def deliveries_sheet(number: int) -> deliveries.Sheet:
    return deliveries.Sheet(f"{number:064}", [])
