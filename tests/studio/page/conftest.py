"""A real studio on this machine, and Chromium to visit it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.studio.conftest import png

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SECONDS = 120
"""Seconds to wait for anything on a busy machine."""


class Studio:
    """A studio in a process of its own.

    Args:
        folder: folder of its state.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.url = ""

    @property
    def origin(self) -> str:
        """Address without the token."""
        return self.url.partition("/?")[0]

    def start(self) -> None:
        """Start it, on the same port as before."""
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self._port), "--state", str(self._folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        found = re.search(r":(\d+)/", self.url)
        assert found, self.url
        self._port = int(found[1])

    def kill(self) -> None:
        """Kill it without a warning."""
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal, and wait for the end."""
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.wait(timeout=60)
        assert self._process.stdout
        self._process.stdout.close()
        self._process = None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return Debian's Chromium without a window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studio(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Return a studio that all tests share."""
    studio = Studio(tmp_path_factory.mktemp("studio"))
    studio.start()
    yield studio
    studio.end()


class Visitor:
    """A browser's context that keeps what went wrong."""

    def __init__(self, context: BrowserContext, studio: Studio) -> None:
        self._context, self._studio = context, studio
        self.problems: list[str] = []
        self.requests: list[str] = []
        context.set_default_timeout(SECONDS * 1000)

    def open(self, view: str = "", settings: dict[str, Any] | None = None) -> Page:
        """Open the page in a new tab.

        Args:
            view: hash of the address.
            settings: settings of the draft.
        """
        page = self._context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type == "error" and self.problems.append(f"{message.text} {message.location['url']}")
            ),
        )
        page.on("request", lambda request: self.requests.append(request.url))
        if settings is not None:
            page.add_init_script(
                "if (!sessionStorage['impasto.draft']) sessionStorage['impasto.draft'] = "
                f"JSON.stringify({{settings: {json.dumps(settings)}}})"
            )
        page.goto(self._studio.url)
        page.wait_for_url(f"{self._studio.origin}/")
        if view:
            page.goto(f"{self._studio.origin}/{view}")
        page.locator("#main").wait_for()
        return page


@pytest.fixture
def visit(browser: Browser, studio: Studio) -> Iterator[Callable[..., Visitor]]:
    """Return a function that makes visitors; arguments are those of a browser's context."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> Visitor:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"} | options)
        contexts.append(context)
        return Visitor(context, studio)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small photograph."""
    path = tmp_path_factory.mktemp("photos") / "harbour.png"
    path.write_bytes(png())
    return path


def choose_photo(page: Page, photo: Path) -> None:
    """Choose a photo, as a visitor without one."""
    with page.expect_file_chooser() as chooser:
        page.locator(".drop").click()
    chooser.value.set_files(photo)
    page.locator(".stage canvas").wait_for()


def api(page: Page, method: str, path: str, **options: Any) -> Any:
    """Send a request with the page's cookie, and return the JSON of the answer."""
    origin = re.match(r"https?://[^/]+", page.url)
    assert origin
    headers = {"Origin": origin[0], **options.pop("headers", {})}
    answer = page.request.fetch(f"{origin[0]}{path}", method=method, headers=headers, **options)
    assert answer.ok, answer.text()
    return answer.json() if answer.status != 204 else None


def queue_job(page: Page, settings: dict[str, Any], **fields: Any) -> str:
    """Queue a painting of a new photo, and return its id."""
    headers = {"Content-Type": "image/png"}
    photo = api(page, "POST", "/api/pictures?kind=photo&name=harbour.png", data=png(), headers=headers)
    body = {"photo": photo["id"], "styles": [{"style": "swirls"}], "settings": settings, **fields}
    return str(api(page, "POST", "/api/jobs", data=body)["id"])
