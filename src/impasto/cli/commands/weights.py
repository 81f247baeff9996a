"""`impasto weights …`, and how downloads look on the command line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from impasto.cli.options import Quiet
from impasto.cli.reporting.streams import print_note, print_out, print_status
from impasto.encoders.published.catalogue import KNOWN, known_weights
from impasto.encoders.published.progress import FetchEvent, Fetching, watching
from impasto.errors import EncoderError

if TYPE_CHECKING:
    from rich.progress import Progress

    from impasto.cli.reporting.reporters import Reporter
    from impasto.encoders.published.cache import Slot

SECONDS_BETWEEN_LINES = 5.0

app = typer.Typer(
    short_help="Fetch and keep weights for --encoder.",
    help="Published weights for --encoder: what there is, and what is in the cache.",
    rich_markup_mode=None,
)

_NAMES = f"{' or '.join(KNOWN)}."
Names = Annotated[list[str], typer.Argument(metavar="NAME…", show_default=False, help=_NAMES)]
SomeNames = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", show_default=False, help=_NAMES)]


@app.callback(invoke_without_command=True)
def weights(context: typer.Context) -> None:
    """Show the help where no command is given."""
    if context.invoked_subcommand is None:
        print_out(context.get_help())


@app.command(
    "list",
    short_help="List the published weights.",
    help="List the published weights, and which of them are in the cache.",
)
def list_weights() -> None:
    """List the catalogue."""
    from impasto.encoders.published.cache import Slot

    print_out("builtin: part of impasto, always there")
    for known in KNOWN.values():
        print_out(f"{known.name}: {_state(Slot.of(known))}; {known.about} ({_megabytes(known.size)} to fetch)")


@app.command(
    short_help="Fetch weights into the cache.",
    help="Fetch published weights into the cache, unless they are there, and print where they are.",
)
def fetch(names: Names, quiet: Quiet = False) -> None:
    """Fetch weights."""
    from impasto.cli.reporting.choosing import choose_reporter

    chosen = [known_weights(name) for name in names]
    from impasto.encoders.published.cache import Slot
    from impasto.encoders.published.fetching import fetch as fetch_known

    with fetching_shown(choose_reporter(quiet=quiet, as_json=False)):
        for known in chosen:
            fetch_known(known)
            if not quiet:
                print_out(str(Slot.of(known).converted))


@app.command(
    short_help="Check the cached weights.",
    help="Check the cached weights, those of NAME or all, against their hashes; damaged ones are removed.",
)
def verify(names: SomeNames = None) -> None:
    """Check what is in the cache: all of it where no name is given."""
    slots = _slots(names) if names else [slot for slot in _slots(KNOWN) if slot.stored() or slot.source.exists()]
    if not slots:
        print_out("There are no weights in the cache.")
    wrong = [slot.known.name for slot in slots if not _verified(slot)]
    if wrong:
        raise EncoderError(
            f"Not in the cache, or no longer: {', '.join(wrong)}; `impasto weights fetch {' '.join(wrong)}` fetches "
            f"{'it' if len(wrong) == 1 else 'them'}."
        )


@app.command(
    short_help="Print where weights are.",
    help="Print where weights are in the cache; without a NAME, the folder for all of them.",
)
def path(name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help=_NAMES)] = None) -> None:
    """Print a path."""
    from impasto.encoders.published.cache import Slot, weights_folder

    if name is None:
        print_out(str(weights_folder()))
        return
    slot = Slot.of(known_weights(name))
    if not slot.stored() and slot.source.exists():
        raise EncoderError(
            f"The weights {name} are in the cache as they were published: `impasto weights fetch {name}` checks and "
            f"converts them, without a network."
        )
    if not slot.stored():
        raise EncoderError(f"The weights {name} are not in the cache: `impasto weights fetch {name}` fetches them.")
    print_out(str(slot.converted))


@app.command(
    short_help="Remove weights from the cache.",
    help="Remove weights from the cache, with what has arrived of an unfinished download.",
)
def remove(names: Names) -> None:
    """Remove weights."""
    for slot in _slots(names):
        freed = 0
        if slot.folder.is_dir():
            with slot.changing(_tell_note):
                freed = slot.clear()
        print_out(f"{slot.known.name}: {f'removed, {_megabytes(freed)}' if freed else 'was not in the cache'}")


@contextmanager
def fetching_shown(reporter: Reporter) -> Iterator[None]:
    """While this lasts downloads are shown in the manner of a reporter.

    Args:
        reporter: a note at the beginning is its own; on a terminal a bar follows, in a log a line now and then.
    """
    display = _Display(reporter)
    try:
        with watching(display):
            yield
    finally:
        display.close()


class _Display:
    """A note for each download, and how far it is."""

    def __init__(self, reporter: Reporter) -> None:
        from impasto.cli.reporting.reporters import LineReporter
        from impasto.cli.reporting.terminal import TerminalReporter

        self._reporter = reporter
        self._bars, self._lines = isinstance(reporter, TerminalReporter), type(reporter) is LineReporter
        self._url = ""
        self._bar: Progress | None = None
        self._last_line = 0.0

    def __call__(self, event: FetchEvent) -> None:
        if not isinstance(event, Fetching):
            self.close()  # or the note would be written into the bar
            self._reporter.note(event.text)
            return
        if event.url != self._url:
            self._begin(event)
        if self._bars:
            self._move_bar(event)
        elif self._lines and time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            print_status(f"{event.file}: {event.done / event.total:.0%} of {_megabytes(event.total)}")
            self._last_line = time.monotonic()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _begin(self, event: Fetching) -> None:
        self._url, self._last_line = event.url, time.monotonic()
        have = f", of which {_megabytes(event.done)} are there" if event.done else ""
        self._reporter.note(
            f"Fetching {event.file} from {urlsplit(event.url).hostname}, once: {_megabytes(event.total)}{have}."
        )

    def _move_bar(self, event: Fetching) -> None:
        if self._bar is None:
            self._bar = _new_bar(event)
        self._bar.update(self._bar.task_ids[0], completed=event.done)
        if event.done == event.total:
            self.close()


def _new_bar(event: Fetching) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True, highlight=False, emoji=False)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    bar.add_task(event.file, total=event.total, completed=event.done)
    bar.start()
    return bar


def _slots(names: Iterable[str]) -> list[Slot]:
    from impasto.encoders.published.cache import Slot

    return [Slot.of(known_weights(name)) for name in names]


def _verified(slot: Slot) -> bool:
    """Whether the converted file is whole, or else the published one; one that is not is removed."""
    from impasto.encoders.published.fetching import wrong_source

    if slot.intact():
        print_out(f"{slot.known.name}: whole")
        return True
    if slot.stored():
        with slot.changing(_tell_note):
            slot.discard_converted()
        print_out(f"{slot.known.name}: damaged, removed")
    elif slot.source.exists():
        wrong = wrong_source(slot)
        if wrong is None:
            print_out(f"{slot.known.name}: whole, as it was published; it is converted when it is first used")
            return True
        with slot.changing(_tell_note):
            slot.source.unlink(missing_ok=True)
        print_out(f"{slot.known.name}: damaged, removed: the file {wrong}")
    else:
        print_out(f"{slot.known.name}: not in the cache")
    return False


def _state(slot: Slot) -> str:
    from impasto.encoders.published.cache import size_of

    if slot.stored():
        return f"in the cache, {_megabytes(size_of(slot.converted))}"
    if slot.source.exists():
        return "in the cache as it was published, not looked at yet"
    part = size_of(slot.partial)
    return f"fetched in part, {part / slot.known.size:.0%}" if part else "not fetched"


def _tell_note(event: FetchEvent) -> None:
    if not isinstance(event, Fetching):
        print_note(event.text)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
