"""The options that several commands share, and the settings that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from impasto.settings import COLOURS, PRESETS, Settings, merged, parse_assignment, read_settings_file


def help_of(name: str) -> str:
    """The help of a setting, as the model documents it.

    Args:
        name: with dots, as in ``optimization.iterations``.
    """
    model: Any = Settings
    *parents, last = name.split(".")
    for parent in parents:
        model = model.model_fields[parent].annotation
    text: str = model.model_fields[last].description
    return " ".join(text.split())


# All values are text: the settings' model reads and checks them, so that every way in refuses with the same sentence.
Size = Annotated[str | None, typer.Option("--size", metavar="N|original", help=help_of("size"))]
PresetName = Annotated[str | None, typer.Option("--preset", metavar="|".join(PRESETS), help=help_of("preset"))]
Strength = Annotated[str | None, typer.Option("--strength", metavar="S", help=help_of("strength"))]
StyleWeights = Annotated[str | None, typer.Option("--style-weights", metavar="A,B,…", help=help_of("style_weights"))]
Colour = Annotated[str | None, typer.Option("--colour", metavar="|".join(COLOURS), help=help_of("colour"))]
StrokeSize = Annotated[str | None, typer.Option("--stroke-size", metavar="X", help=help_of("stroke_size"))]
Detail = Annotated[str | None, typer.Option("--detail", metavar="D", help=help_of("detail"))]
EncoderName = Annotated[str | None, typer.Option("--encoder", metavar="NAME|FILE", help=help_of("encoder"))]
Init = Annotated[str | None, typer.Option("--init", metavar="content|noise|FILE", help=help_of("init"))]
Iterations = Annotated[str | None, typer.Option("--iterations", metavar="N", help=help_of("optimization.iterations"))]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help=help_of("seed"))]
Threads = Annotated[str | None, typer.Option("--threads", metavar="N", help=help_of("threads"))]
Device = Annotated[str | None, typer.Option("--device", metavar="D", help=help_of("device"))]
Depth = Annotated[str | None, typer.Option("--depth", metavar="8|16", help=help_of("depth"))]
Memory = Annotated[str | None, typer.Option("--memory", metavar="4G", help=help_of("memory"))]
Tile = Annotated[str | None, typer.Option("--tile", metavar="N", help=help_of("tile"))]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Print the plan (octaves, tiles, memory, arithmetic, expected time) and end there."),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Any other setting, as in losses.style.relu3_1=2; may be repeated; `impasto settings` lists them.",
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="Settings from a JSON or TOML file; options go before it."),
]

Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT",
        help="The picture to write: .png, .jpg, .webp or .tif. CONTENT-as-STYLE.png beside CONTENT where not given.",
    ),
]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Write events to stdout, one JSON object a line.")]
Sheet = Annotated[
    str | None,
    typer.Option("--sheet", metavar="FILE", help="Also write photo, style and painting side by side in one picture."),
]
Stages = Annotated[
    str | None,
    typer.Option("--stages", metavar="FILE", help="Also write ten pictures of how the painting came about."),
]
History = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE", help="Also write the losses: .csv a table, .png or .svg a plot."),
]

Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE",
        help="Keep the run in FILE, for `impasto resume FILE`; removed in the end. Where not given, runs of more than "
        "two minutes are kept in the user's state folder: `impasto runs` lists them.",
    ),
]
NoCheckpoint = Annotated[bool, typer.Option("--no-checkpoint", help="Keep nothing to resume from.")]
CheckpointEvery = Annotated[
    str | None,
    typer.Option(
        "--checkpoint-every",
        metavar="SECONDS",
        help="Seconds between checkpoints, 30 where not given; never less than 20 times what writing one takes.",
    ),
]

NameTemplate = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="TEMPLATE",
        help="Name of each picture in DIR, with {content}, {style}, {ext} and {number}; {content}-as-{style}.png where "
        "not given.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option("--jobs", "-j", metavar="N", min=1, max=256, help="Paint so many at a time; they share the cores."),
]


_OPTIONS = (
    *("size", "preset", "strength", "style_weights", "encoder", "init", "seed", "threads", "device", "depth"),
    *("memory", "tile", "colour", "stroke_size", "detail"),
)
"""Options that are settings of the same name."""


def changes_from(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a command line names, not yet validated: the file, over it the options, over both ``--set``.

    Args:
        parameters: of a command, by the name of its function's parameters; text, or None where not given.

    Raises:
        SettingsError: a file that cannot be read, or an assignment that is none.
    """
    given: dict[str, Any] = {name: parameters[name] for name in _OPTIONS if parameters.get(name) is not None}
    if parameters.get("iterations") is not None:
        given["optimization"] = {"iterations": parameters["iterations"]}
    if "style_weights" in given:
        given["style_weights"] = given["style_weights"].split(",")
    if given.get("depth", "").isdecimal():
        given["depth"] = int(given["depth"])  # one of two numbers to the model, which takes no text for either
    config = parameters.get("config")
    file = {} if config is None else read_settings_file(config)
    return merged(file, given, *map(parse_assignment, parameters.get("assignments") or ()))
