"""Encoders compared by what they paint: textures, paintings, reconstructions.

    python -m benchmarks.encoder PICTURES PAIRS.csv --encoder random --encoder builtin --encoder other=other.safetensors

PICTURES is a folder of photographs and paintings, PAIRS.csv has the columns ``content`` and ``style``. Each encoder's
results go into ``OUT/NAME.json`` after every texture, reconstruction and painting, and what is there already is not
made again: the same command goes on after an interruption, and a longer PAIRS.csv adds to what is there. The table is
over the encoders and pairs of the command line, with its first encoder as the reference.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import impasto
from benchmarks.measures import Judge, sliced_wasserstein
from impasto.encoder import Encoder
from impasto.layers import all_convolutions
from impasto.losses import content_distance
from impasto.optimizers import LBFGS
from impasto.pictures import read_picture, resize, write_picture
from impasto.pictures.files import replace_file
from impasto.pyramid import scaled
from impasto.weights import load_encoder
from training.export import normalised, write_encoder
from training.model import CHANNELS

Pair = tuple[str, str]
"""Files of a photograph and a painting."""

STYLE_WEIGHTS = (15.0, 45.0, 135.0, 405.0)
REFERENCE = 45.0
"""Style weight at which the first encoder's content sets the level of comparison."""
TEXTURES = 8
RECONSTRUCTIONS = 6


@dataclass
class Result:
    """What one encoder gave.

    Attributes:
        name: of the encoder.
        made_with: SHA-256 of its file, size and iterations; empty in files that do not tell.
        texture: by painting, its synthesised texture's distance as a share of uniform noise's, mean over the levels.
        pairs: by style weight and pair: style, strokes, content.
        reconstruction: by photograph, root mean square error of its reconstruction from relu4_1, sRGB in [0, 1].
        seconds: of one painting, mean over all.
    """

    name: str
    made_with: dict[str, Any] = field(default_factory=dict)
    texture: dict[str, float] = field(default_factory=dict)
    pairs: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    reconstruction: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def stored(cls, path: Path, name: str, made_with: dict[str, Any]) -> Result:
        """What a file holds of an earlier run, or nothing yet.

        Raises:
            ValueError: the earlier run was made with something else.
        """
        if not path.exists():
            return cls(name, made_with)
        values = json.loads(path.read_text())
        names = {field.name for field in fields(cls)}  # older files hold more
        result = cls(**{name: value for name, value in values.items() if name in names})
        if result.made_with and result.made_with != made_with:
            raise ValueError(
                f"{path} was made with {result.made_with}, not {made_with}: remove it, or give another --out"
            )
        return result

    def store(self, path: Path) -> None:
        """Write the file, in one step."""
        replace_file(path, json.dumps(asdict(self), indent=1).encode())

    def add(self, weight: float, pair: str, score: Sequence[float], seconds: float) -> None:
        """Add a painting."""
        count = sum(map(len, self.pairs.values()))
        self.seconds = (self.seconds * count + seconds) / (count + 1)
        self.pairs.setdefault(f"{weight:g}", {})[pair] = list(score)

    def has(self, weight: float, pair: str) -> bool:
        """Whether a painting is there."""
        return pair in self.pairs.get(f"{weight:g}", {})

    def over(self, pairs: Sequence[Pair]) -> Result:
        """The part that some pairs come to."""
        names, weights = list(map(pair_name, pairs)), [f"{weight:g}" for weight in STYLE_WEIGHTS]
        return replace(
            self,
            texture={style: self.texture[style] for style in texture_styles(pairs)},
            pairs={weight: {name: self.pairs[weight][name] for name in names} for weight in weights},
            reconstruction={photo: self.reconstruction[photo] for photo in reconstructed_photos(pairs)},
        )

    @property
    def curve(self) -> dict[str, list[float]]:
        """By style weight: style, strokes, content, each the mean over the pairs."""
        return {weight: np.mean(list(scores.values()), 0).tolist() for weight, scores in self.pairs.items()}


def pair_name(pair: Pair) -> str:
    """Of photograph and painting, as results and files have it."""
    photo, style = pair
    return f"{Path(photo).stem}-{Path(style).stem}"


def texture_styles(pairs: Sequence[Pair]) -> list[str]:
    """The paintings whose textures are made."""
    return list(dict.fromkeys(style for _, style in pairs[:TEXTURES]))


def reconstructed_photos(pairs: Sequence[Pair]) -> list[str]:
    """The photographs that are reconstructed."""
    return list(dict.fromkeys(photo for photo, _ in pairs[:RECONSTRUCTIONS]))


def loaded(path: Path, long_side: int) -> Tensor:
    """A picture as 1×3×H×W at a long side."""
    pixels = read_picture(path).pixels
    height, width = pixels.shape[:2]
    return tensor(resize(pixels, *scaled(height, width, long_side)))


def tensor(array: np.ndarray) -> Tensor:
    """H×W×3 to 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None]


def random_weights(width: float = 0.5, seed: int = 0) -> dict[str, Tensor]:
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
    return normalised(weights, noise)


def texture(style: Path, encoder: str, size: int, out: Path) -> float:
    """Synthesise a texture from noise; its patch distance to the painting as a share of uniform noise's."""
    painting = impasto.paint(
        style, style, preset="quick", size=size, encoder=encoder, init="noise", content_weight=0.0, style_weight=16.0
    )
    write_picture(out, painting.array)
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
    write_picture(out, image[0].permute(1, 2, 0).numpy())
    return (image - goal).square().mean().sqrt().item()


def run(
    name: str, encoder: str, pictures: Path, pairs: Sequence[Pair], size: int, iterations: int, out: Path
) -> Result:
    """All measurements of one encoder; textures and reconstructions at half the size; pictures into ``out/NAME``.

    Raises:
        ValueError: ``out/NAME.json`` was made with something else.
    """
    network, folder, file = load_encoder(encoder), out / name, out / f"{name}.json"
    made_with = {"encoder": network.sha256, "size": size, "iterations": iterations}
    result = Result.stored(file, name, made_with)
    for part in ("texture", "reconstruction", *(f"{weight:g}" for weight in STYLE_WEIGHTS)):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for style in texture_styles(pairs):
        if style not in result.texture:
            made = folder / "texture" / f"{Path(style).stem}.png"
            result.texture[style] = texture(pictures / style, encoder, size // 2, made)
            result.store(file)
    for photo in reconstructed_photos(pairs):
        if photo not in result.reconstruction:
            made = folder / "reconstruction" / f"{Path(photo).stem}.png"
            result.reconstruction[photo] = reconstruction(pictures / photo, network.encoder, size // 2, made)
            result.store(file)
    for pair in pairs:
        photo_file, style_file = (pictures / part for part in pair)
        judge = None
        for weight in (weight for weight in STYLE_WEIGHTS if not result.has(weight, pair_name(pair))):
            begun = time.monotonic()
            painting = impasto.paint(
                photo_file,
                style_file,
                optimization={"iterations": iterations},
                size=size,
                encoder=encoder,
                style_weight=weight,
            )
            seconds = time.monotonic() - begun
            write_picture(folder / f"{weight:g}" / f"{pair_name(pair)}.png", painting.array)
            judge = judge or Judge(loaded(photo_file, size), loaded(style_file, size))
            result.add(weight, pair_name(pair), judge.score(tensor(painting.array)), seconds)
            result.store(file)
    return result.over(pairs)


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
            path = str(given.out / "random.safetensors")
            if not Path(path).exists():
                write_encoder(random_weights(), Path(path))
        try:
            results.append(run(name, path or name, given.pictures, pairs, given.size, given.iterations, given.out))
        except ValueError as error:
            parser.error(str(error))
    print(table(results))


if __name__ == "__main__":
    main()
