"""Measurements of a painting: the stop, and many listeners."""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple, cast

import numpy as np

from benchmarks.studio.server import SIZE, Row, Studio, serving, spread

LONG_JOB = {"size": SIZE, "optimization": {"iterations": 10_000, "max_octaves": 1}}
"""Settings of a painting that lasts longer than a measurement, with iterations of equal cost."""


WINDOWS = 4
"""Number of windows with listeners, and of those without."""


def measure_stop(rounds: int) -> list[Row]:
    """Measure seconds from a stop to the stopped state, with the picture saved, less those of an iteration."""
    waits, iterations, excesses = [], [], []
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
            excesses.append(waits[-1] - iterations[-1])
            studio.call("POST", f"/api/jobs/{job}/resume")
    return [
        Row("iteration at 512 px, s", spread(iterations)),
        Row("stop to stopped and saved, s", spread(waits)),
        Row("the same less an iteration, s", spread(excesses), "≤ 0.2", max(excesses) <= 0.2),
    ]


def listen(connection: Connection, port: int, headers: dict[str, str], count: int, after: int) -> None:
    """Follow the events after an id with many listeners until all have received the id that the parent sends.

    Sends a word once all are connected. Answers with the ids that each received, and with its processor time in
    seconds.
    """
    begun = time.process_time()
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET /api/events?after={after} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()
    blocks: dict[socket.socket, list[bytes]] = {}
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            listener = socket.create_connection(("127.0.0.1", port))
            listener.sendall(request)
            selector.register(listener, selectors.EVENT_READ)
            blocks[listener] = []
        connection.send("connected")
        last, deadline = 0, float("inf")
        while time.monotonic() < deadline:
            for key, _ in selector.select(0.2):
                listener = cast(socket.socket, key.fileobj)
                blocks[listener].append(listener.recv(65536))
            if not last and connection.poll():
                last, deadline = connection.recv(), time.monotonic() + 2
    for listener in blocks:
        listener.close()
    ids = [[int(number) for number in re.findall(rb"^id: (\d+)$", b"".join(parts), re.M)] for parts in blocks.values()]
    connection.send(([[number for number in each if number <= last] for each in ids], time.process_time() - begun))


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


class Window(NamedTuple):
    """An interval of a painting.

    Attributes:
        rate: iterations per second.
        processor: share of a core that the server used.
    """

    rate: float
    processor: float


def _watch(studio: Studio, counter: Counter, seconds: float, act: Callable[[], None] = lambda: None) -> Window:
    """Measure an interval; ``act`` is called every second."""
    before, begun = sum(studio.process.cpu_times()[:2]), time.monotonic()
    rate = counter.rate(seconds, act)
    return Window(rate, (sum(studio.process.cpu_times()[:2]) - before) / (time.monotonic() - begun))


def measure_listeners(count: int, seconds: float) -> list[Row]:
    """Measure events lost, memory and the slowdown of painting while many listeners follow one job."""
    quiet, busy, sizes = [], [], []
    received = lost = 0
    clients = 0.0
    context = multiprocessing.get_context("spawn")
    with serving() as studio:
        studio.queue(LONG_JOB)
        counter = Counter(studio)
        counter.rate(10)  # until caches and memory are as they stay
        for _ in range(WINDOWS):
            quiet.append(_watch(studio, counter, seconds / WINDOWS))
            ours, theirs = context.Pipe()
            after = studio.call("GET", "/api/state")["event"]
            child = context.Process(target=listen, args=(theirs, studio.port, studio.headers, count, after))
            child.start()
            ours.recv()
            begun = time.monotonic()
            window = partial(_watch, studio, counter, seconds / WINDOWS)
            busy.append(window(lambda: sizes.append(studio.process.memory_info().rss)))
            last = studio.call("GET", "/api/state")["event"]
            ours.send(last)
            heard, spent = ours.recv()
            clients += spent / (time.monotonic() - begun) / WINDOWS
            child.join()
            lost += sum(len(set(range(after + 1, last + 1)) - set(ids)) for ids in heard)
            received += sum(map(len, heard))
    slowdown = 1 - statistics.median(b.rate / q.rate for q, b in zip(quiet, busy, strict=True))
    growth = (statistics.median(sizes[-5:]) - statistics.median(sizes[:5])) / 1e6
    rates = [statistics.median(window.rate for window in windows) for windows in (quiet, busy)]
    server = statistics.mean(b.processor - q.processor for q, b in zip(quiet, busy, strict=True))
    return [
        Row(f"events received by {count} listeners in {seconds:.0f} s", str(received)),
        Row("events lost", str(lost), "0", lost == 0),
        Row("growth of the server's memory, MB", f"{growth:.1f}", "flat", growth < 5),
        Row("iterations per second without and with listeners", f"{rates[0]:.2f}, {rates[1]:.2f}"),
        Row("painting slowed by", f"{slowdown:.1%}", "< 5 %", slowdown < 0.05),
        Row("server's processor time for the listeners, share of a core", f"{server:.1%}"),
        Row("listeners' own processor time, share of a core", f"{clients:.1%}"),
    ]
