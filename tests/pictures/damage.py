"""Reads damaged files, and reports what is neither read nor refused in one sentence.

Run ``python -m tests.pictures.damage --count 10000 --seed 1``. Small valid files of every format are damaged (bits,
ends, splices, chunks, lengths), and a worker with limits of time and memory reads them.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import resource
import select
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from impasto.errors import PictureError
from impasto.pictures import PictureWarning, read_picture, read_record
from tests.pictures.samples import assert_one_sentence
from tests.pictures.valid_files import chunk_bounds, valid_files

SECONDS = 10
"""Time that the worker has for one file."""

MAX_PIXELS = 20_000_000
"""Pixel limit of the worker, at which good pictures fit in its memory."""

MEMORY = 2 * 2**30
"""Address space that the worker has, in bytes."""

START_SECONDS = 10
"""Further time for the first file, in which the worker starts."""

COMMAND = (sys.executable, "-m", "tests.pictures.damage", "--worker")
"""Command that starts a worker."""

_LENGTHS = (0, 1, 2, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1)
_FAILURE = "failure: "


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a file with one to three kinds of damage."""
    kinds = (_flip_bits, _truncate, _splice, _duplicate_chunk, _swap_chunks, _change_length)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(kinds)(data, chance) or data
    # Most damage would go no further than the checksums.
    return _with_right_checksums(data) if data.startswith(b"\x89PNG") and chance.random() < 0.5 else data


def _flip_bits(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 3, 20))):
        end = len(changed) if chance.random() < 0.5 else min(300, len(changed))
        changed[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.choice((len(data) - chance.randrange(1, 40), chance.randrange(len(data))))]


def _splice(data: bytes, chance: random.Random) -> bytes:
    source, target = chance.randrange(len(data)), chance.randrange(len(data))
    piece = chance.choice((data[source : source + chance.randrange(200)], chance.randbytes(chance.randrange(50))))
    return data[:target] + piece + data[target + chance.choice((0, len(piece))) :]


def _pieces(data: bytes) -> list[bytes]:
    bounds = [0, *chunk_bounds(data), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


def _duplicate_chunk(data: bytes, chance: random.Random) -> bytes:
    pieces = _pieces(data)
    place = chance.randrange(len(pieces))
    return b"".join([*pieces[:place], pieces[place] * 2, *pieces[place + 1 :]])


def _swap_chunks(data: bytes, chance: random.Random) -> bytes:
    pieces = _pieces(data)
    first, second = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    pieces[first], pieces[second] = pieces[second], pieces[first]
    return b"".join(pieces)


def _change_length(data: bytes, chance: random.Random) -> bytes:
    place = chance.choice([*chunk_bounds(data), chance.randrange(len(data))]) + chance.choice((0, 0, 2, 4))
    code = chance.choice(("<H", ">H", "<L", ">L"))
    value = chance.choice(_LENGTHS) % 2 ** (8 * struct.calcsize(code))
    changed = bytearray(data)
    with contextlib.suppress(struct.error):  # too close to the end
        struct.pack_into(code, changed, place, value)
    return bytes(changed)


def _with_right_checksums(data: bytes) -> bytes:
    changed = bytearray(data)
    for start in chunk_bounds(data):
        if start + 12 <= len(data):
            end = start + 8 + struct.unpack_from(">L", data, start)[0]
            if end + 4 <= len(data):
                struct.pack_into(">L", changed, end, zlib.crc32(changed[start + 4 : end]))
    return bytes(changed)


def read_quietly(path: Path) -> str:
    """Read a file and its record; return "read", "refused" or the failure."""
    outcome = "read"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for read in (lambda path: read_picture(path, max_pixels=MAX_PIXELS), read_record):
            try:
                read(path)
            except PictureError as error:
                if "fit in memory" in str(error):
                    return f"{_FAILURE}memory: {error}"
                try:
                    assert_one_sentence(error, str(path))
                except AssertionError:
                    return f"{_FAILURE}sentence: {error}"
                outcome = "refused"
            except Exception as error:
                return f"{_FAILURE}{error!r}"
    others = [str(warning.message) for warning in caught if warning.category is not PictureWarning]
    return f"{_FAILURE}warning: {others[0]}" if others else outcome


def _work() -> None:
    """Read the files whose paths come line by line, and print the outcomes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        print(json.dumps(read_quietly(Path(line.rstrip("\n")))), flush=True)


class Worker:
    """A process that reads files; it is replaced if it dies or exceeds its time."""

    def __init__(self, folder: Path, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._started = False
        self._path = folder / "file"
        self._temporary = folder / "temporary"
        self._temporary.mkdir()
        self._errors = (folder / "errors").open("w+b")
        self._process: subprocess.Popen[str] | None = None

    def read(self, data: bytes) -> str:
        """Return the outcome of reading a file with this content."""
        self._path.write_bytes(data)
        outcome = self._answer()
        self._errors.seek(0)
        printed = self._errors.read()
        self._errors.truncate(0)
        if printed and not outcome.startswith(_FAILURE):
            outcome = f"{_FAILURE}output: {printed[:300]!r}"
        left = [path.name for path in self._temporary.iterdir()]
        if left and not outcome.startswith(_FAILURE):
            outcome = f"{_FAILURE}files left behind: {left}"
        return outcome

    def _answer(self) -> str:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
                env={**os.environ, "TMPDIR": str(self._temporary)},
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{self._path}\n")
        process.stdin.flush()
        limit = SECONDS if self._started else SECONDS + START_SECONDS
        answered = bool(select.select([process.stdout], [], [], limit)[0])
        line = process.stdout.readline() if answered else ""
        self._started = bool(line)
        if line:
            return str(json.loads(line))
        self._end()
        return _FAILURE + ("the worker died" if answered else "time")

    def close(self) -> None:
        """End the process, and close its files."""
        self._end()
        self._errors.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@dataclass
class Report:
    """Outcomes by kind of file, and the damaged files that failed.

    Attributes:
        outcomes: number of files for each pair of kind and outcome: "read", "refused" or "failed".
        failures: kind, number and failure of each file that failed.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[tuple[str, int, str]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        kinds = sorted({kind for kind, _ in self.outcomes})
        yield f"{'kind':24}{'read':>8}{'refused':>9}{'failed':>8}"
        for kind in [*kinds, "all"]:
            counts = [
                sum(
                    count
                    for (each, outcome), count in self.outcomes.items()
                    if outcome == name and kind in (each, "all")
                )
                for name in ("read", "refused", "failed")
            ]
            yield f"{kind:24}{counts[0]:8}{counts[1]:9}{counts[2]:8}"
        for kind, number, failure in self.failures:
            yield f"{kind}, file {number}: {failure}"


def damaged_file(number: int, seed: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Return the kind and the content of a damaged file; equal numbers and seeds give equal files."""
    kind = list(files)[number % len(files)]
    return kind, damaged(files[kind], random.Random(f"{seed} {number}"))


def run(count: int, seed: int, jobs: int = 1) -> Report:
    """Damage and read files.

    Args:
        count: number of files.
        seed: seed of the damage.
        jobs: number of workers.
    """
    files, report = valid_files(), Report()

    def work(job: int) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(Worker(Path(folder))) as worker:
            for number in range(job, count, jobs):
                kind, data = damaged_file(number, seed, files)
                outcome = worker.read(data)
                failed = outcome.startswith(_FAILURE)
                report.outcomes[kind, "failed" if failed else outcome] += 1
                if failed:
                    report.failures.append((kind, number, outcome.removeprefix(_FAILURE)))

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(work, range(jobs)))
    return report


def main() -> None:
    """Run from the command line; the exit code is 1 if a file failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="number of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="number of workers")
    parser.add_argument("--write", type=int, metavar="NUMBER", help="write this damaged file to standard output")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _work()
    elif options.write is not None:
        sys.stdout.buffer.write(damaged_file(options.write, options.seed, valid_files())[1])
    else:
        report = run(options.count, options.seed, options.jobs)
        print("\n".join(report.lines()))
        sys.exit(bool(report.failures))


if __name__ == "__main__":
    main()
