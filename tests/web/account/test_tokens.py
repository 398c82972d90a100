"""/account/tokens: made, shown once, revoked."""

import pytest

from app.services import tokens
from tests.members import a_member, log_in

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def alice(page):
    member = a_member()
    log_in(page)
    return member


def make(page, name: str = "My shopping list", status: int = 200):
    page.get("/account/tokens")
    return page.submit("Make a token", name=name, status=status)


def shown(page) -> str:
    return next(code.text for code in page.document.every("code") if code.text.startswith("till_") and "…" not in code.text)


def test_a_token_is_shown_once(page, alice):
    make(page)
    token = shown(page)

    assert tokens.owner(token) == alice
    assert page.response.headers["Cache-Control"] == "no-store"
    page.get("/account/tokens")
    assert token not in page.html
    assert "My shopping list" in page.text
    assert token[:9] in page.text
    assert "Not used yet." not in page.text  # it was, above


def test_it_is_revoked(page, alice):
    make(page)
    token = shown(page)
    page.get("/account/tokens")

    page.submit("Revoke My shopping list")

    assert "it works no more" in page.text
    assert tokens.owner(token) is None
    assert "My shopping list" not in page.text


@pytest.mark.parametrize(("name", "said"), [("x" * 121, "too long"), ("a\0b", "cannot be stored")])
def test_a_name_that_cannot_be_is_said_and_kept(page, alice, name, said):
    make(page, name, 422)

    assert said in page.text
    assert page.document.by_id("name").get("value") == name.replace("\0", "")
    assert tokens.alive(alice.account_id) == []


def test_there_is_an_end_to_them(page, alice, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_TOKENS", 1)
    make(page)

    make(page, "another", 422)

    assert "tokens already" in page.text


def test_anothers_token_is_none(page, browser, alice):
    bob = a_member("bob@example.com")
    token = tokens.make(bob.account_id, "Bob's")
    [bobs] = tokens.alive(bob.account_id)
    page.get("/account/tokens")
    sent = page.form_data("Make a token")

    for token_id in (bobs.id, 999, 2**31, 10**30):
        page.post(f"/account/tokens/{token_id}/revoke", sent, status=404)

    assert tokens.owner(token) == bob
    page.get("/account/tokens")
    assert "Bob's" not in page.text


def test_revoking_needs_its_token_and_a_post(page, alice):
    make(page)
    [row] = tokens.alive(alice.account_id)

    page.post(f"/account/tokens/{row.id}/revoke", status=422)
    page.get(f"/account/tokens/{row.id}/revoke", status=405)

    assert len(tokens.alive(alice.account_id)) == 1
