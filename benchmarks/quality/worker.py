"""A worker process with another environment's Python, which answers each line of input with a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

from impasto.errors import PaintingError


class Worker:
    """A worker process.

    Args:
        name: name in error messages.
        python: Python of the worker's environment.
        module: module to run, such as ``benchmarks.quality.judge_worker``.
        arguments: arguments of the module.
        environment: additional environment variables.
        log: file for the worker's standard error, which is kept; None for a temporary one.

    Raises:
        PaintingError: this Python cannot be run.
    """

    def __init__(
        self,
        name: str,
        python: Path,
        module: str,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] = {},
        log: Path | None = None,
    ) -> None:
        self.name, self.log = name, log
        self._errors = log.open("w+") if log else tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process
        try:
            self._process = subprocess.Popen(
                [str(python.absolute()), "-m", module, *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
                env={**os.environ, **environment}, cwd=Path(__file__).parents[2],
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise PaintingError(f"{name} needs a Python that runs, not {str(python)!r} ({error.strerror}).") from None

    def ask(self, question: object) -> Any:
        """Send a value as one line of JSON, and return the answer.

        Raises:
            PaintingError: the process ended.
        """
        ask, answer = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        try:
            print(json.dumps(question), file=ask, flush=True)
            return json.loads(answer.readline())
        except (OSError, ValueError):  # the pipe is closed, or the answer is missing
            self.close()
            raise PaintingError(f"{self.name} ended early: {self._reason}.") from None

    def close(self) -> None:
        """End the process."""
        if self._errors.closed:
            return
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        last = lines[-1].rstrip(".") if lines else "it gave no reason"
        # Some programs log much that is not the reason, so the last line of a log would mislead.
        self._reason = f"{self.log} says why" if self.log else last
        self._errors.close()
