"""A picture sent to the real server, from a manager's first login to a shopper's card; and one that is far too large."""

import pytest

from tests.journeys.wire import LiveBrowser
from tests.photos import a_photo, as_file, noise, upload

pytestmark = pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)


def test_a_picture_reaches_the_card_within_its_weight(live_server):
    assert live_server.run_flask("demo", "load").returncode == 0
    made = live_server.run_flask(
        "accounts",
        "create",
        "mona@example.com",
        "--role",
        "manager",
        "--verified",
        "--password-stdin",
        stdin="three brown horses",
    )
    assert made.returncode == 0, made.stderr
    page = LiveBrowser(live_server.url).get("/account/login")
    page.submit("Log in", {"email": "mona@example.com", "password": "three brown horses"}, form="/account/login")
    page.get("/staff/products/1/pictures")
    token = {"csrf_token": page.form_data("Add it")["csrf_token"][0], "alt": "A bag"}

    for content, status in (
        (bytes(50_000_000), 413),
        (as_file(noise(2400, 1800), quality=60).getvalue(), 200),
        (a_photo().getvalue(), 200),
    ):
        body, headers = upload(token, content)
        answer = page.session.post(page.url, body, headers=headers, allow_redirects=True, timeout=60)
        assert answer.status_code == status, answer.text

    guest = LiveBrowser(live_server.url).get("/")
    cards = [
        each.get("srcset", each.get("src")) for each in guest.document.every("source", "img") if "/pictures/" in str(each.attrib)
    ]
    assert len(cards) == 3
    assert all(len(page.session.get(live_server.url + path, timeout=10).content) <= 14_000 for path in cards)
