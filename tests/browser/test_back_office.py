"""Every page of the back office, found by following its links as somebody does who works there: access, small screens, touch."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests import live
from tests.browser import scenes
from tests.browser.keyboard import press, reach
from tests.browser.test_looks import SMALLEST_TARGET, TYPED

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.parametrize("live_server", ["sqlite"], indirect=True),
]

MANAGER = {"email": "manager@example.com", "password": "three brown horses"}
FILES = re.compile(r"\.(csv|jsonl|svg|html)$|/html$")  # these are no pages of ours
FEWEST = 40  # kinds of pages that there must be


@pytest.fixture(scope="module")
def shop(live_server):
    url = scenes.stock_up(live_server)
    live.with_account(live_server, MANAGER["email"], MANAGER["password"], name="Mona Manager", role="manager")
    return url


@pytest.fixture
def desk(shop, chromium):
    """Opens a manager's tab: `tab = desk(320)`; orders were placed in this shop."""

    def open_tab(width: int, **options: object) -> Page:
        tab = chromium(shop, viewport=(width, 800), reduced_motion="reduce", **options)
        if not placed:
            scenes.put_in(tab)
            scenes.ordered(tab)
            placed.append(True)
        tab.goto("/account/login?next=/staff")
        tab.fill("#email", MANAGER["email"])
        tab.fill("#password", MANAGER["password"])
        tab.locator("form[action='/account/login'] button").click()
        tab.wait_for_url("**/staff")
        return tab

    placed: list[bool] = []
    return open_tab


def walk(tab: Page) -> Iterator[str]:
    """Stand on each kind of page once, and answer its path."""
    waiting, known = ["/staff"], {"/staff"}
    while waiting:
        path = waiting.pop(0)
        answer = tab.goto(path)
        assert answer is not None
        assert answer.status == 200, f"{path} answered {answer.status}"
        yield path
        for href in tab.eval_on_selector_all("a[href^='/staff']", "all => all.map(each => each.getAttribute('href'))"):
            kind = re.sub(r"\d+", "1", urlsplit(href).path)
            if kind not in known and not FILES.search(kind):
                known.add(kind)
                waiting.append(href)


def complaints_of_axe(tab: Page) -> str:
    results = Axe().run(tab)
    return results.generate_report() if results.violations_count else ""


def test_a_phone_by_day_shows_every_page_whole_and_fingers_hit_what_they_aim_at(desk):
    tab, seen, wrong, wide, small = desk(320), [], {}, {}, {}

    for path in walk(tab):
        seen.append(path)
        wrong[path] = complaints_of_axe(tab)
        if (across := tab.evaluate("document.documentElement.scrollWidth")) > 320:
            wide[path] = across
        heights = tab.eval_on_selector_all(
            f"{TYPED}, button, .button",
            "all => all.map(each => [each.outerHTML.slice(0, 90), each.getBoundingClientRect().height])",
        )
        if missed := [what for what, height in heights if height < SMALLEST_TARGET]:
            small[path] = missed

    assert "".join(wrong.values()) == "", {path: report for path, report in wrong.items() if report}
    assert (wide, small) == ({}, {})
    assert len(seen) >= FEWEST, seen


def test_axe_finds_nothing_on_a_desk_at_night(desk):
    tab = desk(1280, colour_scheme="dark")

    wrong = {path: complaints_of_axe(tab) for path in walk(tab)}

    assert "".join(wrong.values()) == "", {path: report for path, report in wrong.items() if report}
    assert len(wrong) >= FEWEST, list(wrong)


def test_without_scripts_every_page_is_there_too(desk):
    tab = desk(320, scripts=False)

    assert len(list(walk(tab))) >= FEWEST


def test_an_order_is_sent_with_the_keyboard_alone(desk):
    tab = desk(1280)

    press(tab, "Orders")
    tab.wait_for_url("**/staff/orders")
    press(tab, "10001")
    tab.wait_for_url("**/staff/orders/1")
    reach(tab, "document.activeElement.name === 'carrier'")
    tab.keyboard.type("Royal Mail")
    reach(tab, "document.activeElement.matches('button') && document.activeElement.textContent.startsWith('Mark as sent')")
    tab.keyboard.press("Enter")

    tab.locator("#order").get_by_text("Royal Mail").first.wait_for()
    assert tab.evaluate("document.querySelector('#order').contains(document.activeElement)")
