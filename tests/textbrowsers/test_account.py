"""An account in w3m, the real program: registered by a mailed code, used to order, logged out."""

import pytest

from tests import live
from tests.journeys.wire import LiveBrowser, orders
from tests.textbrowsers.people import W3m

pytestmark = [pytest.mark.textbrowser, pytest.mark.parametrize("live_server", ["sqlite"], indirect=True)]
PASSWORD, NEW = "three brown horses", "four white geese"
TWIN, THEIRS = "twin@example.com", "wim@example.com"


@pytest.fixture(scope="module")
def shop(live_server):
    loaded = live_server.run_flask("demo", "load")
    assert loaded.returncode == 0, loaded.stderr
    return live_server


@pytest.mark.timeout(300)
def test_an_account_in_w3m(shop, tmp_path):
    twin = LiveBrowser(shop.url).get("/")  # goes the same way with another mailbox, and knows what stands on each page
    person = W3m(shop.url + "/", tmp_path / "home", "In the shop window")

    def press(button: str, words: str, form: str = "", person_types: dict[str, str] | None = None, **fields: str) -> None:
        """The twin types the fields, the person the same but for what is theirs; both press the button."""
        _, pressed = twin.find_form(button, "", form)
        page = twin.document
        typed = fields | (person_types or {})
        for element in page.every("input"):
            if element.get("name") in typed and element.get("type") != "hidden":
                person.fill_in(page, element, typed[element.get("name", "")])
        twin.submit(button, fields, form=form)
        person.activate(page, pressed, words)

    def follow(link: str, words: str) -> None:
        page = twin.document
        found = twin.pick([a for a in page.every("a") if a.get("href")], link, "link")
        twin.click(link)
        person.activate(page, found, words)

    try:
        follow("Log in", "New here?")
        follow("Make an account", "Full name")
        press(
            "Mail me a code", "Type the code", name="Wim Example", email=TWIN, password=PASSWORD, person_types={"email": THEIRS}
        )
        code = live.mailed_code(shop, TWIN)
        press("Make my account", "Welcome!", code=code, person_types={"code": live.mailed_code(shop, THEIRS)})
        follow("Addresses", "There are none yet.")
        follow("Add an address", "Town or city")
        press("Save", "Your address is saved.", line1="12 St James's Square", city="London", postcode="SW1Y 4JH")
        follow("Till Coffee", "In the shop window")
        press("Add", "Your cart")
        follow("Checkout", "Who and where")
        press("Order and pay", "Thank you")
        follow("Account", "Your newest orders")
        follow("Order 1", "What happened")
        press("Order again", "What you ordered then")
        follow("Account", "Your newest orders")
        follow("Password", "You stay logged in here")
        press("Set this password", "Your new password is set", old=PASSWORD, password=NEW)
        press("Log out", "In the shop window")
    finally:
        person.close()

    twins, theirs = orders(shop)
    assert (twins.pop("email"), theirs.pop("email")) == (TWIN, THEIRS)
    assert theirs == twins
