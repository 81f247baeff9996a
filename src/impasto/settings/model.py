"""Every knob of a run, once: name, type, range, unit, default and help.

The command line, the library, saved pictures and files of settings all read this one model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.encoders.layers import RGB, parse_layer
from impasto.errors import SettingsError
from impasto.files import expanded
from impasto.settings.exclusions import EXCLUSIONS
from impasto.settings.fields import (
    FACES,
    LEAST_TILE,
    Colour,
    Device,
    LayerWeights,
    Masks,
    Memory,
    OptionalPath,
    Positive,
    Precision,
    Preset,
    Size,
    Weight,
)
from impasto.settings.references import COLOURS_FROM, INIT, PROTECT, mask_name

DEFAULT_STRENGTH = 0.5


FINEST = 2.5
"""At detail 1, how many times what the next deeper block of layers weighs a block weighs more than it did."""


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

    size: Size = 512
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

    colours_from: OptionalPath = None
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

    protect: OptionalPath = None
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

    device: Device = "auto"
    """auto (cuda where it is there, and else cpu), cpu, cuda, cuda:1, or mps, which is untried."""

    precision: Literal["auto", Precision] = "auto"
    """What the encoder computes in: float32; bfloat16, nearly twice as fast where the processor has it, the pictures
    alike though not the same; or auto, bfloat16 where PyTorch tells that the processor has it (from PyTorch 2.11 on) or
    the GPU does, and float32 elsewhere. On NVIDIA's GPUs float32's convolutions are TF32's, where
    torch.backends.cudnn.allow_tf32 has not been turned off."""

    memory: Memory | None = None
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
        """Paths of the pictures that these settings name, as :mod:`impasto.settings.references` spells them."""
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


def style_weight_of(strength: float) -> float:
    """Style weight for a strength in [0, 1]: from 1 by way of 100 to 2000.

    Equal steps of the strength take equal shares of the photograph's structure, as measured over pairs of photographs
    and paintings with ``python -m benchmarks.quality strength``. The weight grows by less and less to that end; above
    2000 the paint no longer comes nearer to the painting's.
    """
    return float(10 ** (4.7 * strength - 1.4 * strength**2))
