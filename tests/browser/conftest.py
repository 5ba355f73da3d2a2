"""A browser, the local server in both modes of access, and pages whose errors are noticed."""

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.proxy import Proxy
from tests.browser.servers import Guest, LocalServer, redeem
from tests.browser.watch import Watch, watched

LINES_OF_LOG = 30
# In the place of five seconds: other suites may run at the same time.
expect.set_options(timeout=15_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, Any, Any]:
    """Show what the servers wrote, where a test fails."""
    report = yield
    if report.failed:
        for name in ("server", "open_server"):
            used = item.funcargs.get(name)
            if isinstance(used, LocalServer):
                report.sections.append((f"log of {name}", "\n".join(used.log[-LINES_OF_LOG:])))
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, of the system."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_server() -> Iterator[LocalServer]:
    """A server where anyone may ask."""
    server = LocalServer("open")
    yield server
    server.close()


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    """A server where a visitor needs an invitation."""
    server = LocalServer("api-key")
    yield server
    server.close()


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[Proxy]:
    """A proxy in front of the server that asks for an invitation."""
    with Proxy(server.port).running() as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What browsers complained about during the test, which is nothing unless the test says so."""
    watch = Watch()
    yield watch
    assert watch.unexpected() == []


class Pages:
    """Opens pages, each on a device of its own: it shares nothing with the others.

    Args:
        browser: the browser.
        watch: what collects complaints about them.
    """

    def __init__(self, browser: Browser, watch: Watch) -> None:
        self._browser = browser
        self._watch = watch
        self._devices: list[BrowserContext] = []

    def device(self, **options: Any) -> BrowserContext:
        """Return another device, with the options of ``Browser.new_context``."""
        device = self._browser.new_context(**{"locale": "en-GB", **options})
        device.set_default_timeout(15_000)
        self._devices.append(device)
        return device

    def blank(self, device: BrowserContext | None = None, **options: Any) -> Page:
        """Return a page that has not opened anything."""
        return watched((device or self.device(**options)).new_page(), self._watch)

    def open(self, address: str, *, guest: Guest | None = None, **options: Any) -> Page:
        """Open an address; a guest is signed in there before."""
        device = self.device(**options)
        if guest:
            device.add_cookies([redeem(address.partition("#")[0], guest)])
        page = self.blank(device)
        page.goto(address)
        return page

    def close(self) -> None:
        """Close all of them."""
        for device in self._devices:
            device.close()


@pytest.fixture
def pages(browser: Browser, watch: Watch) -> Iterator[Pages]:
    """Open pages, which are closed after the test."""
    pages = Pages(browser, watch)
    yield pages
    pages.close()
