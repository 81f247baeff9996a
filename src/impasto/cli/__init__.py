"""The command line."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from impasto.cli.interrupts import Interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: of the command line, without the program's name; None for those of this process.

    Returns:
        The exit code: 0 done; 1 something failed after painting had begun, and the result so far was saved, or the
        output could not be printed; 2 refused, nothing written; 130, 143 and 129 stopped by Ctrl-C, SIGTERM or a closed
        terminal.
    """
    # PyTorch's threads wait for one another in a busy loop, which wastes the cores if another program wants them: a
    # painting of 6 s took 14 s to 114 s. OpenMP reads this variable once, so it is set before PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Pydantic searches all installed packages for plugins, which costs some 20 ms at every start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    with Interrupts(ends_process=arguments is None) as interrupts:  # before any slow import
        from impasto.cli.app import run
        from impasto.cli.reporting.streams import configure_streams

        configure_streams()
        try:
            return run(sys.argv[1:] if arguments is None else list(arguments), interrupts)
        finally:
            if arguments is None:
                # The interpreter searches all objects for cycles while it shuts down, which takes 60 ms. Memory returns
                # to the system anyway.
                gc.freeze()
