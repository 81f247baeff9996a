"""The command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from impasto.cli.interrupts import Interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: as the shell gives them, without the program's name; those of this process where not given.

    Returns:
        The exit code: 0 done; 1 something went wrong after painting had begun, and what there is was saved, or what was
        asked for could not be printed; 2 refused, nothing written; 130 and 143 stopped by Ctrl-C or SIGTERM.
    """
    # PyTorch's threads wait for one another by spinning, and where another program wants the cores they spin for
    # nothing: a painting of 6 s took 14 to 114. OpenMP reads this once, so it is said before PyTorch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with Interrupts(ends_process=arguments is None) as interrupts:  # before anything that takes time to import
        from impasto.cli.app import run
        from impasto.cli.reporting.streams import mend_streams

        mend_streams()
        return run(sys.argv[1:] if arguments is None else list(arguments), interrupts)
