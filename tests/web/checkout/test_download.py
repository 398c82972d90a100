"""GET /downloads/<token>/<file>: the file for whoever has the link, so often and so long; and the receipt that shows it."""

import logging
from datetime import timedelta

import pytest

from app.extensions import now
from app.services import digital
from app.services.digital import DownloadOver, Found
from app.services.shelf import Shelf
from tests.factories import a_variant
from tests.goods import CONTENTS, a_download, a_file, a_licence, change_downloads, downloads, get_free, shelf, yielded
from tests.shopping import buy, place, the_order, to_checkout

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def link():
    """The link of a free order."""
    return yielded(get_free((a_download(), 1)))[0].link.address


def fetched() -> int:
    [row] = downloads()
    return row.fetched


# --- the file ---


def test_the_file_comes_whole_to_be_kept(client, link):
    answer = client.get(link)

    assert (answer.status_code, answer.data, answer.mimetype) == (200, CONTENTS, "application/pdf")
    assert answer.headers["Content-Disposition"] == "attachment; filename=guide.pdf"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"]
    assert "Set-Cookie" not in answer.headers
    assert fetched() == 1


def test_a_page_that_was_bought_is_not_shown_among_ours(client):
    item = a_download(file="guide.pdf")
    digital.set_file("GUIDE", a_file("Führer & mehr.html", b"<script>alert(1)</script>" * 100), shelf())
    address = yielded(get_free((item, 1)))[0].link.address

    answer = client.get(address, headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.data == b"<script>alert(1)</script>" * 100


def test_looking_without_fetching_is_not_counted(client, link):
    answer = client.head(link)

    assert (answer.status_code, answer.data, answer.headers["Content-Length"]) == (200, b"", str(len(CONTENTS)))
    assert fetched() == 0


def test_a_download_that_broke_off_goes_on_without_being_counted_again(client, link):
    etag = client.get(link).headers["ETag"]

    answer = client.get(link, headers={"Range": "bytes=1000-", "If-Range": etag})

    assert (answer.status_code, answer.data) == (206, CONTENTS[1000:])
    assert answer.headers["Content-Range"] == f"bytes 1000-{len(CONTENTS) - 1}/{len(CONTENTS)}"
    assert fetched() == 1


def test_the_last_one_may_go_on_too(client, link):
    change_downloads(fetched=9)
    client.get(link)

    assert client.get(link, headers={"Range": "bytes=1000-"}).status_code == 206
    assert client.get(link, headers={"Range": "bytes=0-"}).status_code == 410
    assert fetched() == 10


def test_asking_for_the_beginning_is_counted_in_any_way(client, link):
    client.get(link, headers={"Range": "bytes=0-99"})
    client.get(link, headers={"Range": "bytes=5-", "If-Range": '"another edition"'})  # which gets all of it
    client.get(link, headers={"Range": f"bytes=-{len(CONTENTS)}"})

    assert fetched() == 3


def test_the_end_of_what_was_never_begun_is_counted(client, link):
    client.get(link, headers={"Range": "bytes=1-"})

    assert fetched() == 1


def test_parts_that_are_not_there_cost_nothing(client, link):
    assert client.get(link, headers={"Range": "bytes=99999-"}).status_code == 416
    assert client.get(link, headers={"Range": "bytes=0-1,5-6"}).status_code == 416
    assert fetched() == 0


def test_what_the_browser_has_already_is_not_counted(client, link):
    etag = client.get(link).headers["ETag"]

    assert client.get(link, headers={"If-None-Match": etag}).status_code == 304
    assert fetched() == 1


# --- nothing there ---


def test_nobody_makes_a_link(client, link, app):
    _, _, token, file = link.split("/")
    [row] = downloads()
    forged = Shelf(shelf().folder, 1, 1, ("another secret",)).address(row.key, file)
    unknown = shelf().address("0" * 32, file)
    odd = shelf().address(["x"], file)

    for address in (
        forged,
        unknown,
        odd,
        f"/downloads/{row.key}/{file}",
        f"/downloads/{token}x/{file}",
        f"/downloads/{token}/x.pdf",
    ):
        assert client.get(address).status_code == 404, address
    for address in (f"/downloads/{token}/", f"/downloads/{token}", f"/downloads/{token}/..%2f{file}", f"/downloads/{token}/%00"):
        assert client.get(address).status_code == 404, address
    assert fetched() == 0


def test_what_was_signed_for_something_else_opens_nothing(client, link, page):
    a_variant()
    buy(page, "BEANS")
    for cookie in ("receipt", "cart"):
        if there := page.client.get_cookie(cookie):
            assert client.get(f"/downloads/{there.value}/guide.pdf").status_code == 404


def test_it_takes_no_other_method(client, link):
    assert client.post(link).status_code == 405
    assert client.delete(link).status_code == 405


@pytest.mark.settings(
    SECRET_KEY="a new secret that only this test knows", SECRET_KEY_FALLBACKS=["an old one that signed before, 012345"]
)
def test_links_outlive_a_new_secret(client, app):
    get_free((a_download(), 1))
    [row] = downloads()
    old = Shelf(shelf().folder, 30, 10, ("an old one that signed before, 012345",))

    assert client.get(old.address(row.key, row.file)).status_code == 200


# --- no more ---


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"revoked_at": now()}, "This download was withdrawn."),
        ({"expires_at": now() - timedelta(seconds=1)}, "The time for this download is over."),
        ({"fetched": 10}, "This download was fetched as often as it may be."),
    ],
)
def test_a_link_that_is_over_says_why_and_whom_to_ask(page, link, values, told):
    change_downloads(**values)

    page.get(link, status=410)

    assert told in page.text
    assert "shop@example.com" in page.text
    assert page.client.head(link).status_code == 410
    assert fetched() == values.get("fetched", 0)


def test_of_two_at_once_only_one_has_the_last(link):
    change_downloads(fetched=9)
    [row] = downloads()
    seen_by_both = Found(row.id, shelf().path(row.file), row.fetched, row.most)

    digital.count(seen_by_both)

    with pytest.raises(DownloadOver):
        digital.count(seen_by_both)
    assert fetched() == 10


def test_what_is_revoked_meanwhile_does_not_begin(link):
    [row] = downloads()
    seen = Found(row.id, shelf().path(row.file), row.fetched, row.most)
    change_downloads(revoked_at=now())

    with pytest.raises(DownloadOver):
        digital.count(seen)


def test_a_file_that_is_away_costs_nothing_and_is_told_to_us(page, link, caplog):
    shelf().path("guide.pdf").unlink()

    with caplog.at_level(logging.ERROR, logger="till"):
        page.get(link, status=503)

    assert "not in its place" in page.text
    assert page.response.headers["Retry-After"] == "3600"
    assert f"download {downloads()[0].id} has no file" in caplog.text
    assert downloads()[0].key not in caplog.text
    assert fetched() == 0


# --- the receipt ---


def test_the_receipt_has_the_link_and_the_codes(page, client):
    a_download(), a_licence("ABCD-1234")
    page.post("/cart/items", {"sku": "LICENCE", "quantity": 1})
    place(to_checkout(page, "GUIDE"))

    page.get(f"/orders/{the_order().key}")

    assert "Download guide.pdf" in page.text
    assert "1.4 kB, 10 downloads left, until" in page.text
    assert "ABCD-1234" in page.text
    link = next(line.link.address for line in yielded(the_order().id) if line.link)
    assert link in page.html
    assert client.get(link).data == CONTENTS
    assert "9 downloads left" in page.get(f"/orders/{the_order().key}").text


def test_a_stranger_sees_neither_link_nor_code(page, browser):
    a_download(), a_licence("ABCD-1234")
    page.post("/cart/items", {"sku": "LICENCE", "quantity": 1})
    place(to_checkout(page, "GUIDE"))
    mallory = browser()

    mallory.get(f"/orders/{the_order().key}")

    assert "/downloads/" not in mallory.html and "guide.pdf" not in mallory.html
    assert "ABCD-1234" not in mallory.html


def test_a_receipt_says_what_cannot_be_fetched_any_more(page):
    a_download()
    buy(page, "GUIDE")
    change_downloads(revoked_at=now())

    page.get(f"/orders/{the_order().key}")

    assert "guide.pdf can no longer be downloaded. Write to shop@example.com" in page.text
    assert "/downloads/" not in page.html


@pytest.mark.parametrize(("quantity", "told"), [(2, "One code is still to come"), (3, "2 codes are still to come")])
def test_a_receipt_says_what_is_still_to_come(page, quantity, told):
    a_licence("ABCD-1234")
    buy(page, "LICENCE", quantity)

    page.get(f"/orders/{the_order().key}")

    assert "ABCD-1234" in page.text
    assert told in page.text


def test_codes_are_texts_and_nothing_else(page):
    a_licence("<b>&amp;\"'")
    buy(page, "LICENCE")

    page.get(f"/orders/{the_order().key}")

    assert "<b>&amp;\"'" in page.text


@pytest.mark.settings(DOWNLOADS_EACH=3, DOWNLOAD_DAYS=2)
def test_checkout_heeds_the_settings(page):
    a_download()
    buy(page, "GUIDE")

    [row] = downloads()

    assert row.most == 3
    assert timedelta(days=1) < row.expires_at - now() <= timedelta(days=2)
