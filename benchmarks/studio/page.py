"""Measurements of the page in Chromium: the first sketch, and the brush."""

from __future__ import annotations

import base64
import io
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.studio.server import SIZE, Row, Studio, photo_file, serving, spread

if TYPE_CHECKING:
    from playwright.sync_api import Page

DROP = """([bytes, name]) => new Promise((resolve) => {
  const data = new DataTransfer();
  const file = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
  data.items.add(new File([file], name, { type: 'image/jpeg' }));
  const target = document.querySelector('#main');
  const begun = performance.now();
  for (const type of ['dragenter', 'dragover', 'drop']) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
  const look = () => {
    const label = document.querySelector('.stage canvas')?.getAttribute('aria-label') || '';
    if (label.startsWith('Sketch') && label.includes(name)) {
      requestAnimationFrame(() => resolve((performance.now() - begun) / 1000));
    } else requestAnimationFrame(look);
  };
  look();
})"""
"""Script that drops a JPEG file on the page, and returns the seconds until its sketch has been on the screen."""

TRACE_FRAMES = """() => {
  let moves = 0;
  window.tracedFrames = [];
  addEventListener('pointermove', () => { moves += 1; }, true);
  const tick = (time) => {
    window.tracedFrames.push([time, moves]);
    moves = 0;
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}"""
"""Notes the time of each frame, and the number of pointer movements since the last one."""


@contextmanager
def visiting(studio: Studio) -> Iterator[Page]:
    """Open the page in Chromium without a window while this context lasts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page.set_default_timeout(300_000)
        page.goto(f"{studio.origin}/?token={studio.token}")
        page.locator("#main").wait_for()
        yield page
        browser.close()


def measure_sketch(rounds: int) -> list[Row]:
    """Measure seconds from the drop of a photograph to its sketch on the screen."""
    first, processor, later, large, sliders = [], [], [], [], []
    small_file, large_file = photo_file(SIZE), photo_file(4000)
    for number in range(rounds):
        with serving() as studio, visiting(studio) as page:
            studio.wait_until_idle()  # a visitor needs longer to find a photograph
            used = studio.processor_seconds()

            def drop(file: bytes, name: str, page: Page = page) -> float:
                return float(page.evaluate(DROP, [base64.b64encode(file).decode(), name]))

            first.append(drop(small_file, f"first-{number}.jpg"))
            processor.append(studio.processor_seconds() - used)
            later.append(drop(small_file, "later.jpg"))
            with page.expect_response("**/api/previews") as answer:
                page.get_by_label("Strength").fill("0.8")
            answer.value.finished()
            sliders.append(answer.value.request.timing["responseEnd"] / 1000)
            large.append(drop(large_file, "large.jpg"))
    return [
        Row("drop to sketch, first after the start, 512 px, s", spread(first), "< 1", max(first) < 1),
        Row("the studio's processor time for it, s", spread(processor)),
        Row("drop to sketch, later, 512 px, s", spread(later), "< 1", max(later) < 1),
        Row("drop to sketch, photograph of 4000 × 2666, s", spread(large)),
        Row("slider to sketch, s", spread(sliders)),
    ]


def measure_brush(seconds: float) -> list[Row]:
    """Measure the frames per second while the mouse draws on a mask of 2048 × 2048 pixels."""
    image = Image.effect_noise((2048, 2048), 40).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    with serving() as studio, visiting(studio) as page:
        page.evaluate(DROP, [base64.b64encode(buffer.getvalue()).decode(), "square.jpg"])
        page.get_by_role("button", name="Draw: Leave as in the photo").click()
        page.get_by_label("Softness").wait_for()
        box = page.locator(".stage canvas").bounding_box()
        assert box
        side = min(box["width"], box["height"])
        left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
        page.mouse.move(left + 0.2 * side, top + 0.5 * side)
        page.mouse.down()
        page.evaluate(TRACE_FRAMES)
        begun, moves = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            x, y = 0.5 + 0.35 * np.cos(moves / 9), 0.5 + 0.35 * np.sin(moves / 7)
            page.mouse.move(left + float(x) * side, top + float(y) * side)
            moves += 1
        frames = np.array(page.evaluate("() => window.tracedFrames"))
        page.mouse.up()
    gaps = np.diff(frames[:, 0])[frames[:-1, 1] > 0]  # from each frame that drew to the next one
    rate = 1000 * len(gaps) / gaps.sum()
    return [
        Row("brush on a mask of 2048 × 2048, frames per second", f"{rate:.0f}", "≥ 30", bool(rate >= 30)),
        Row("longest frame but 5 %, ms", f"{np.percentile(gaps, 95):.0f}", "≤ 33", bool(np.percentile(gaps, 95) <= 34)),
        Row("frames that drew, of all", f"{len(gaps)} of {len(frames)}"),
    ]
