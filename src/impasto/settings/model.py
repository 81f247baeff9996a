"""The settings of a run: name, type, range, unit, default and help text of each.

The command line, the library, saved pictures and files of settings all read this model.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.encoders.layers import parse_layer
from impasto.errors import SettingsError
from impasto.files import expanded
from impasto.settings.exclusions import find_exclusion
from impasto.settings.fields import (
    FACES,
    SMALLEST_TILE,
    Colour,
    DeviceName,
    LayerWeights,
    MaskPaths,
    MemorySize,
    OptionalPath,
    Positive,
    Precision,
    Preset,
    Share,
    ShareBelowOne,
    Size,
    Text,
    Weight,
)
from impasto.settings.print_sizes import PrintSize, parse_print_size, pixels_of
from impasto.settings.references import COLOURS_FROM, GROW_FROM, INIT, PROTECT, STARTS, mask_name, path_unless
from impasto.settings.strength import (
    DEFAULT_STRENGTH,
    change_of_photo,
    coarse_content_share_of,
    colour_factor_of,
    start_noise_of,
    start_side_of,
    style_share_of,
    style_weight_of,
)
from impasto.styles.lookup import find_style

DETAIL_RATIO = 2.5
"""Factor by which detail 1 raises the weight of each block of layers relative to that of the next deeper block."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


class Losses(_Model):
    """Layers, weights and distances of the loss that painting minimises."""

    content: LayerWeights = {"rgb": 1.0, "relu3_1": 1.0}
    """Content layers and their weights. Only the ratios count; rgb stands for the photo's own colours, whose weight
    rises fourteenfold from strength 0.5 down to 0."""

    style: LayerWeights = {
        "rgb": 2.0,
        "strokes": 0.15,
        "gabor": 0.25,
        "gabor2": 2.5,
        "relu1_1": 2.4,
        "relu2_1": 1.3,
        "relu3_1": 0.7,
        "relu4_1": 0.4,
        "relu5_1": 0.0,
    }
    """Style layers and their weights; rgb stands for the pixels' own colours. Strokes, for the directions and the
    fineness of brush strokes, gabor, for the finest forms, and gabor2, for dots and lines in colour, need no encoder.
    Only the ratios count."""

    style_distance: Literal["gaussian", "gram"] = "gaussian"
    """Distance between a layer's statistics: gaussian (Wasserstein-2 of mean and covariance) or gram (Gatys et al.)."""

    relative: bool = True
    """Divide each layer's distance by the magnitude of its target, so that layers and encoders have equal influence."""

    coarse_content: float = Field(default=4.0, ge=1, le=10)
    """Factor of the content weight for each halving of an octave's long side from 512 to 128 px. With 4, for example,
    an octave of 256 px has 4 times the weight, and smaller ones up to 16 times: large forms are the photo's, and the
    style is painted within them."""

    form_content: float = Field(default=6.0, ge=0, le=20)
    """Further weight of the content where the photo has forms, such as eyes and mouths, and not where it is flat: with
    6, up to 7 times the weight. Strengths above 0.5 reduce it."""

    recolour: Share = 1.0
    """Fraction of the way from the photo's colours to the paintings', in mean and covariance, that the photo is moved
    before painting begins. Painting starts from the recoloured photo and is compared with it, so contrasts of the photo
    remain that its own colours would lose. Applies if colour is style or palette, or with colours_from; strengths below
    0.5 reduce it."""

    local_contrast: float = Field(default=4.0, ge=0, le=10)
    """Factor of the detail of the photo's luminance before painting begins, so that eyes and mouths stand out among the
    strokes; 0 leaves the detail as recolouring changes it. Faint noise is strengthened less, and strengths below 0.5
    reduce it."""

    tone: Weight = 0.3
    """Weight of the differences of tone, relative to the weight of the content: blurred luminance should rank as in the
    photo, with the paintings' lights and darks."""

    drift: Weight = 0.005
    """Weight of the differences to the smaller painting that an octave enlarges, in locally averaged colours, relative
    to the weights of content and style together. It keeps forms in place if the smaller painting measures at least
    256 px and there is a photo; 0 lets them change."""

    total_variation: Weight = 0.05
    """Weight of the absolute differences between neighbouring pixels."""

    total_variation_over: Literal["mean", "sum"] = "mean"
    """Average those differences over the pixels (mean), or sum them as TensorFlow does (sum)."""

    overshoot: Weight = 0.0
    """Weight of the mean squared amount by which pixels leave their range, relative to the weights of content and
    style together. Useful with optimization.clamp = octave; try 2."""

    @model_validator(mode="after")
    def _check_style(self) -> Self:
        if not any(self.style.values()):
            raise ValueError("should give at least one style layer a weight above 0")
        return self


class Optimization(_Model):
    """Optimiser, iterations and octaves of a run."""

    method: Literal["lbfgs", "adam", "feed-forward"] = "lbfgs"
    """Optimiser, L-BFGS or Adam; or feed-forward: a trained network paints in one pass, without iterations."""

    history: int = Field(default=20, ge=1, le=200)
    """Pairs of vectors that L-BFGS stores; each takes the memory of two images."""

    rate: Positive = 0.02
    """Adam's step size; the image is in [0, 1]."""

    beta1: ShareBelowOne = 0.9
    """Adam's decay rate of the first moment."""

    beta2: ShareBelowOne = 0.999
    """Adam's decay rate of the second moment."""

    epsilon: Positive = 1e-8
    """Adam's epsilon."""

    epsilon_form: Literal["pytorch", "tensorflow"] = "pytorch"
    """Where Adam adds epsilon: to the bias-corrected root (pytorch) or to the uncorrected one (tensorflow)."""

    iterations: int = Field(default=26, ge=1, le=1_000_000)
    """Iterations of each octave of 512 px or more. Smaller octaves have more of them by coarse_factor, whatever the
    size of the painting; with max_octaves = 1 the only octave has exactly this number."""

    tolerance: ShareBelowOne = 0.0
    """With L-BFGS, an octave ends early once ten iterations lower its loss by no more than this share; 0 always runs
    all iterations."""

    coarse_factor: float = Field(default=1.0, ge=0.1, le=10)
    """Factor of the iterations for each halving of an octave's long side below 512 px. With 1.6, for example, an octave
    of 512 px has 15, one of 256 px 24 and one of 128 px 38."""

    smallest_octave: int | None = Field(default=None, ge=32)
    """Long side of the first octave in pixels. By default 128, or half of the long side of paintings under 256 px: a
    single octave leaves lattices of dots, and frames along the border of flat photos."""

    octave_ratio: float = Field(default=2.0, gt=1, le=16)
    """Ratio between the sides of neighbouring octaves, from the first upwards. An octave that is less than its square
    root below the full size is left out."""

    max_octaves: int = Field(default=16, ge=1)
    """Largest number of octaves, of which the largest are kept; 1 paints at the full size alone."""

    start_noise: float = Field(default=0.01, ge=0, le=1)
    """Standard deviation of faint noise in flat areas of the photo that painting starts from; pixels are in [0, 1].
    Without it, places in a flat area differ only in their distance from the border, and are painted in lines parallel
    to it."""

    clamp: Literal["octave", "step"] = "step"
    """When pixels are clamped to [0, 1]: at the end of each octave, or at every step."""

    keep: Literal["best", "after-best", "last"] = "best"
    """Resulting image: the one with the lowest loss (best), the one a step after it as in TensorFlow's tutorial
    (after-best), or the last one."""


class Settings(_Model):
    """Settings of a whole run. Immutable; :func:`impasto.make_settings` builds them."""

    preset: Preset = "default"
    """Values that the other settings start from: instant, quick, default, fine, or TensorFlow's tutorial and
    tutorial-core."""

    size: Size = 512
    """Long side of the painting in pixels, or original for the photo's own; the style is read at the same size. Or the
    size of a print, as in 30x40cm@300, 12x16in or 40cm@240 (long side), at 300 dpi unless given: the painting fits on
    it, and the file states the dpi. For a texture, width and height as in 640x480, or one number for a square."""

    strength: Share | None = None
    """Strength of the style, from 0 (a hint of it) to 1 (half of the photo's structure left). 0.5 if neither
    strength nor raw weights are given."""

    style_weights: tuple[Weight, ...] | None = None
    """Weight of each style picture, in their order; equal if not given. Only the ratios count."""

    content_weight: Weight | None = None
    """Raw weight of the content distance, in place of the strength."""

    style_weight: Weight | None = None
    """Raw weight of the style distance, in place of the strength."""

    colour: Colour = "style"
    """Source of the colours: style (the painting's), keep (the photo's own), match (paint after the painting recoloured
    to the photo's mean and covariance), palette (the result in the painting's few main colours)."""

    colours_from: OptionalPath = None
    """Picture, or name of a style, that the styles are recoloured after before painting, and that the palette comes
    from; or none."""

    stroke_size: float = Field(default=1.0, ge=0.25, le=4)
    """Size of the strokes, from 0.25 to 4: scale of the painting relative to the photo, whose long sides are equal at
    1."""

    detail: Share = 0.5
    """Balance of the style layers, from 0 (the deep ones count most: the painting's forms) to 1 (the shallow ones: its
    brushwork over the photo's own forms); 0.5 leaves their weights unchanged."""

    encoder: Text = "builtin-slim"
    """Encoder: builtin-slim; builtin, which has VGG-19's layers and takes twice the time; vgg19 or vgg19-torchvision,
    downloaded at first use; or a file of weights."""

    pooling: Literal["average", "binomial", "max"] | None = None
    """Pooling of the encoder (binomial: weights 1 3 3 1 in both directions); its own if not given."""

    padding: Literal["zeros", "replicate", "reflect"] | None = None
    """Padding of the encoder beyond the picture's border; its own if not given."""

    padding_scope: Literal["first", "all"] | None = None
    """Layers with that padding: the first (the others pad with zeros) or all."""

    borders: Literal["bleed", "mirrored", "cut"] = "bleed"
    """How the border is painted: with a margin that is trimmed afterwards (bleed); with the picture mirrored up to a
    multiple of the deepest layer's stride, 16 px (mirrored); or without the last rows that poolings drop (cut, as in
    TensorFlow)."""

    init: Text = "content"
    """Image that painting starts from: content, noise (for a texture, in the painting's colours), instant (the photo as
    the preset instant paints it), or the path of a picture."""

    grow_from: OptionalPath = None
    """Smaller painting of the same pictures that painting goes on from, without the octaves up to its size; or none.
    The command again chooses it if only the size grows."""

    seamless: bool = False
    """Make a texture that tiles: its opposite sides join without a seam in both directions."""

    masks: MaskPaths = {}
    """Region of each style in the photo, or in a texture, by the style's number from 1: a mask of any size, white in
    the region, or none. Styles without a mask share the rest."""

    style_masks: MaskPaths = {}
    """Part of each painting to use, by the style's number from 1: a mask, white in that part, or none."""

    protect: OptionalPath = None
    """Part of the photo that stays unchanged: a mask of any size, white in that part; faces, to detect them (needs
    impasto[faces]); or none."""

    losses: Losses = Losses()
    """Layers, weights and distances of the loss."""

    optimization: Optimization = Optimization()
    """Optimiser, iterations and octaves."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of all randomness."""

    threads: int | None = Field(default=None, ge=1, le=4096)
    """CPU threads; one for each physical core if not given. Octaves of fewer than 128×128 pixels take one."""

    device: DeviceName = "auto"
    """Device: auto (cuda if available, otherwise cpu), cpu, cuda, cuda:1, or mps, which is untested."""

    precision: Literal["auto", Precision] = "auto"
    """Number format that the encoder computes in: float32; bfloat16, nearly twice as fast on hardware that supports it,
    with similar but not identical pictures; or auto, bfloat16 if the GPU supports it or PyTorch (2.11 or later) reports
    that the CPU does, and float32 otherwise. On NVIDIA GPUs float32 convolutions use TF32, unless
    torch.backends.cudnn.allow_tf32 is off."""

    memory: MemorySize | None = None
    """Most memory that the whole program uses, as in 4G or 800M; most of the free memory if not given."""

    tile: int | None = Field(default=None, ge=SMALLEST_TILE, le=1_000_000)
    """Largest side of a tile in pixels; chosen by the memory if not given."""

    resampling: Literal["antialiased", "bilinear"] = "antialiased"
    """How pictures are resized: Lanczos (antialiased), or bilinear without antialiasing as in tutorial-core."""

    depth: Literal[8, 16] = 8
    """Bits per channel of the saved picture; 16 for PNG and TIFF."""

    max_pixels: int = Field(default=100_000_000, ge=1)
    """Most pixels of a picture held at once, as a guard against decompression bombs: larger pictures are refused. Plain
    JPEG, PNG and TIFF files that are shrunk while they are read may have a hundred times as many."""

    @model_validator(mode="after")
    def _check_exclusions(self) -> Self:
        if message := find_exclusion(self, "each other"):
            raise ValueError(message)
        if self.style_weights is not None and not sum(self.style_weights) > 0:
            raise ValueError("The style_weights need at least one weight above 0.")
        return self

    @property
    def print_size(self) -> PrintSize | None:
        """Size of the print; None if the size is in pixels."""
        return parse_print_size(self.size) if isinstance(self.size, str) else None

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width in pixels if the size gives both; None otherwise."""
        pixels = pixels_of(self.size)
        return (pixels[1], pixels[0]) if len(pixels) == 2 else None

    @property
    def long_side(self) -> int | None:
        """Longest side in pixels that the size allows; None if it is the photograph's own."""
        return max(pixels_of(self.size), default=None)

    def long_side_of(self, height: int, width: int) -> int:
        """Return the long side of a painting in pixels.

        On a print with two sides the painting is as large as fits, turned like the photograph.

        Args:
            height: height of the photograph or texture, in any unit.
            width: its width.
        """
        if self.long_side is None:
            return max(height, width)
        if self.sides is None:
            return self.long_side
        return min(self.long_side, round(min(self.sides) * max(height, width) / min(height, width)))

    def check_photo(self, has_photo: bool) -> None:
        """Refuse settings that do not suit a photograph, or a texture.

        Args:
            has_photo: whether there is a photograph; False for a texture.

        Raises:
            SettingsError: a setting does not suit it.
        """
        if message := find_exclusion(self, "a photograph" if has_photo else "a texture"):
            raise SettingsError(message)

    def check_style_weights(self, style_count: int) -> None:
        """Refuse ``style_weights`` whose number is not that of the style pictures.

        Raises:
            SettingsError: the numbers differ.
        """
        if self.style_weights is not None and len(self.style_weights) != style_count:
            raise SettingsError(
                f"The style_weights are {len(self.style_weights)} and the style pictures {style_count}: give one for "
                f"each."
            )

    @property
    def weights(self) -> tuple[float, float]:
        """Weights of content and style, from the strength or the raw weights."""
        strength = DEFAULT_STRENGTH if self.strength is None else self.strength
        content = 1.0 if self.content_weight is None else self.content_weight
        style = style_weight_of(strength) if self.style_weight is None else self.style_weight
        return content, style

    @property
    def style_share(self) -> float:
        """Fraction of the way from the photo's statistics to the style's that is painted; 1 for raw weights."""
        return 1.0 if self.strength is None else style_share_of(self.strength)

    @property
    def recolouring_share(self) -> float:
        """Fraction of the way from the photo's colours to the paintings' that painting begins from."""
        return self.losses.recolour * self.contrast_share

    @property
    def contrast_share(self) -> float:
        """Fraction of the way to the content image's detail, from that of the photo; 1 for raw weights."""
        if not self.weights[1]:
            return 0.0
        return 1.0 if self.strength is None else change_of_photo(self.strength)

    @property
    def coarse_content(self) -> float:
        """Factor of the content weight for each halving of an octave's long side, from 512 to 128 px."""
        share = 1.0 if self.strength is None else coarse_content_share_of(self.strength)
        return float(self.losses.coarse_content**share)

    @property
    def form_content(self) -> float:
        """Further weight of the content where the photo has forms."""
        share = 1.0 if self.strength is None else coarse_content_share_of(self.strength)
        return self.losses.form_content * share

    @property
    def start_side(self) -> float:
        """Long side in pixels whose detail an initial photo keeps; infinite for raw weights."""
        return math.inf if self.strength is None else start_side_of(self.strength)

    @property
    def reduction_noise(self) -> float:
        """Standard deviation, in [0, 1], of the noise in an initial photo that keeps less detail than it has."""
        return 0.0 if self.strength is None else start_noise_of(self.strength)

    @property
    def named_files(self) -> dict[str, Path]:
        """Paths of the pictures in these settings, by the names in :mod:`impasto.settings.references`.

        ``colours_from`` may also name a style. Raises :class:`~impasto.errors.PictureError` for misspelt names.
        """
        files: dict[str, Any] = {INIT: path_unless(self.init, *STARTS)}
        colours = None if self.colours_from is None else find_style(self.colours_from)
        files |= {COLOURS_FROM: colours, GROW_FROM: self.grow_from}
        files |= {mask_name("masks", number): path for number, path in sorted(self.masks.items())}
        files |= {mask_name("style_masks", number): path for number, path in sorted(self.style_masks.items())}
        files[PROTECT] = path_unless(self.protect, FACES)
        return {name: expanded(path) for name, path in files.items() if path is not None}

    @property
    def balanced_losses(self) -> Losses:
        """Losses with the style layers' weights balanced by ``detail``, and the content layers' by ``strength``.

        Each block of the encoder gains a factor of :data:`DETAIL_RATIO` ** (2 · detail - 1) over the next deeper one.
        The sum of these layers' weights stays the same, and so do the weights of rgb and strokes, which have no block.

        The content's weight of rgb gains :func:`~impasto.settings.strength.colour_factor_of` the strength, because
        scattered dots of the style's colours would otherwise be the cheapest way to its statistics.
        """
        layers = {"content": self._content_layers, "style": self._style_layers}
        is_balanced = layers == {"content": self.losses.content, "style": self.losses.style}
        return self.losses if is_balanced else self.losses.model_copy(update=layers)

    @property
    def _content_layers(self) -> LayerWeights:
        if self.strength is None or not self.losses.content.get("rgb"):
            return self.losses.content
        return self.losses.content | {"rgb": colour_factor_of(self.strength) * self.losses.content["rgb"]}

    @property
    def _style_layers(self) -> LayerWeights:
        ratio = DETAIL_RATIO ** (2 * self.detail - 1)
        before = {name: weight for name, weight in self.losses.style.items() if parse_layer(name).block}
        after = {name: weight * ratio ** -parse_layer(name).block for name, weight in before.items()}
        total = sum(after.values())
        if self.detail == 0.5 or not total:
            return self.losses.style
        scale = sum(before.values()) / total
        return self.losses.style | {name: scale * weight for name, weight in after.items()}
