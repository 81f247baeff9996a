"""Print tables: settings, records, plans, and the environment."""

from __future__ import annotations

import io
import json
import platform
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from impasto.cli.errors import as_options
from impasto.cli.repeat_command import flat_values, repeating_command
from impasto.cli.reporting.formatting import clock, counted, estimate_line, to_json
from impasto.cli.reporting.streams import one_line, print_out
from impasto.errors import EncoderError, ImpastoError, PictureError, SettingsError
from impasto.painting.record import Record
from impasto.runs.repeating import stored_record, stored_text
from impasto.settings.exclusions import EXCLUSIONS
from impasto.settings.model import Settings
from impasto.settings.strength import DEFAULT_STRENGTH
from impasto.version import __version__

if TYPE_CHECKING:
    from impasto.painting.cost import Cost
    from impasto.painting.painter import Painter
    from impasto.painting.timing import TimeEstimate
    from impasto.settings.model import Optimization

_WIDTH_OF_FILES = 120
"""Columns of a text if stdout is not a terminal."""

_WIDEST = 1_000_000
"""Columns of a table if stdout is not a terminal, so that no path is broken."""


def print_settings(*, as_json: bool) -> None:
    """Print all settings with default, allowed values and help, and the exclusions; or the JSON schema."""
    schema = Settings.model_json_schema()
    if as_json:
        print_out(json.dumps(schema, indent=2, ensure_ascii=False))
        return
    texts: list[RenderableType] = []
    for name, default, allowed, description in _settings_rows(schema, schema):
        texts.append(Text.assemble((name, "bold"), f" = {default}  ", (f"({allowed})", "dim")))
        texts.append(Padding(Text(description), (0, 0, 0, 4)))
    _print(Group(*texts))
    print_out("\nwhat does not combine")
    _print(_table((one.names, f"with {what}") for what, group in EXCLUSIONS.items() for one in group))
    print_out("\nSettings that do not fit the pictures are refused as well, such as a mask for a missing style.")


def print_record(path: Path, *, as_json: bool) -> None:
    """Print the record in a picture, its strength, and the command that paints it again: as tables, or as JSON.

    The JSON object is the stored record with two more keys, ``strength`` and ``command``, as far as they are known. A
    record without a painting, such as that of a grid, is printed as it is stored.

    Raises:
        PictureError: the picture does not exist, or holds no record.
    """
    if as_json:
        text = stored_text(path)
        try:
            derived = _derived(path, stored_record(path))
        except PictureError:  # a grid, or damaged
            print_out(text)
        else:
            print_out(to_json(json.loads(text) | derived))
        return
    record = stored_record(path)
    _print(_table(_record_rows(record)))
    print_out("\nsettings (* is not the default)")
    defaults = dict(flat_values(Settings().model_dump(mode="json", exclude_none=True) | _default_strength({})))
    given = record.settings | (_default_strength(record.settings) if record.content else {})
    in_order = {name: given[name] for name in (*Settings.model_fields, *given) if name in given}
    stored = dict(flat_values(in_order))
    marked = {name for name, value in stored.items() if defaults.get(name) != value}
    _print(_table(((name, _shown(value)) for name, value in stored.items()), marked=marked))
    print_out("\nto paint it again from its sources")
    try:
        print_out(repeating_command(path, record))
    except SettingsError as error:
        print_out(as_options(str(error)))


def _derived(path: Path, record: Record) -> dict[str, Any]:
    """Return the strength of a picture and the command that paints it again, as far as they are known."""
    settings = (_default_strength(record.settings) if record.content else {}) | record.settings
    found = {name: settings[name] for name in ("strength",) if name in settings}
    with suppress(SettingsError):
        found["command"] = repeating_command(path, record)
    return found


def _default_strength(settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the strength that settings imply; empty if they give it, or raw weights in its place."""
    given = any(settings.get(name) is not None for name in ("strength", "content_weight", "style_weight"))
    return {} if given else {"strength": DEFAULT_STRENGTH}


def print_plan(painter: Painter, time: TimeEstimate, *, as_json: bool) -> None:
    """Print the plan of a painting by octave: size, tiles, method, memory, arithmetic and time."""
    from impasto.painting.cost import cost_of
    from impasto.painting.memory import standing_memory

    machine = painter.machine
    base = standing_memory(painter.workload)
    rows = [
        _plan_row(cost_of(octave, painter.workload), seconds, base, painter.settings.optimization)
        for octave, seconds in zip(painter.octaves, time.octaves, strict=True)
    ]
    peak, operations = max(row["memory"] for row in rows), sum(row["operations"] for row in rows)
    if as_json:
        total = {"memory": peak, "operations": operations, "seconds": sum(time.octaves)}
        total |= {"least_seconds": time.least, "most_seconds": time.most, "busy": time.is_busy}
        where = {"device": str(machine.device), "threads": machine.threads, "precision": painter.precision}
        print_out(json.dumps({"octaves": rows, **total, **where}))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    sizes = [f"{row['width']}×{row['height']}" for row in rows]  # in one column with the number, which is narrower
    first = max(len("octave size"), len(f"{len(rows)}  ") + max(map(len, sizes)))
    for heading in (_spread("octave", "size", first), "iterations", "tiles", "method", "memory", "arithmetic", "time"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "method" else "right")
    for number, (size, row) in enumerate(zip(sizes, rows, strict=True), 1):
        table.add_row(_spread(str(number), size, first), *_plan_cells(row))
    _print(table, whole=True)
    threads = counted(machine.threads, "thread")
    most = "at most " if painter.settings.optimization.tolerance else ""  # octaves may converge early
    summary = (
        f"altogether about {peak / 1e9:.2f} GB at the peak, {most}{operations / 1e12:.2f} TFLOP and "
        f"{estimate_line(time)} (judged by a few iterations on small pictures: {machine.device}, "
        f"{threads}, {painter.precision})"
    )
    _print(Text(summary))


def _plan_row(c: Cost, seconds: float, base: int, optimization: Optimization) -> dict[str, Any]:
    """Return the plan of an octave.

    Args:
        c: of the octave.
        seconds: expected time.
        base: bytes of the process besides the octave.
        optimization: settings.
    """
    from impasto.painting.method import method_of

    method, history = method_of(optimization, c.octave)
    plan = c.octave._asdict() | {"tiles": c.tiles, "method": method, "history": history or None}
    return plan | {
        "memory": c.memory + base,
        "operations": c.arithmetic * c.octave.iterations,
        "seconds": round(seconds, 1),
    }


def _plan_cells(row: Mapping[str, Any]) -> Iterator[str]:
    yield str(row["iterations"])
    yield "1" if row["tiles"] == 1 else f"{row['tiles']} of ≤ {row['tile']} px"
    yield {"lbfgs": f"L-BFGS, {row['history']}", "adam": "Adam"}.get(row["method"], row["method"])
    yield f"{_three_digits(row['memory'] / 1e9)} GB"
    yield f"{_three_digits(row['operations'] / 1e12)} TFLOP"
    yield clock(row["seconds"])


def _spread(left: str, right: str, width: int) -> str:
    return left + right.rjust(width - len(left))


def _three_digits(number: float) -> str:
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"


def print_info() -> None:
    """Print versions, picture formats, devices, memory, the encoder, and impasto's folders."""
    _print(_table((*_versions(), *_formats(), *_machine(), *_encoder(), *_folders())))


def _record_rows(record: Record) -> Iterator[tuple[str, str]]:
    yield (
        "painted with",
        f"impasto {record.impasto}, torch {record.torch} ({record.precision})"
        + (f", in {record.seconds:.0f} s" if record.seconds else "")
        + (f", on {record.machine}" if record.machine else ""),
    )
    yield "complete", "yes" if record.complete else "no: the run was stopped early"
    photo = [("content", record.content)] if record.content else []
    for name, source in (*photo, *(("style", style) for style in record.styles), *record.named.items()):
        yield name, f"{source.label or 'from memory'}  {_short(source.sha256)}"
    yield "encoder", f"{record.encoder.name}  {_short(record.encoder.sha256)}"


def _settings_rows(schema: Mapping[str, Any], root: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, ...]]:
    """Yield name, default, allowed values and help of each setting; nested names have dots."""
    for name, field in schema["properties"].items():
        target = _referred(field, root)
        if "properties" in target:
            yield from _settings_rows(target, root, f"{prefix}{name}.")
        else:
            description = " ".join(field.get("description", "").split())
            yield prefix + name, _shown(field.get("default")), _allowed(field), description


def _referred(field: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = field.get("$ref")
    return root["$defs"][reference.rsplit("/", 1)[1]] if reference else field


def _allowed(field: Mapping[str, Any]) -> str:
    """Return the values that a JSON schema allows, in a few words."""
    if "anyOf" in field:
        return " or ".join(_allowed(option) for option in field["anyOf"] if option.get("type") != "null")
    if "enum" in field or "const" in field:
        return ", ".join(map(str, field.get("enum", [field.get("const")])))
    if field.get("type") == "array":
        return f"list of {_allowed(field['items'])}"
    if field.get("type") == "object":
        return f"table of {_allowed(field['additionalProperties'])}"
    names = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
    bounds = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    limits = [f"{sign} {field[key]}" for key, sign in bounds if key in field]
    such = f"such as {' or '.join(field['examples'])}" if "examples" in field else ""
    return " ".join(filter(None, (names[field["type"]], " and ".join(limits), such)))


def _versions() -> Iterator[tuple[str, str]]:
    yield "impasto", __version__
    yield "python", f"{platform.python_version()} on {platform.platform()}"
    for package in ("torch", "numpy", "pillow", "pyvips", "pillow-heif", "matplotlib"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"
    yield "libvips", _libvips()


def _formats() -> Iterator[tuple[str, str]]:
    from impasto.pictures.codecs.backends import missing_formats, readable_formats
    from impasto.pictures.codecs.formats import SUFFIXES

    missing = missing_formats()
    yield "reads", readable_formats() + (f" (not installed: {', '.join(missing)})" if missing else "")
    yield "writes", ", ".join(SUFFIXES)


def _libvips() -> str:
    from impasto.pictures.codecs.backends import vips

    try:
        module = vips()
    except PictureError as error:
        return as_options(str(error))
    return ".".join(str(module.version(part)) for part in range(3))


def _machine() -> Iterator[tuple[str, str]]:
    import psutil
    import torch

    from impasto.engine.cores import physical_cores
    from impasto.engine.devices import choose_device, choose_precision

    device = choose_device("auto")
    yield "device", str(device)
    yield "precision", str(choose_precision("auto", device)).removeprefix("torch.")
    for number in range(torch.cuda.device_count()):
        yield f"cuda:{number}", torch.cuda.get_device_name(number)
    memory = psutil.virtual_memory()
    yield "threads", f"{physical_cores()} of {psutil.cpu_count()} logical processors"
    yield "memory", f"{memory.available / 1e9:.1f} GB free of {memory.total / 1e9:.1f} GB"


def _encoder() -> Iterator[tuple[str, str]]:
    from impasto.encoders.loading import load_encoder

    try:
        loaded = load_encoder()
    except (EncoderError, OSError) as error:
        yield "encoder", f"missing: {as_options(str(error))}"
        return
    buffers = list(loaded.encoder.buffers())
    size = sum(buffer.numel() for buffer in buffers)
    yield "encoder", f"{loaded.name}, down to {loaded.encoder.deepest}, {size / 1e6:.2f} million parameters"
    yield "its sha256", loaded.sha256


def _folders() -> Iterator[tuple[str, str]]:
    from impasto.encoders.published.cache import cache_folder
    from impasto.runs.checkpoints.folder import runs_folder
    from impasto.styles.lookup import styles_folder

    for name, folder in (("cache folder", cache_folder), ("checkpoints", runs_folder), ("styles", styles_folder)):
        try:
            yield name, str(folder())
        except ImpastoError as error:
            yield name, as_options(str(error))


def _table(rows: Iterable[tuple[str, str]], *, marked: Collection[str] | None = None) -> Table:
    """Return a table of two columns; markup in the cells is printed literally.

    Args:
        rows: names and values.
        marked: names to mark with a star; None for a table without a place for stars.
    """
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        mark = "" if marked is None else "* " if name in marked else "  "
        table.add_row(Text(mark + one_line(name), style="" if mark == "  " else "bold"), Text(one_line(value)))
    return table


def print_columns(names: Iterable[str], rows: Iterable[Iterable[str]], *, needed: bool = True) -> None:
    """Print a table with a header; long cells are folded, and markup in them is printed literally.

    Args:
        names: header.
        rows: cells of each row.
        needed: see :func:`~impasto.cli.reporting.streams.print_out`.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(one_line(cell)) for cell in row))
    _print(table, needed=needed)


def _print(content: RenderableType, *, needed: bool = True, whole: bool = False) -> None:
    """Print a table or text, within the width of a terminal.

    Args:
        content: tables and lines of text have lines of any length if stdout is not a terminal.
        needed: see :func:`~impasto.cli.reporting.streams.print_out`.
        whole: let a terminal break lines that are too long for it, so that no cell is cut.
    """
    is_terminal = sys.stdout.isatty()
    elsewhere = _WIDTH_OF_FILES if isinstance(content, Group) else _WIDEST
    width = elsewhere if not is_terminal else _WIDEST if whole else None
    text = io.StringIO()  # Console's own capture writes to stdout at the end, which may be on a full disk
    console = Console(file=text, force_terminal=is_terminal, highlight=False, emoji=False, markup=False, width=width)
    console.print(content)
    print_out("\n".join(line.rstrip() for line in text.getvalue().splitlines()), needed=needed)


def _shown(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(sha256: str | None) -> str:
    return f"({sha256[:12]})" if sha256 else ""
