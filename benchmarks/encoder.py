"""Encoders compared by what they paint: textures, paintings, reconstructions.

    python -m benchmarks.encoder PICTURES PAIRS.csv --encoder random --encoder builtin --encoder other=other.safetensors

PICTURES is a folder of photographs and paintings, PAIRS.csv has the columns ``content`` and ``style``. Each encoder's
results go into ``OUT/NAME.json``, and encoders that are there already are not run again; the table is over all of
``OUT``, with the first encoder of the command line as the reference.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import impasto
from benchmarks.measures import Judge, sliced_wasserstein
from impasto.encoder import Encoder
from impasto.layers import all_convolutions
from impasto.losses import content_distance
from impasto.optimizers import LBFGS
from impasto.pictures import read_picture, resize
from impasto.pyramid import scaled
from impasto.weights import METADATA_KEY, architecture_to_json, load_encoder
from training.export import ARCHITECTURE, normalised
from training.model import CHANNELS

STYLE_WEIGHTS = (4.0, 16.0, 64.0, 256.0)
REFERENCE = 16.0
"""Style weight at which the first encoder's content sets the level of comparison."""
TEXTURES = 8
RECONSTRUCTIONS = 6
PARTS = ("weight", "bias")


@dataclass
class Result:
    """What one encoder gave.

    Attributes:
        name: of the encoder.
        texture: by painting, its synthesised texture's distance as a share of uniform noise's, mean over the levels.
        curve: by style weight: style, strokes, content, each the mean over the pairs.
        pairs: by style weight and pair: the same.
        reconstruction: by photograph, root mean square error of its reconstruction from relu4_1, sRGB in [0, 1].
        seconds: of one painting, mean over all.
    """

    name: str
    texture: dict[str, float] = field(default_factory=dict)
    curve: dict[str, list[float]] = field(default_factory=dict)
    pairs: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    seconds: float = math.nan


def loaded(path: Path, long_side: int) -> Tensor:
    """A picture as 1×3×H×W at a long side."""
    pixels = read_picture(path).pixels
    height, width = pixels.shape[:2]
    return tensor(resize(pixels, *scaled(height, width, long_side)))


def tensor(array: np.ndarray) -> Tensor:
    """H×W×3 to 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def save_png(array: np.ndarray, path: Path) -> None:
    """Write H×W×3 in [0, 1]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((array.clip(0, 1) * 255 + 0.5).astype(np.uint8)).save(path)


def random_encoder(width: float = 0.5, seed: int = 0) -> Encoder:
    """He's random weights, the channels scaled to a mean activation of 1 over noise."""
    generator = torch.Generator().manual_seed(seed)
    weights, before = {}, 3
    for layer in (layer for layer in all_convolutions() if layer[:2] <= (5, 2)):
        after = round(CHANNELS[layer.block - 1] * width)
        shape = (after, before, 3, 3)
        weights[f"{layer}.weight"] = torch.randn(shape, generator=generator) * math.sqrt(2 / (9 * before))
        weights[f"{layer}.bias"] = torch.zeros(after)
        before = after
    noise = torch.rand(64, 3, 8, 8, generator=generator)
    noise = torch.nn.functional.interpolate(noise, 112, mode="bilinear")
    return Encoder(normalised(weights, noise), ARCHITECTURE)


def saved_random_encoder(path: Path) -> Path:
    """:func:`random_encoder` as a file."""
    encoder = random_encoder()
    save_file(
        {
            name.replace("_weight", ".weight").replace("_bias", ".bias"): value
            for name, value in encoder.named_buffers()
        },
        path,
        {METADATA_KEY: architecture_to_json(ARCHITECTURE)},
    )
    return path


def texture(style: Path, encoder: str, size: int, out: Path) -> float:
    """Synthesise a texture from noise; its patch distance to the painting as a share of uniform noise's."""
    painting = impasto.paint(
        style, style, preset="quick", size=size, encoder=encoder, init="noise", content_weight=0.0, style_weight=16.0
    )
    save_png(painting.array, out)
    made, goal = tensor(painting.array), loaded(style, size)
    noise = torch.rand(made.shape, generator=torch.Generator().manual_seed(1))
    return (sliced_wasserstein(made, goal) / sliced_wasserstein(noise, goal)).mean().item()


def reconstruction(photo: Path, encoder: Encoder, size: int, out: Path, layer: str = "relu4_1") -> float:
    """The photograph from its features at one layer (Mahendran and Vedaldi 2015): error after 200 L-BFGS iterations."""
    goal = loaded(photo, size)
    with torch.no_grad():
        target = encoder(goal, [layer])[layer]
    image, optimizer = torch.full_like(goal, 0.5), LBFGS()
    for _ in range(200):
        leaf = image.detach().requires_grad_(True)
        loss = content_distance(encoder(leaf, [layer])[layer], target) / target.square().mean()
        (gradient,) = torch.autograd.grad(loss, leaf)
        optimizer.step(image, loss.item(), gradient)
    image.clamp_(0, 1)
    save_png(image[0].permute(1, 2, 0).numpy(), out)
    return (image - goal).square().mean().sqrt().item()


def run(
    name: str, encoder: str, pictures: Path, pairs: Sequence[tuple[str, str]], size: int, iterations: int, out: Path
) -> Result:
    """All measurements of one encoder; textures and reconstructions at half the size; pictures into ``out/NAME``."""
    result = Result(name)
    folder = out / name
    for style in dict.fromkeys(style for _, style in pairs[:TEXTURES]):
        result.texture[style] = texture(
            pictures / style, encoder, size // 2, folder / "texture" / f"{Path(style).stem}.png"
        )
    for photo in dict.fromkeys(photo for photo, _ in pairs[:RECONSTRUCTIONS]):
        network = load_encoder(encoder).encoder
        where = folder / "reconstruction" / f"{Path(photo).stem}.png"
        result.reconstruction[photo] = reconstruction(pictures / photo, network, size // 2, where)
    begun = time.monotonic()
    scoring = 0.0
    for photo, style in pairs:
        judge = None
        for weight in STYLE_WEIGHTS:
            painting = impasto.paint(
                pictures / photo,
                pictures / style,
                optimization={"iterations": iterations},
                size=size,
                encoder=encoder,
                style_weight=weight,
            )
            now = time.monotonic()
            pair = f"{Path(photo).stem}-{Path(style).stem}"
            save_png(painting.array, folder / f"{weight:g}" / f"{pair}.png")
            judge = judge or Judge(loaded(pictures / photo, size), loaded(pictures / style, size))
            result.pairs.setdefault(f"{weight:g}", {})[pair] = list(judge.score(tensor(painting.array)))
            scoring += time.monotonic() - now
    result.seconds = (time.monotonic() - begun - scoring) / (len(pairs) * len(STYLE_WEIGHTS))
    result.curve = {s: np.mean(list(scores.values()), 0).tolist() for s, scores in result.pairs.items()}
    return result


def at_content(curve: dict[str, list[float]], level: float) -> tuple[float, float]:
    """Style and strokes of a curve where its content crosses a level; NaN where it does not."""
    rows = sorted(curve.values(), key=lambda row: row[2])
    contents = [row[2] for row in rows]
    if not contents[0] <= level <= contents[-1]:
        return math.nan, math.nan
    style, strokes = (float(np.interp(level, contents, [row[i] for row in rows])) for i in (0, 1))
    return style, strokes


def table(results: Sequence[Result]) -> str:
    """Markdown, the first result being the reference."""
    level = results[0].curve[f"{REFERENCE:g}"][2]
    lines = [
        f"| encoder | texture | strokes at content {level:.3f} | style there | reconstruction | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        style, strokes = at_content(result.curve, level)
        texture, error = (float(np.mean(list(d.values()))) for d in (result.texture, result.reconstruction))
        cells = [f"{texture:.3f}", f"{strokes:.3f}", f"{style:.3f}", f"{error:.3f}", f"{result.seconds:.1f}"]
        lines.append(f"| {result.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--encoder", action="append", required=True, metavar="NAME[=FILE]", dest="encoders")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=12, help="of the last octave")
    parser.add_argument("--out", type=Path, default=Path("runs/encoders"))
    given = parser.parse_args()
    with given.pairs.open(newline="") as file:
        pairs = [(row["content"], row["style"]) for row in csv.DictReader(file)]
    given.out.mkdir(parents=True, exist_ok=True)
    results = []
    for text in given.encoders:
        name, _, path = text.partition("=")
        if name == "random" and not path:
            path = str(saved_random_encoder(given.out / "random.safetensors"))
        stored = given.out / f"{name}.json"
        if not stored.exists():
            result = run(name, path or name, given.pictures, pairs, given.size, given.iterations, given.out)
            stored.write_text(json.dumps(asdict(result), indent=1))
        results.append(Result(**json.loads(stored.read_text())))
    print(table(results))


if __name__ == "__main__":
    main()
