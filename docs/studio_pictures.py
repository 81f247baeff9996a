"""Make the pictures of docs/studio.md that show paintings, with a real studio and Chromium.

    python docs/studio_pictures.py

It takes some minutes and needs ``impasto[demo,studio]``, playwright and Debian's Chromium.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from impasto.pictures import write_picture
from impasto.samples import photos

PICTURES = Path(__file__).parent / "pictures"

WIDE: ViewportSize = {"width": 1440, "height": 900}
"""Window of a computer in pixels."""

PHONE: ViewportSize = {"width": 390, "height": 844}
"""Window of a phone in pixels."""

SECONDS = 600
"""Seconds to wait for a painting."""


def main() -> None:
    """Paint in the studio, and save what the page shows."""
    expect.set_options(timeout=1000 * SECONDS)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        photo = Path(folder) / "coffee.png"
        write_picture(photo, photos.load_photo("coffee"))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(Path(folder) / "state") as url:
            on_computer(browser, url, photo)
            on_phone(browser, url, photo)
        browser.close()


@contextmanager
def served(state: Path) -> Iterator[str]:
    """Serve a studio, and yield its address."""
    command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--port", "0", "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def on_computer(browser: Browser, url: str, photo: Path) -> None:
    """Save a painting half done, and the finished one beside the photo."""
    page = browser.new_page(viewport=WIDE, locale="en-GB")
    sketch(page, url, photo)
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_text(re.compile(r"^Painting: [4-8]\d %"))).to_be_visible()
    save([page.screenshot()], "studio-painting", 1152)
    expect(page.get_by_text(re.compile("^Done: "))).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_timeout(1000)  # the page scrolls and fades
    save([page.screenshot()], "studio-compare", 1152)
    page.close()


def on_phone(browser: Browser, url: str, photo: Path) -> None:
    """Save the sketch and the finished painting, side by side."""
    page = browser.new_page(viewport=PHONE, locale="en-GB", has_touch=True, is_mobile=True)
    sketch(page, url, photo)
    page.get_by_role("button", name="Compare").click()
    page.wait_for_timeout(1000)
    before = page.screenshot()
    page.get_by_role("button", name="Paint", exact=True).click()
    expect(page.get_by_text(re.compile("^Done: "))).to_be_visible()
    page.wait_for_timeout(1000)
    save([before, page.screenshot()], "studio-phone", 390)
    page.close()


def sketch(page: Page, url: str, photo: Path) -> None:
    """Choose a photo on the page, and wait for its sketch."""
    page.goto(url)
    with page.expect_file_chooser() as chooser:
        page.locator(".drop").click()
    with page.expect_response("**/api/previews"):
        chooser.value.set_files(photo)
    expect(page.get_by_text("An instant sketch")).to_be_visible()
    page.wait_for_timeout(1000)


def save(screenshots: list[bytes], name: str, width: int) -> None:
    """Save screenshots side by side, each scaled to a width in pixels."""
    pictures = [Image.open(BytesIO(data)).convert("RGB") for data in screenshots]
    pictures = [it.resize((width, round(it.height * width / it.width)), Image.Resampling.LANCZOS) for it in pictures]
    gap = 20
    sheet = Image.new("RGB", (sum(it.width + gap for it in pictures) - gap, pictures[0].height), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * (width + gap), 0))
    sheet.save(PICTURES / f"{name}.jpg", quality=88, optimize=True)


if __name__ == "__main__":
    main()
