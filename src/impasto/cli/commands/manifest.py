"""``impasto batch plan``, ``batch run`` and ``batch status``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli import options
from impasto.cli.commands.batch import fetch_weights, paint_batch
from impasto.cli.errors import as_options
from impasto.cli.reporting.formatting import to_json
from impasto.cli.reporting.streams import print_note, print_out
from impasto.cli.setting_options import Changes
from impasto.errors import SettingsError
from impasto.settings.making import make_settings

if TYPE_CHECKING:
    from impasto.batches.executor import Executor

PlanFile = Annotated[str, typer.Argument(metavar="PLAN", show_default=False, help="File or URL of a plan.")]
ShardOption = Annotated[
    str, typer.Option("--shard", metavar="I/N", help="Only every N-th painting, from the I-th; for N machines.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        "batch plan",
        short_help="Plan a batch for many machines.",
        help="Write a line for each painting of a batch to a file, which `impasto batch run` paints on any machine. "
        "PHOTOS and styles are files, folders, patterns or URLs, such as s3://bucket/photos/ (needs impasto[cloud]).",
    )(plan)
    app.command(
        "batch run",
        short_help="Paint a planned batch, or a part of it.",
        help="Paint the rest of a plan. Finished pictures are skipped, and so are those that failed, except with "
        "--retry-failed. Several machines can paint the same plan, each another --shard.",
    )(run)
    app.command(
        "batch status",
        short_help="Count what is done of a planned batch.",
        help="Count the pictures of a plan that are done, that failed and that are left, and print why some failed.",
    )(status)


@options.with_groups
@options.with_settings(without=("seamless", "grow_from"))
def plan(
    photos: options.Photos,
    styles: options.StylesOfBatch,
    out: Annotated[
        str, typer.Option("--out", metavar="URL", show_default=False, help="Folder or URL for the pictures.")
    ],
    output: Annotated[str, options.output_option("The plan to write, such as plan.jsonl.")],
    *,
    pairing: options.PairingOptions,
    changes: Changes,
    force: options.Force = False,
) -> None:
    """Plan a batch, and print the number of paintings."""
    settings = make_settings(**changes)
    from impasto.batches.manifest.entries import write_manifest
    from impasto.batches.manifest.planning import plan_entries
    from impasto.cli.reporting.formatting import counted

    found = plan_entries(photos, styles, settings, out, **pairing.keywords)
    for remark in found.remarks:
        print_note(as_options(remark))
    write_manifest(output, found.entries, force=force)
    print_out(f"{counted(len(found.entries), 'painting')} planned in {output}")


@options.with_groups
def run(
    context: typer.Context,
    file: PlanFile,
    shard: ShardOption = "1/1",
    *,
    jobs: options.Jobs = 1,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="auto|ray://HOST:10001",
            help="Paint on the machines of a Ray cluster, in place of --jobs (needs impasto[cluster]).",
        ),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Paint the pictures again whose painting failed.")
    ] = False,
    force: options.Force = False,
    report: options.ReportOptions,
) -> int:
    """Paint the rest of a plan, and return the exit code of a batch; failures of earlier runs count."""
    from impasto.batches.checking import make_folders
    from impasto.batches.manifest.batch import ManifestBatch
    from impasto.batches.manifest.entries import Shard, read_manifest
    from impasto.batches.manifest.outcomes import select_pending
    from impasto.cli.reporting.choosing import choose_batch_reporter

    if cluster is not None and jobs != 1:
        raise SettingsError("--cluster and --jobs exclude each other: choose one.")
    planned = Shard.parse(shard).select(read_manifest(file))
    entries = select_pending(planned, retry_failed=retry_failed, force=force)
    reporter = choose_batch_reporter(entries, quiet=report.quiet, as_json=report.as_json)
    failed_before = len(planned) - len(entries)
    if failed_before:
        reporter.note(f"Left out, as their painting failed before: {failed_before}; --retry-failed paints them again.")
    executor = _executor(jobs, cluster, reporter.note)
    make_folders(entries)
    fetch_weights(entries, quiet=report.quiet or report.as_json)
    code = paint_batch(ManifestBatch(entries, executor), reporter, context.obj)
    return code or int(failed_before > 0)


def _executor(jobs: int, cluster: str | None, note: Callable[[str], None]) -> Executor:
    """Return the executor of this machine, or that of a cluster."""
    if cluster is None:
        from impasto.batches.processes import ProcessExecutor

        return ProcessExecutor(jobs)
    try:
        wing = importlib.import_module("impasto.cluster.executor")  # a wing, which no room imports by name
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise SettingsError("--cluster needs Ray: install it with `pip install 'impasto[cluster]'`.") from None
    executor: Executor = wing.RayExecutor(cluster, note)
    return executor


def status(
    file: PlanFile,
    shard: ShardOption = "1/1",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Print the counts of a plan's states and the failures, and return 1 if there are failures."""
    from impasto.batches.manifest.entries import Shard, read_manifest
    from impasto.batches.manifest.outcomes import summarize

    summary = summarize(Shard.parse(shard).select(read_manifest(file)))
    if as_json:
        failures = [{"output": failure.output, "message": as_options(failure.message)} for failure in summary.failures]
        print_out(to_json({**summary.counts, "failures": failures}))
    else:
        for failure in summary.failures:
            print_out(f"{failure.output}: {as_options(failure.message)}")
        print_out(", ".join(f"{count} {name}" for name, count in summary.counts.items()))
    return 1 if summary.failures else 0
