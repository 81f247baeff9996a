"""Speed of the studio: the first sketch, the stop, 200 listeners, and the brush.

    python -m benchmarks.studio [--parts sketch stop listeners brush] [--seconds 60] [--listeners 200]

Each part starts a studio of its own with an empty state folder. *sketch* and *brush* use the page in Debian's Chromium,
by Playwright. *listeners* alternates windows without and with listeners during one painting, so that a machine that
slows down affects both, and compares their iterations per second. The listeners run in one other process of the same
machine, whose processor time counts against the studio.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import http.client
import io
import json
import multiprocessing
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psutil
from PIL import Image

from impasto.engine.cores import physical_cores
from impasto.pictures import resize
from impasto.samples.photos import load_photo

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = 512
"""Long side of photographs and paintings in pixels."""

SETTLING_SECONDS = 8.0
"""Seconds between the start of a studio and the first drop; a visitor needs them to read the page and find a photo."""

LONG_JOB = {"size": SIZE, "optimization": {"iterations": 10_000, "max_octaves": 1}}
"""Settings of a painting that lasts longer than a measurement, with iterations of equal cost."""

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
"""Drops a JPEG file on the page, and returns the seconds until the frame after the one that shows its sketch."""

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


class Row(NamedTuple):
    """A row of the table: a quantity, its measured value, the goal, and whether it was met."""

    quantity: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Studio:
    """A studio in a process of its own.

    Attributes:
        process: the server.
        port: its port.
        token: its token.
    """

    process: psutil.Process
    port: int
    token: str

    @property
    def origin(self) -> str:
        """Address of the page without the token."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request that the studio accepts."""
        return {"Authorization": f"Bearer {self.token}", "Origin": self.origin}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request, bytes as a picture and anything else as JSON, and return the JSON answer."""
        kind = "image/jpeg" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request(method, path, data, {**self.headers, "Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {text.decode()}")
        return json.loads(text) if text else None

    def queue(self, settings: dict[str, Any]) -> str:
        """Queue a painting of a new photograph, and return its id."""
        photo = self.call("POST", "/api/pictures?name=photo.jpg", photo_file(SIZE))["id"]
        request = {"photo": photo, "styles": [{"style": "swirls"}], "settings": settings}
        return str(self.call("POST", "/api/jobs", request)["id"])

    def events(self) -> Iterator[tuple[str, Any]]:
        """Follow the events from now on, yielding kind and data of each."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        connection.request("GET", "/api/events", headers=self.headers)
        answer = connection.getresponse()
        kind = ""
        for line in answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


@contextmanager
def serving() -> Iterator[Studio]:
    """Serve a studio with an empty state folder while this context lasts."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "impasto", "studio", "--no-browser", "--port", "0", "--state", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        try:
            found = re.search(r":(\d+)/\?token=(\S+)", process.stdout.readline())
            if found is None:
                raise RuntimeError("the studio did not start")
            yield Studio(psutil.Process(process.pid), int(found[1]), found[2])
        finally:
            process.terminate()
            process.wait(60)


def photo_file(side: int) -> bytes:
    """Return scikit-image's coffee as a JPEG file with a long side of ``side`` pixels."""
    pixels = load_photo("coffee")
    height, width = pixels.shape[:2]
    size = (side * height // width, side)
    image = Image.fromarray((resize(pixels, *size).clip(0, 1) * 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


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
    first, later, large, sliders = [], [], [], []
    small_file, large_file = photo_file(SIZE), photo_file(4000)
    for number in range(rounds):
        with serving() as studio, visiting(studio) as page:
            time.sleep(SETTLING_SECONDS)

            def drop(file: bytes, name: str, page: Page = page) -> float:
                return float(page.evaluate(DROP, [base64.b64encode(file).decode(), name]))

            first.append(drop(small_file, f"first-{number}.jpg"))
            later.append(drop(small_file, "later.jpg"))
            with page.expect_response("**/api/previews") as answer:
                page.get_by_label("Strength").fill("0.8")
            answer.value.finished()
            sliders.append(answer.value.request.timing["responseEnd"] / 1000)
            large.append(drop(large_file, "large.jpg"))
    return [
        Row("drop to sketch, first after the start, 512 px, s", _spread(first), "< 1", max(first) < 1),
        Row("drop to sketch, later, 512 px, s", _spread(later), "< 1", max(later) < 1),
        Row("drop to sketch, photograph of 4000 × 2666, s", _spread(large)),
        Row("slider to sketch, s", _spread(sliders)),
    ]


def measure_stop(rounds: int) -> list[Row]:
    """Measure seconds from a stop to the stopped state, with the picture saved, less those of an iteration."""
    waits, iterations = [], []
    with serving() as studio:
        job = studio.queue(LONG_JOB)
        for number in range(rounds):
            ends: list[float] = []
            for kind, data in studio.events():
                if kind == "progress" and data["job"] == job and data["progress"]:
                    ends.append(data["progress"]["elapsed"])
                    if len(ends) == 6 + number % 3:
                        break
            iterations.append(statistics.median(np.diff(ends[1:])))
            time.sleep(iterations[-1] * number / rounds)  # at another point of the iteration each time
            begun = time.perf_counter()
            studio.call("POST", f"/api/jobs/{job}/stop")
            while studio.call("GET", f"/api/jobs/{job}")["state"] != "stopped":
                time.sleep(0.005)
            waits.append(time.perf_counter() - begun)
            studio.call("POST", f"/api/jobs/{job}/resume")
    iteration = statistics.median(iterations)
    excess = max(waits) - iteration
    return [
        Row("iteration at 512 px, s", _spread(iterations)),
        Row("stop to stopped and saved, s", _spread(waits)),
        Row("longest stop less an iteration, s", f"{excess:.2f}", "≤ 0.2", excess <= 0.2),
    ]




async def _listen(port: int, headers: dict[str, str], after: int, heard: list[int]) -> None:
    """Follow the events after an id, appending the id of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET /api/events?after={after} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode())
    rest = b""
    try:
        while block := await reader.read(65536):
            *whole, rest = (rest + block).split(b"\n")
            heard += [int(line[4:]) for line in whole if line.startswith(b"id: ")]
    finally:
        writer.close()


def _listen_all(connection: Connection, studio: tuple[int, dict[str, str]], count: int, after: int) -> None:
    """Follow the events with many listeners until the parent sends an id, and all have received it; answer with ids."""

    async def follow() -> list[list[int]]:
        heard: list[list[int]] = [[] for _ in range(count)]
        tasks = [asyncio.create_task(_listen(*studio, after, ids)) for ids in heard]
        last = await asyncio.to_thread(connection.recv)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not all(ids and ids[-1] >= last for ids in heard):
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return heard

    heard = asyncio.run(follow())
    connection.send((heard, time.process_time()))


class Counter:
    """Counts the iterations of the painting that a studio works on, on a thread of its own."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.iterations = 0
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            for kind, data in self._studio.events():
                if kind == "progress" and data["progress"]:
                    self.iterations = data["progress"]["iteration"]
        except OSError:
            pass

    def rate(self, seconds: float, act: Callable[[], None] = lambda: None) -> float:
        """Return the iterations per second during an interval; ``act`` is called every second."""
        start, begun = self._next(), time.monotonic()
        while time.monotonic() < begun + seconds:
            act()
            time.sleep(1)
        return (self._next() - start) / (time.monotonic() - begun)

    def _next(self) -> int:
        """Wait for the end of an iteration, and return its number."""
        before = self.iterations
        while self.iterations == before:
            time.sleep(0.002)
        return self.iterations


def measure_listeners(count: int, seconds: float) -> list[Row]:
    """Measure events lost, memory and the slowdown of painting while many listeners follow one job."""
    windows = 4
    quiet, busy, lost, sizes, processor, clients = [], [], 0, [], [], 0.0
    context = multiprocessing.get_context("spawn")
    with serving() as studio:
        studio.queue(LONG_JOB)
        counter = Counter(studio)
        counter.rate(10)  # until caches and memory are as they stay
        received = 0
        for _ in range(windows):
            quiet.append(counter.rate(seconds / windows))
            ours, theirs = context.Pipe()
            after = studio.call("GET", "/api/state")["event"]
            child = context.Process(target=_listen_all, args=(theirs, (studio.port, studio.headers), count, after))
            child.start()
            time.sleep(4)  # until all are connected
            used = studio.process.cpu_times()
            begun = time.monotonic()
            busy.append(counter.rate(seconds / windows, lambda: sizes.append(studio.process.memory_info().rss)))
            now = studio.process.cpu_times()
            processor.append((now.user + now.system - used.user - used.system) / (time.monotonic() - begun))
            last = studio.call("GET", "/api/state")["event"]
            ours.send(last)
            heard, spent = ours.recv()
            clients += spent
            child.join()
            expected = set(range(after + 1, last + 1))
            lost += sum(len(expected - set(ids)) for ids in heard)
            received += sum(map(len, heard))
    slowdown = 1 - statistics.median(b / q for q, b in zip(quiet, busy, strict=True))
    growth = (statistics.median(sizes[-5:]) - statistics.median(sizes[:5])) / 1e6
    return [
        Row(f"events received by {count} listeners in {seconds:.0f} s", str(received)),
        Row("events lost", str(lost), "0", lost == 0),
        Row("growth of the server's memory, MB", f"{growth:.1f}", "flat", growth < 5),
        Row("iterations per second without and with listeners", f"{np.mean(quiet):.2f}, {np.mean(busy):.2f}"),
        Row("painting slowed by", f"{slowdown:.1%}", "< 5 %", slowdown < 0.05),
        Row("server's share of a core with listeners", f"{np.mean(processor):.1%}"),
        Row("listeners' own share of a core", f"{clients / (seconds + 4 * windows):.1%}"),
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


def _spread(values: list[float]) -> str:
    """Return median, and lowest and highest value."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("sketch", "stop", "listeners", "brush")
    parser.add_argument("--parts", nargs="+", choices=names, default=list(names))
    parser.add_argument("--rounds", type=int, default=5, help="drops and stops")
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60, help="time with listeners")
    given = parser.parse_args()
    measures: dict[str, Callable[[], list[Row]]] = {
        "sketch": lambda: measure_sketch(given.rounds),
        "stop": lambda: measure_stop(given.rounds),
        "listeners": lambda: measure_listeners(given.listeners, given.seconds),
        "brush": lambda: measure_brush(5),
    }
    where = f"{platform.processor() or platform.machine()}, {physical_cores()} cores"
    print(f"{where}, load before the start {os.getloadavg()[0]:.1f}\n")
    print("| quantity | value | goal | met |\n|---|---|---|---|")
    words = {True: "yes", False: "**no**", None: ""}
    for part in given.parts:
        for row in measures[part]():
            print(f"| {row.quantity} | {row.value} | {row.goal} | {words[row.met]} |", flush=True)


if __name__ == "__main__":
    main()
