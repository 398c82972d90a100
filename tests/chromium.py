"""Chromium, as a shopper without and with JavaScript; what it complains about is collected."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

ARGUMENTS = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]
PATIENCE = 10_000  # milliseconds that an expected thing may take to appear
# Chromium reports every answer that is no success; these are what our pages answer on purpose and htmx swaps in.
MEANT = re.compile(r"Failed to load resource: the server responded with a status of (409|422|429)\b")


class Chromium:
    """Opens tabs; `complaints` has their console errors, CSP violations and uncaught exceptions since it was last cleared."""

    def __init__(self, browser: Browser):
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(
        self,
        url: str,
        *,
        scripts: bool = True,
        viewport: tuple[int, int] = (1280, 800),
        colour_scheme: str = "light",
        **options: Any,
    ) -> Page:
        """A tab of a new person (no cookies), for which goto("/…") starts at this URL. More `options` are Playwright's own."""
        context = self.browser.new_context(
            base_url=url,
            java_script_enabled=scripts,
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme=colour_scheme,  # type: ignore[arg-type]
            **options,
        )
        context.set_default_timeout(PATIENCE)
        context.on("console", self.on_console)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        self.contexts.append(context)
        return context.new_page()

    def on_console(self, message: ConsoleMessage) -> None:
        # CSP violations come as errors too, and with scripts off they come in no other way.
        if message.type in ("error", "warning") and not MEANT.search(message.text):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def close(self) -> None:
        for context in self.contexts:
            context.close()
