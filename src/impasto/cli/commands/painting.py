"""The commands that paint one picture: paint, texture and again."""

from __future__ import annotations

from impasto.runs.job import Job, _make_painter, _warnings_told
from impasto.runs.listener import Reporter


def explain_job(job: Job, reporter: Reporter, *, as_json: bool) -> int:
    """Print what painting would take, and write nothing.

    Args:
        job: what to paint.
        reporter: which is told remarks.
        as_json: print an object, not a table.

    Returns:
        The exit code, 0.

    Raises:
        ImpastoError: refused, as painting would be; but outputs, of which none is written, are not looked at.
    """
    from impasto.cli.reporting.tables import print_plan

    job.check_inputs()
    with _warnings_told(reporter):
        print_plan(_make_painter(job, reporter), as_json=as_json)
    return 0
