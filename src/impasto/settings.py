"""Every knob of a run, once: name, type, range, unit, default and help.

The command line, the library, saved pictures and files of settings all read this one model.
"""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from impasto.encoders.layers import RGB, parse_layer
from impasto.errors import EncoderError, SettingsError
from impasto.files import expanded
from impasto.named import COLOURS_FROM, INIT, PROTECT, mask_name

Preset = Literal["quick", "default", "fine", "tutorial", "tutorial-core"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
Precision = Literal["float32", "bfloat16"]
Colour = Literal["style", "keep", "match", "palette"]
COLOURS: tuple[Colour, ...] = get_args(Colour)


class ColourSource(NamedTuple):
    """Where the colours of a painting come from, for one value of the setting ``colour``.

    Attributes:
        needs_photo: they are the photograph's, which a texture lacks.
        takes_other: ``colours_from`` may name another picture in place of the style.
    """

    needs_photo: bool
    takes_other: bool


COLOUR_SOURCES: dict[Colour, ColourSource] = {
    "style": ColourSource(needs_photo=False, takes_other=True),
    "keep": ColourSource(needs_photo=True, takes_other=False),
    "match": ColourSource(needs_photo=True, takes_other=False),
    "palette": ColourSource(needs_photo=False, takes_other=True),
}
"""What each takes; :data:`EXCLUSIONS` says what follows."""

DEFAULT_STRENGTH = 0.5
FINEST = 2.5
"""At detail 1, how many times what the next deeper block of layers weighs a block weighs more than it did."""
LEAST_SIZE = 32
"""Shortest side of a painting in pixels."""
MOST_SIZE = 1_000_000
"""Longest side of a painting in pixels."""
LEAST_TILE = 64
"""Smallest side of a tile in pixels."""


def _layer_name(name: str) -> str:
    try:
        return str(parse_layer(name))
    except EncoderError as error:
        raise ValueError(str(error)) from None


def _device_name(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:(0|[1-9]\d?))?", name):
        raise ValueError("should be auto, cpu, cuda, cuda:N or mps")
    return name


BEFORE_CHOICE: Mapping[str, Any] = {"precision": "float32", "borders": "cut", "optimization": {"tolerance": 0.0}}
"""What these settings were while there was no choice, for runs that were stored then."""

_NO_STRENGTH = "A texture has no photograph, so there is no strength, and the content_weight is 0: leave them out."
NO_PROTECTION = "A texture has no photograph that could stay: leave out --protect."
"""Of a mask from memory as well, of which settings do not know."""

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _memory_size(text: str) -> str:
    memory_bytes(text)
    return text.strip()


MOST_MEMORY = 10**18
"""Largest number before a unit of memory."""


def memory_bytes(text: str) -> int:
    """Bytes that a size such as ``4G``, ``800M``, ``1.5GB``, ``2GiB`` or ``3000000000`` stands for.

    Raises:
        ValueError: it is no such size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", text.strip(), re.IGNORECASE)
    if match is None or (match[3] and not match[2]) or float(match[1]) == 0:
        raise ValueError("should be a size such as 4G, 800M or a number of bytes")
    if float(match[1]) > MOST_MEMORY:
        raise ValueError("is more than any machine has")
    unit = _UNITS[match[2].upper()]
    if match[3]:
        unit = 1024 ** list(_UNITS).index(match[2].upper())
    return int(float(match[1]) * unit)


def _sides(text: str) -> str:
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if match is None or not all(LEAST_SIZE <= int(side) <= MOST_SIZE for side in match.groups()):
        raise ValueError("should be width and height in pixels, such as 640x480")
    return f"{int(match[1])}x{int(match[2])}"


def _two_sides(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2 and all(type(side) is int for side in value):
        return f"{value[0]}x{value[1]}"
    return value


def _text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


NONE = "none"
"""In place of the path of a mask, or of the picture of the colours: no such picture, as where an earlier one is to be
left out."""


FACES = "faces"
"""In place of the path of what is protected: the faces that are found."""


def _without_none(value: object) -> object:
    """Masks by the number of their style, each once, without those that are none."""
    if value in (None, NONE):
        return {}
    if not isinstance(value, Mapping):
        return value
    if not all(str(key).strip().isdecimal() and int(key) > 0 for key in value):
        raise ValueError("should name masks by the numbers of their styles, from 1")
    numbers = {int(key): path for key, path in value.items()}  # of 2 and "2" the later one, which may be none
    return {number: _place(path) for number, path in numbers.items() if path not in (None, NONE)}


def _none_or(value: object) -> object:
    return None if value == NONE else _place(value)


def _place(path: object) -> object:
    return os.fsdecode(path) if isinstance(path, os.PathLike) else path


LayerName = Annotated[str, AfterValidator(_layer_name)]
LARGEST = 1e30
"""Of numbers without a bound of their own, so that what is made of them is finite in every precision."""

Weight = Annotated[float, Field(ge=0, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
LayerWeights = dict[LayerName, Weight]
Masks = Annotated[dict[int, Annotated[str, Field(min_length=1)]], BeforeValidator(_without_none)]


Side = Annotated[int, Field(ge=LEAST_SIZE, le=MOST_SIZE)]
Sides = Annotated[str, AfterValidator(_sides), Field(examples=["640x480"])]


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings over one another, the last one on top."""
    result: dict[str, Any] = {}
    for layer in layers:
        result = _merged(result, layer)
    return result


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(under)
    for key, value in over.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


class Losses(_Model):
    """What the painting is measured by."""

    content: LayerWeights = {"relu3_1": 1.0}
    """Content layers and their weights."""

    style: LayerWeights = {
        "rgb": 2.0,
        "relu1_1": 2.4,
        "relu2_1": 1.3,
        "relu3_1": 0.7,
        "relu4_1": 0.4,
        "relu5_1": 0.2,
    }
    """Style layers and their weights; rgb stands for the pixels' own colours. Only their ratios count."""

    style_distance: Literal["gaussian", "gram"] = "gaussian"
    """Distance of the layers' statistics: gaussian (Wasserstein-2 of mean and covariance) or gram (Gatys et al.)."""

    relative: bool = True
    """Divide each layer's distance by the size of its target, so that layers and encoders weigh alike."""

    total_variation: Weight = 0.1
    """Weight of the absolute differences of neighbouring pixels."""

    total_variation_over: Literal["mean", "sum"] = "mean"
    """Whether those differences are averaged over the pixels, or summed as TensorFlow does."""

    overshoot: Weight = 0.0
    """Weight of the mean square of what pixels exceed their range by, times those of content and style together. Of
    use with optimization.clamp = octave, as 2."""

    @model_validator(mode="after")
    def _some_style(self) -> Self:
        if not any(self.style.values()):
            raise ValueError("should give at least one style layer a weight above 0")
        return self


class Optimization(_Model):
    """How the image moves."""

    method: Literal["lbfgs", "adam"] = "lbfgs"
    """L-BFGS, or Adam."""

    history: Annotated[int, Field(ge=1, le=200)] = 20
    """Pairs that L-BFGS keeps, each two images of memory."""

    rate: Positive = 0.02
    """Adam's step size; the image is in [0, 1]."""

    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Adam's decay of the first moment."""

    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Adam's decay of the second moment."""

    epsilon: Positive = 1e-8
    """Adam's epsilon."""

    epsilon_form: Literal["pytorch", "tensorflow"] = "pytorch"
    """Where Adam adds epsilon: to the corrected root (pytorch) or to the uncorrected one (tensorflow)."""

    iterations: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """Iterations of the last octave."""

    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """An octave ends before its last iteration where ten lower its loss by no more than this share, with L-BFGS; 0
    takes all of them."""

    coarse_factor: Annotated[float, Field(ge=0.1, le=10)] = 1.6
    """Each smaller octave takes so many times as many iterations as the next."""

    smallest_octave: Annotated[int, Field(ge=32)] = 128
    """No octave is smaller than this, long side in pixels."""

    octave_ratio: Annotated[float, Field(gt=1, le=16)] = 2.0
    """Ratio between the sides of neighbouring octaves."""

    max_octaves: Annotated[int, Field(ge=1)] = 16
    """No more octaves than this; 1 paints at the full size alone."""

    clamp: Literal["octave", "step"] = "step"
    """When pixels are kept in [0, 1]: put back at the end of each octave, or in every step."""

    keep: Literal["best", "after-best", "last"] = "best"
    """The result: the image with the lowest loss, the one a step after it (as TensorFlow's tutorial), or the last."""


class Settings(_Model):
    """A whole run. Immutable; :func:`make_settings` builds one from presets, files and keywords."""

    preset: Preset = "default"
    """Starting point of all the others: quick, default, fine, or TensorFlow's tutorial, tutorial-core."""

    size: Annotated[Side | Literal["original"] | Sides, BeforeValidator(_two_sides)] = 512
    """Long side of the painting in pixels, or original for the photo's own; the style is read at the same size. Of a
    texture width and height, as in 640x480, or one number for a square."""

    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    """From 0 (a hint of the style) to 1 (the painting's own world). 0.5 where neither it nor raw weights are given."""

    style_weights: tuple[Weight, ...] | None = None
    """Weight of each style picture, in their order; equal where not given. Only their ratios count."""

    content_weight: Weight | None = None
    """Raw weight of the content distance, in place of the strength."""

    style_weight: Weight | None = None
    """Raw weight of the style distance, in place of the strength."""

    colour: Colour = "style"
    """Whose colours: style (the painting's), keep (the photo's own), match (paint after the painting recoloured to the
    photo's mean and covariance), palette (the result in the painting's few main colours)."""

    colours_from: Annotated[Annotated[str, Field(min_length=1)] | None, BeforeValidator(_none_or)] = None
    """A picture whose colours the styles are given before painting, and whose palette is taken; or none."""

    stroke_size: Annotated[float, Field(ge=0.25, le=4)] = 1.0
    """Size of the strokes, from 0.25 to 4: the painting's scale relative to the photo's, both with equal long sides at
    1."""

    detail: Annotated[float, Field(ge=0, le=1)] = 0.5
    """From 0 (the deep style layers count most: the painting's forms) to 1 (the shallow ones: the touch of its brush,
    over the photo's own forms); 0.5 leaves their weights."""

    encoder: Annotated[str, Field(min_length=1)] = "builtin"
    """The encoder: builtin; vgg19 or vgg19-torchvision, fetched when first used; or a file of VGG-19's weights."""

    pooling: Literal["average", "max"] | None = None
    """The encoder's pooling; its own where not given."""

    padding: Literal["zeros", "replicate", "reflect"] | None = None
    """How the encoder continues the picture beyond its border; its own way where not given."""

    padding_scope: Literal["first", "all"] | None = None
    """Whether that padding serves the first layer (the others pad with zeros) or all."""

    borders: Literal["bleed", "mirrored", "cut"] = "bleed"
    """How the border is painted: a little more than the picture, which is trimmed (bleed); with the picture mirrored
    where a side is no multiple of the deepest layer's stride, 16 px (mirrored); or with the last rows left out where
    the poolings leave them out (cut, as in TensorFlow's)."""

    init: Annotated[str, Field(min_length=1)] = "content"
    """What the painting starts from: content, noise (of a texture, in the painting's colours), or the path of a
    picture."""

    seamless: bool = False
    """Make a texture that goes on at its other side, in both directions, without a seam."""

    masks: Masks = {}
    """Where in the photo, or in a texture, a style counts, by its number from 1: a mask of any size, white where it
    does, or none. Styles without one take what the others leave."""

    style_masks: Masks = {}
    """Which part of a painting is taken, by the style's number from 1: a mask, white where it is, or none."""

    protect: Annotated[Annotated[str, Field(min_length=1)] | None, BeforeValidator(_none_or)] = None
    """Where the photo stays as it is: a mask of any size, white where it does; faces, to have them found (with
    impasto[faces]); or none."""

    losses: Losses = Losses()
    """What the painting is measured by."""

    optimization: Optimization = Optimization()
    """How the image moves."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of all randomness."""

    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    """Threads of the CPU; one for each physical core where not given."""

    device: Annotated[str, AfterValidator(_device_name)] = "auto"
    """auto (cuda where it is there, and else cpu), cpu, cuda, cuda:1, or mps, which is untried."""

    precision: Literal["auto", Precision] = "auto"
    """What the encoder computes in: float32; bfloat16, nearly twice as fast where the processor has it, the pictures
    alike though not the same; or auto, bfloat16 where PyTorch tells that the processor has it (from PyTorch 2.11 on) or
    the GPU does, and float32 elsewhere. On NVIDIA's GPUs float32's convolutions are TF32's, where
    torch.backends.cudnn.allow_tf32 has not been turned off."""

    memory: Annotated[str, BeforeValidator(_text), AfterValidator(_memory_size)] | None = None
    """Most memory to use, as in 4G or 800M, all of the program counted; most of what is free where not given."""

    tile: Annotated[int, Field(ge=LEAST_TILE, le=1_000_000)] | None = None
    """Paint in tiles of at most so many pixels a side; chosen by the memory where not given."""

    resampling: Literal["antialiased", "bilinear"] = "antialiased"
    """How pictures are brought to size: Lanczos, or bilinear without antialiasing as in tutorial-core."""

    depth: Literal[8, 16] = 8
    """Bits per channel of the saved picture; 16 for PNG and TIFF."""

    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    """The most pixels of a picture that are held at once, as a guard against decompression bombs: larger pictures are
    refused. Plain JPEG, PNG and TIFF files that are shrunk while they are read may have a hundred times as many."""

    @model_validator(mode="after")
    def _nothing_excluded(self) -> Self:
        for exclusion in EXCLUSIONS["each other"]:
            if exclusion.met(self):
                raise ValueError(exclusion.complaint(self))
        if self.style_weights is not None and not sum(self.style_weights) > 0:
            raise ValueError("The style_weights need at least one weight above 0.")
        return self

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width in pixels, where the size names both."""
        if not isinstance(self.size, str) or self.size == "original":
            return None
        width, height = map(int, self.size.split("x"))
        return height, width

    @property
    def long_side(self) -> int | None:
        """Of the painting, in pixels; None where it is the photograph's own."""
        return max(self.sides) if self.sides else self.size if isinstance(self.size, int) else None

    def check_photo(self, there: bool) -> None:
        """Refuse settings that ask of a photograph what there is not, or of a texture.

        Args:
            there: whether there is a photograph; there is none behind a texture.

        Raises:
            SettingsError: what does not fit, in a sentence.
        """
        for exclusion in EXCLUSIONS["a photograph" if there else "a texture"]:
            if exclusion.met(self):
                raise SettingsError(exclusion.complaint(self))

    def check_weights(self, styles: int) -> None:
        """Refuse weights of other than so many style pictures.

        Raises:
            SettingsError: with both numbers.
        """
        if self.style_weights is not None and len(self.style_weights) != styles:
            raise SettingsError(
                f"The style_weights are {len(self.style_weights)} and the style pictures {styles}: give one for each."
            )

    @property
    def weights(self) -> tuple[float, float]:
        """Weights of content and style that strength or the raw weights stand for."""
        strength = DEFAULT_STRENGTH if self.strength is None else self.strength
        content = 1.0 if self.content_weight is None else self.content_weight
        style = style_weight_of(strength) if self.style_weight is None else self.style_weight
        return content, style

    @property
    def named_files(self) -> dict[str, Path]:
        """Paths of the pictures that these settings name, as :mod:`impasto.named` spells them."""
        files: dict[str, Any] = {INIT: None if self.init in ("content", "noise") else self.init}
        files[COLOURS_FROM] = self.colours_from
        files |= {mask_name("masks", number): path for number, path in sorted(self.masks.items())}
        files |= {mask_name("style_masks", number): path for number, path in sorted(self.style_masks.items())}
        files[PROTECT] = None if self.protect == FACES else self.protect
        return {name: expanded(path) for name, path in files.items() if path is not None}

    @property
    def balanced_losses(self) -> Losses:
        """The losses with the style layers' weights as ``detail`` has them.

        Each block of the encoder weighs against the next one :data:`FINEST` ** (2 · detail - 1) times what the table
        says. The sum of these layers' weights stays, and so does the weight of rgb, which tells of colours only.
        """
        ratio = FINEST ** (2 * self.detail - 1)
        before = {name: weight for name, weight in self.losses.style.items() if name != RGB}
        after = {name: weight * ratio ** -parse_layer(name).block for name, weight in before.items()}
        total = sum(after.values())
        if self.detail == 0.5 or not total:
            return self.losses
        scale = sum(before.values()) / total
        balanced = {name: scale * weight for name, weight in after.items()}
        return self.losses.model_copy(update={"style": self.losses.style | balanced})

    def changed(self, **changes: Any) -> Settings:
        """These settings with others in their place; nested ones may be given in part.

        Raises:
            SettingsError: the result is not valid.
        """
        values = self.model_dump(exclude_none=True)
        if "preset" in changes:
            silent = {name: dict.fromkeys(values["losses"][name], 0.0) for name in ("content", "style")}
            values = merged(values, {"losses": silent}, preset_values(changes["preset"]))
        return _validated(_merged(values, changes))


class Exclusion(NamedTuple):
    """Settings that do not combine.

    Attributes:
        names: the settings and, where it depends on them, their values.
        sentence: says so, and how to mend it; ``{0}`` stands for the settings, as in ``{0.colour}``.
        met: whether it is so in some settings.
    """

    names: str
    sentence: str
    met: Callable[[Settings], bool]

    def complaint(self, settings: Settings) -> str:
        """The sentence on some settings."""
        return self.sentence.format(settings)


def _colours(chosen: Callable[[ColourSource], bool]) -> str:
    return "colour = " + " or ".join(colour for colour, source in COLOUR_SOURCES.items() if chosen(source))


EXCLUSIONS: dict[Literal["each other", "a photograph", "a texture"], tuple[Exclusion, ...]] = {
    "each other": (
        Exclusion(
            f"colours_from, {_colours(lambda source: not source.takes_other)}",
            "The settings colours_from and colour = {0.colour}, which takes the photo's colours, exclude each other: "
            "choose one of them.",
            lambda s: s.colours_from is not None and not COLOUR_SOURCES[s.colour].takes_other,
        ),
        Exclusion(
            "strength, content_weight or style_weight",
            "The strength and raw weights exclude each other (the tutorial presets give raw weights): give strength, "
            "or content_weight and style_weight.",
            lambda s: s.strength is not None and (s.content_weight is not None or s.style_weight is not None),
        ),
        Exclusion(
            "content_weight = 0, style_weight = 0",
            "The content_weight and the style_weight are both 0, so there is nothing to paint: give one of them more.",
            lambda s: s.content_weight == 0 and s.style_weight == 0,
        ),
    ),
    "a photograph": (
        Exclusion(
            "size = WxH",
            "The size {0.size} is a texture's: a painting has the shape of its photograph, so give its long side "
            "alone.",
            lambda s: s.sides is not None,
        ),
        Exclusion(
            "seamless",
            "Only a texture can be seamless: a photograph does not go on at its other side.",
            lambda s: s.seamless,
        ),
    ),
    "a texture": (
        Exclusion(
            "size = original",
            "A texture has no photograph to take its size from: give a size such as 512 or 640x480.",
            lambda s: s.size == "original",
        ),
        Exclusion(
            "init = content",
            "A texture has no photograph to begin from: choose init noise or the path of a picture.",
            lambda s: s.init == "content",
        ),
        Exclusion(
            "strength, content_weight above 0", _NO_STRENGTH, lambda s: s.strength is not None or s.weights[0] != 0
        ),
        Exclusion("protect", NO_PROTECTION, lambda s: s.protect is not None),
        Exclusion(
            _colours(lambda source: source.needs_photo),
            "The colour {0.colour} takes the colours of the photograph, and a texture has none: choose style or "
            "palette, or name a picture with colours_from.",
            lambda s: COLOUR_SOURCES[s.colour].needs_photo,
        ),
    ),
}
"""What does not combine: settings with each other, and with what is painted. Settings are refused by this table, and
``impasto settings`` shows it; what the pictures decide, such as their number, is refused where they are read."""


def style_weight_of(strength: float) -> float:
    """Style weight for a strength in [0, 1]: from 1 by way of 100 to 2000.

    Equal steps of the strength take equal shares of the photograph's structure, as measured over pairs of photographs
    and paintings with ``python -m benchmarks.quality strength``. The weight grows by less and less to that end; above
    2000 the paint no longer comes nearer to the painting's.
    """
    return float(10 ** (4.7 * strength - 1.4 * strength**2))


_TUTORIAL: dict[str, Any] = {
    "encoder": "vgg19",
    "precision": "float32",
    "borders": "cut",
    "content_weight": 1e3,
    "style_weight": 1e-2,
    "losses": {
        "content": {"relu3_1": 0, "relu5_2": 1},
        "style": {"rgb": 0, "relu1_1": 1, "relu2_1": 1, "relu3_1": 1, "relu4_1": 1, "relu5_1": 1},
        "style_distance": "gram",
        "relative": False,
        "total_variation": 0,
        "overshoot": 0,
    },
    "optimization": {
        "method": "adam",
        # The tutorial moves an image of 0…255 at rate 5 with epsilon 0.1. In [0, 1] gradients are 255 times as large,
        # and Adam takes the same path with the rate divided by 255 and epsilon multiplied by it.
        "rate": 5 / 255,
        "beta1": 0.99,
        "epsilon": 0.1 * 255,
        "epsilon_form": "tensorflow",
        "iterations": 1000,
        "max_octaves": 1,
        "clamp": "step",
        "keep": "after-best",
    },
}
"""Raymond Yuan, Neural Style Transfer: Creating Art with Deep Learning using tf.keras and eager execution, 2018."""

PRESET_CHANGES: dict[Preset, dict[str, Any]] = {
    "quick": {"optimization": {"iterations": 15}},
    "default": {},
    "fine": {"optimization": {"iterations": 80, "tolerance": 0.005}},
    "tutorial": _TUTORIAL,
    "tutorial-core": merged(
        _TUTORIAL,
        {
            "content_weight": 1e4,
            "losses": {"total_variation": 30, "total_variation_over": "sum"},
            "optimization": {"rate": 0.02, "epsilon": 0.1, "keep": "last"},
            "resampling": "bilinear",
        },
    ),
}
"""What each preset changes in the defaults; tutorial-core is the form that tensorflow.org carries today."""


_TEXTURE: dict[str, Any] = {"content_weight": 0.0, "init": "noise"}

_PAINTED_TEXTURE: dict[str, Any] = _TEXTURE | {
    # Zeros beyond a painting's border are as a frame around it, and what the deep layers make of it would be painted
    # all over a texture that has no border itself, as a grid of coloured dots.
    "padding": "reflect",
    "padding_scope": "all",
    # Without a photograph the large forms must come from somewhere, too.
    "optimization": {"smallest_octave": 64},
    # What is left of the style distance is small, and more than this would paint blocks along the axes.
    "losses": {"total_variation": 0.02},
}

TEXTURE_CHANGES: dict[Preset, dict[str, Any]] = {
    "quick": _PAINTED_TEXTURE,
    "default": _PAINTED_TEXTURE,
    "fine": _PAINTED_TEXTURE,
    "tutorial": _TEXTURE,
    "tutorial-core": _TEXTURE,
}
"""What a texture changes in each preset."""


def make_texture_settings(file: str | Path | None = None, **changes: Any) -> Settings:
    """Build the settings of a texture: a preset, over it what a texture changes in it, a file and the keywords.

    Args:
        file: JSON or TOML, with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only.

    Raises:
        SettingsError: as :func:`make_settings`.
    """
    given = _merged(read_settings_file(file) if file is not None else {}, changes)
    if given.get("strength") is not None:
        raise SettingsError(_NO_STRENGTH)
    return make_settings(**merged(texture_values(given.get("preset", "default")), given))


def texture_values(preset: str) -> dict[str, Any]:
    """What a texture changes in a preset; nothing where there is no such preset, which is refused elsewhere."""
    return next((changes for name, changes in TEXTURE_CHANGES.items() if name == preset), {})


def make_settings(file: str | Path | None = None, **changes: Any) -> Settings:
    """Build settings: a preset, over it a file, over both the keywords.

    Args:
        file: JSON or TOML, with the names of :class:`Settings`.
        changes: settings by name; nested ones as mappings, which may give a part only.

    Raises:
        SettingsError: an unknown name, a value out of range, two that exclude each other, or a file that cannot be
            read.
    """
    given = _merged(read_settings_file(file) if file is not None else {}, changes)
    return _validated(_merged(preset_values(given.get("preset", "default")), given))


def with_settings_of_then(values: Any) -> Any:
    """What was stored of a run, with the settings that it does not name as they were when there was no choice.

    Args:
        values: as they were stored, of any type; a mapping ``settings`` among them is completed.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("settings"), Mapping):
        return values
    return {**values, "settings": merged(BEFORE_CHOICE, values["settings"])}


def preset_values(preset: str) -> dict[str, Any]:
    """Values of every setting that any preset touches, as the given one has them.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(f"There is no preset {preset!r}: choose one of {', '.join(PRESETS)}.")
    touched = merged(*PRESET_CHANGES.values())
    return _merged(_like(Settings().model_dump(), touched), PRESET_CHANGES[preset])


def _like(values: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that the nested mapping ``shape`` names."""
    found = {k: (values[k], v) for k, v in shape.items() if k in values}
    return {k: _like(value, v) if isinstance(v, Mapping) else value for k, (value, v) in found.items()}


def read_settings_file(path: str | Path) -> dict[str, Any]:
    """Settings from a JSON or TOML file, not yet validated.

    Raises:
        SettingsError: the file cannot be read, or is neither.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows's editors begin a file with a mark
        values = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise SettingsError(f"There is no file of settings {str(path)!r}: check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise SettingsError(f"The file of settings {str(path)!r} cannot be read ({reason}).") from None
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise SettingsError(f"The file of settings {str(path)!r} is no {kind}: {error}.") from None
    if not isinstance(values, dict):
        raise SettingsError(f"The file of settings {str(path)!r} holds no table of names and values.")
    return values


def parse_assignment(text: str) -> dict[str, Any]:
    """Read ``losses.style.relu3_1=2`` into nested mappings; values are JSON where they can be, else text.

    Raises:
        SettingsError: no ``=``, or no name before it.
    """
    name, equals, value = text.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise SettingsError(f"{text!r} is no setting: write NAME=VALUE, as in losses.style.relu3_1=2.")
    try:
        nested: Any = json.loads(value)
    except (ValueError, RecursionError):
        nested = value.strip()
    for key in reversed(keys):
        nested = {key: nested}
    assert isinstance(nested, dict)
    return nested


def _validated(values: Mapping[str, Any]) -> Settings:
    """Validate over the defaults of nested models, so that a part of a table of layers changes just that part."""
    try:
        tables = {name: values[name] for name in ("losses", "optimization") if isinstance(values.get(name), Mapping)}
        defaults = {name: Settings().model_dump()[name] for name in tables}
        if "losses" in tables:
            tables["losses"] = {**tables["losses"]} | _canonical_layers(tables["losses"])
        return Settings.model_validate({**values, **_merged(defaults, tables)})
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _canonical_layers(losses: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of layers with one spelling, so that block3_conv1 replaces relu3_1."""
    tables = {name: losses[name] for name in ("content", "style") if isinstance(losses.get(name), Mapping)}
    try:
        return {name: {str(parse_layer(str(k))): v for k, v in table.items()} for name, table in tables.items()}
    except EncoderError as error:
        raise SettingsError(str(error)) from None


_SHOULD_BE = {
    "dict_type": "a table of names and values",
    "model_type": "a table of names and values",
    "tuple_type": "a list, as in [1,2]",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_too_short": "a name, not empty",
}
"""What pydantic asks for, by its kinds of errors, in words for those who do not write Python."""


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic in one sentence that names the setting."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    name = ".".join(p for p in place if not p.startswith(("literal[", "constrained-", "int", "function-", "tuple[")))
    value = first["input"]
    if first["type"] == "extra_forbidden":
        return f"There is no setting {name!r}: `impasto settings` lists them all."
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if not name:
        return f"{message}."
    if first["type"] in _SHOULD_BE:
        message = f"should be {_SHOULD_BE[first['type']]}"
    if name == "size":
        message = "should be a whole number of pixels from 32 to 1000000, width and height as in 640x480, or original"
    shown = repr(value) if not isinstance(value, float) or math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and len(shown) > 60:  # cut off, a table says nothing
        return f"The setting {name} is not valid: it {message}."
    return f"The setting {name} = {shown[:60]} is not valid: it {message}."
