"""Headless Chromium, as a person would use Superset."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from services.common.settings import Settings

_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """Return the path of the system's Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def superset_page(settings: Settings) -> Iterator[Page]:
    """Open a browser, log in to Superset through its form and yield the page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=_QUIET)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1400})
            page.goto(f"{settings.superset_url}/login/")
            page.locator("#username").fill(settings.admin_user)
            page.locator("#password").fill(settings.admin_password.get_secret_value())
            page.locator("button[type=submit], input[type=submit]").first.click()
            page.wait_for_url(lambda url: "/login" not in url)
            yield page
        finally:
            browser.close()
