"""Somebody in front of lynx, w3m or links, who walks by the keyboard: as many stops as the page has before a link or field."""

from pathlib import Path
from xml.etree.ElementTree import Element

from tests.page import Document
from tests.shopper import says
from tests.textbrowsers.terminal import Terminal
from tests.tools import need

ENTER, TAB, DOWN, CONTROL_L = "\r", "\t", "\x1b[B", "\x0c"


def stops(page: Document, *more: str) -> list[Element]:
    """What the keyboard stops at, in order; at `more` tags, too."""
    return [element for element in page.elements if element.tag in more or (element.get("disabled") is None and is_stop(element))]


def is_stop(element: Element) -> bool:
    if element.tag == "a":
        return bool(element.get("href"))
    return element.tag in ("select", "textarea", "button") or (element.tag == "input" and element.get("type") != "hidden")


class Person:
    """What all three have in common. `at` is the stop where the cursor stands on the open page."""

    command: tuple[str, ...]
    next_key = TAB
    redraw_key = ""
    passed_by: tuple[str, ...] = ()
    first_keys: tuple[str, ...] = ()  # to the page's first stop

    def __init__(self, url: str, home: Path, words: str):
        self.terminal = Terminal([need(self.command[0]), *self.command[1:], url], home)
        self.open(words)

    def open(self, words: str) -> None:
        """A page with these words was asked for."""
        self.terminal.wait_for(words, self.redraw_key)
        self.terminal.press(*self.first_keys)
        self.at = 0

    def walk_to(self, page: Document, element: Element) -> None:
        there = stops(page, *self.passed_by).index(element)
        assert there >= self.at, f"{element.tag} {says(element)} is behind"
        self.terminal.press(*[self.next_key] * (there - self.at))
        self.at = there

    def activate(self, page: Document, element: Element, words: str) -> None:
        """Follow a link, press a button: a page with these words comes."""
        self.walk_to(page, element)
        self.terminal.press(ENTER)
        self.open(words)

    def fill_in(self, page: Document, element: Element, text: str) -> None:
        self.walk_to(page, element)
        self.terminal.press(text)

    def choose(self, page: Document, element: Element) -> None:
        """Choose a radio."""
        self.walk_to(page, element)
        self.terminal.press(ENTER)

    def close(self) -> None:
        self.terminal.close()


class Lynx(Person):
    command = ("lynx", "-accept_all_cookies", "-nopause")


class W3m(Person):
    command = ("w3m", "-cookie", "-o", "accept_cookie=1", "-o", "use_mouse=0", "-o", "display_image=0")
    redraw_key = CONTROL_L
    first_keys = ("[",)

    def fill_in(self, page: Document, element: Element, text: str) -> None:
        """w3m asks for the text on its last line."""
        self.walk_to(page, element)
        self.terminal.press(ENTER, text, ENTER)


class Links(Person):
    command = ("links", "-aggressive-cache", "0")
    passed_by = ("img",)  # it stops at pictures, too
    next_key = DOWN
    redraw_key = CONTROL_L

    def __init__(self, url: str, home: Path, words: str):
        super().__init__(url, home, words)
        self.terminal.press(ENTER)  # it welcomes whoever is new
