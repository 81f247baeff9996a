"""The command ``impasto weights``, and the display of downloads on the command line."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from impasto.cli.help_pages import PanelTyper
from impasto.cli.options import Quiet
from impasto.cli.reporting.streams import print_note, print_out, print_status
from impasto.encoders.names import BUILTIN_FILES
from impasto.encoders.published.catalogue import KNOWN, known_weights
from impasto.encoders.published.events import DownloadProgress, FetchEvent, fetch_listener
from impasto.errors import EncoderError
from impasto.files import reason

if TYPE_CHECKING:
    from rich.progress import Progress

    from impasto.cli.reporting.reporters import Reporter
    from impasto.encoders.published.cache import CachedWeights

LOG_INTERVAL = 5.0
"""Seconds between two progress lines in a log."""

app = PanelTyper(
    short_help="Fetch and manage weights for --encoder.",
    help="List, fetch, verify and remove the published weights for --encoder.",
    rich_markup_mode=None,
)

_NAMES = f"{' or '.join(KNOWN)}."
Names = Annotated[list[str], typer.Argument(metavar="NAME…", show_default=False, help=_NAMES)]
OptionalNames = Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", show_default=False, help=_NAMES)]


@app.callback(invoke_without_command=True)
def weights(context: typer.Context) -> None:
    """Print the help if no subcommand is given."""
    if context.invoked_subcommand is None:
        print_out(context.get_help())


@app.command(
    "list",
    short_help="List the published weights.",
    help="List the published weights, and which of them are in the cache.",
)
def list_weights() -> None:
    """List the published weights with their state."""
    for name in BUILTIN_FILES:
        print_out(f"{name}: part of impasto, always available")
    try:
        states = [_state(cached) for cached in _cached(KNOWN)]
    except (EncoderError, OSError) as error:
        print_note(f"The cache cannot be read ({reason(error)})." if isinstance(error, OSError) else str(error))
        states = ["no cache folder"] * len(KNOWN)
    for known, state in zip(KNOWN.values(), states, strict=True):
        print_out(f"{known.name}: {state}; {known.about} ({_megabytes(known.size)} to fetch)")


@app.command(
    short_help="Fetch weights into the cache.",
    help="Fetch published weights into the cache unless they are there already, and print their paths.",
)
def fetch(names: Names, quiet: Quiet = False) -> None:
    """Fetch weights and print their paths."""
    from impasto.cli.reporting.choosing import choose_reporter

    chosen = [known_weights(name) for name in names]
    from impasto.encoders.published.cache import CachedWeights
    from impasto.encoders.published.fetching import fetch as fetch_known

    with show_downloads(choose_reporter(quiet=quiet, as_json=False)):
        for known in chosen:
            fetch_known(known)
            if not quiet:
                print_out(str(CachedWeights.of(known).converted))


@app.command(
    short_help="Verify the cached weights.",
    help="Verify the hashes of the cached weights, those of NAME or all, and remove damaged files.",
)
def verify(names: OptionalNames = None) -> None:
    """Verify the named weights, or all in the cache."""
    if names:
        chosen = _cached(names)
    else:
        chosen = [cached for cached in _cached(KNOWN) if cached.read_receipt() or cached.source.exists()]
    if not chosen:
        print_out("There are no weights in the cache.")
    missing = [cached.known.name for cached in chosen if not _verify(cached)]
    if missing:
        raise EncoderError(
            f"Missing from the cache: {', '.join(missing)}; `impasto weights fetch {' '.join(missing)}` fetches "
            f"{'it' if len(missing) == 1 else 'them'}."
        )


@app.command(
    short_help="Print the path of weights.",
    help="Print the path of weights in the cache, or without NAME the folder of all weights.",
)
def path(name: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help=_NAMES)] = None) -> None:
    """Print the path of cached weights, or of their folder."""
    from impasto.encoders.published.cache import CachedWeights, weights_folder

    if name is None:
        print_out(str(weights_folder()))
        return
    cached = CachedWeights.of(known_weights(name))
    if cached.read_receipt():
        print_out(str(cached.converted))
        return
    if cached.source.exists():
        raise EncoderError(
            f"The weights {name} are in the cache as published: `impasto weights fetch {name}` verifies and converts "
            f"them, without a network."
        )
    raise EncoderError(f"The weights {name} are not in the cache: `impasto weights fetch {name}` fetches them.")


@app.command(
    short_help="Remove weights from the cache.",
    help="Remove weights and any unfinished download of them from the cache.",
)
def remove(names: Names) -> None:
    """Remove weights from the cache."""
    for cached in _cached(names):
        freed = 0
        if cached.folder.is_dir():
            with cached.locked(_print_note):
                freed = cached.remove_all()
        print_out(f"{cached.known.name}: {f'removed, {_megabytes(freed)}' if freed else 'was not in the cache'}")


@contextmanager
def show_downloads(reporter: Reporter) -> Iterator[None]:
    """Show downloads while the context lasts: as a progress bar on a terminal, as occasional lines in a log.

    Args:
        reporter: reporter that prints the notes, and whose type decides between bar, lines and neither.
    """
    display = _DownloadDisplay(reporter)
    try:
        with fetch_listener(display):
            yield
    finally:
        display.close()


class _DownloadDisplay:
    """Listener that prints a note at the start of each download, and then its progress."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._has_bar = self._has_lines = False
        self._current: tuple[str, str] | None = None
        self._bar: Progress | None = None
        self._last_line = 0.0

    def __call__(self, event: FetchEvent) -> None:
        if not isinstance(event, DownloadProgress):
            self.close()  # or the note would be printed into the bar
            self._reporter.note(event.text)
            return
        if (event.file, event.host) != self._current:
            self._begin(event)
        if self._has_bar:
            self._move_bar(event)
        elif self._has_lines and time.monotonic() - self._last_line >= LOG_INTERVAL:
            print_status(f"{event.file}: {event.done / event.total:.0%} of {_megabytes(event.total)}")
            self._last_line = time.monotonic()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._reporter.resume()

    def _begin(self, event: DownloadProgress) -> None:
        from impasto.cli.reporting.reporters import LineReporter
        from impasto.cli.reporting.terminal import TerminalReporter

        self._has_bar = isinstance(self._reporter, TerminalReporter)
        self._has_lines = type(self._reporter) is LineReporter
        self._current, self._last_line = (event.file, event.host), time.monotonic()
        resumed = f", {_megabytes(event.done)} of them already here" if event.done else ""
        self._reporter.note(f"Fetching {event.file} from {event.host}, once: {_megabytes(event.total)}{resumed}.")

    def _move_bar(self, event: DownloadProgress) -> None:
        if self._bar is None:
            self._reporter.pause()
            self._bar = _new_bar(event)
        self._bar.update(self._bar.task_ids[0], completed=event.done)
        if event.done == event.total:
            self.close()


def _new_bar(event: DownloadProgress) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from impasto.cli.reporting.terminal import stderr_console

    console = stderr_console()
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    bar.add_task(event.file, total=event.total, completed=event.done)
    bar.start()
    return bar


def _cached(names: Iterable[str]) -> list[CachedWeights]:
    from impasto.encoders.published.cache import CachedWeights

    return [CachedWeights.of(known_weights(name)) for name in names]


def _verify(cached: CachedWeights) -> bool:
    """Print whether weights are intact, and remove a damaged file.

    Returns:
        True if the converted or the published file is intact.
    """
    from impasto.encoders.published.fetching import source_fault

    name = cached.known.name
    if cached.verified_receipt():
        print_out(f"{name}: intact")
        return True
    if cached.read_receipt():
        with cached.locked(_print_note):
            cached.remove_converted()
        print_out(f"{name}: damaged, removed")
    elif cached.source.exists():
        fault = source_fault(cached)
        if fault is None:
            print_out(f"{name}: intact, as published; converted on first use")
            return True
        with cached.locked(_print_note):
            cached.source.unlink(missing_ok=True)
        print_out(f"{name}: damaged, removed: the file {fault}")
    else:
        print_out(f"{name}: not in the cache")
    return False


def _state(cached: CachedWeights) -> str:
    from impasto.encoders.published.cache import size_of

    if cached.read_receipt():
        return f"in the cache, {_megabytes(size_of(cached.converted))}"
    if cached.source.exists():
        return "in the cache as published, not verified yet"
    part = size_of(cached.partial)
    return f"partly fetched, {part / cached.known.size:.0%}" if part else "not fetched"


def _print_note(event: FetchEvent) -> None:
    if not isinstance(event, DownloadProgress):
        print_note(event.text)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
