"""Somebody with a keyboard and nothing else, in Chromium."""

from playwright.sync_api import Page


def press(tab: Page, words: str) -> None:
    """Tab to what says this, and press Enter there."""
    reach(tab, f"document.activeElement.textContent.trim().startsWith({words!r})")
    tab.keyboard.press("Enter")


def reach(tab: Page, condition: str) -> None:
    for _ in range(120):
        tab.keyboard.press("Tab")
        if tab.evaluate(f"document.activeElement !== document.body && {condition}"):
            return
    raise AssertionError(f"Tab never comes to where {condition}")
