"""A real browser for tests: the system's Chromium, driven by playwright.

What is wrong with a page, the browser writes to its console: refused scripts and styles, missing
files, errors of scripts. A visit collects that.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from typing import Any, Final

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
WAIT_MILLISECONDS: Final = 20_000  # for what is to happen; on a machine that does much else

# What htmx says of a request that was under way when its page was left.
_ON_LEAVING: Final = ("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")


def find_chromium() -> str | None:
    """Returns the path of a Chromium of this system, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextlib.contextmanager
def running_chromium(program: str) -> Iterator[Browser]:
    """Starts a browser without a window."""
    # Its own sandbox cannot be had by root, and here it only sees pages of ours.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One page in a browser of its own memory, and what its console said."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.complaints: list[str] = []
        self._context = browser.new_context(**{"locale": "en-GB"} | options)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(WAIT_MILLISECONDS)
        self.page.on("console", self._note)
        self.page.on("pageerror", self._note_error)

    def close(self) -> None:
        """Leaves."""
        self._context.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_ON_LEAVING):
            self.complaints.append(f"{message.type}: {message.text}")

    def _note_error(self, error: Error) -> None:
        self.complaints.append(f"error: {error.message}")
