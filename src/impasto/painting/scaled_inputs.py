"""The pictures of a run as tensors of an octave's size, and the painted image as an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import pictures
from impasto.encoders.layers import Layer
from impasto.engine.borders import bled, mirrored, trimmed
from impasto.engine.grey import averaged
from impasto.engine.style_terms import LayerMasks, layer_masks
from impasto.painting.colour.arrays import ColourMap
from impasto.painting.colour.plan import ColourInputs, noise, plan_colours, plan_content
from impasto.painting.inputs import Inputs
from impasto.painting.octaves import resized, smoothed
from impasto.painting.regions import composited
from impasto.pictures import Picture
from impasto.pictures.sizes import scaled_size
from impasto.settings.model import Settings

FLAT_WINDOW = 9
"""Side in pixels of the windows in which a photograph can be flat."""

FLAT_RANGE = 0.25 / 255
"""Range of the mean of the colours below which a window is flat: a quarter of a step of 8 bits."""

LEAST_UNKEPT_PIXELS = 1 << 19
"""Number of pixels from which a resized picture is not kept for the next call, so that all kept take under 40 MB."""

MOST_KEPT = 6
"""Number of resized pictures that are kept: the photograph at the sizes of two octaves, and some paintings."""


class ScaledInputs:
    """Photograph, paintings, masks and the initial image at any size, in the colours that the settings ask for.

    Args:
        inputs: the pictures.
        settings: settings of the run.
        device: device of the tensors.

    Attributes:
        colours: colour maps of photograph, paintings and result.
    """

    def __init__(self, inputs: Inputs, settings: Settings, device: torch.device) -> None:
        self._inputs, self._settings, self._device = inputs, settings, device
        self._content, self._styles, self._regions = inputs.content, inputs.styles, inputs.regions
        self._colour_inputs = ColourInputs(
            [style.pixels for style in self._styles],
            inputs.weights,
            self._regions,
            self._content.pixels if self._content else None,
            self._content.alpha if self._content else None,
            inputs.colours.pixels if inputs.colours else None,
        )
        self._is_grey = inputs.is_grey
        self.colours = plan_colours(settings.colour, self._colour_inputs)
        self._kept: dict[tuple[int, ...], Tensor] = {}

    def fitted(self, picture: Picture, height: int, width: int, recolour: ColourMap | None = None) -> Tensor:
        """Return a picture at a size, 1×3×H×W, recoloured if a map is given."""
        if height * width >= LEAST_UNKEPT_PIXELS:
            return self._fit(picture, height, width, recolour)
        key = id(picture), height, width, id(recolour)
        found = self._kept.pop(key, None)
        self._kept[key] = self._fit(picture, height, width, recolour) if found is None else found
        if len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept[key].clone()  # the caller may modify it

    def _fit(self, picture: Picture, height: int, width: int, recolour: ColourMap | None) -> Tensor:
        """Resize, recolour and convert a picture."""
        antialiased = self._settings.resampling == "antialiased"
        pixels = pictures.resize(picture.pixels, height, width) if antialiased else picture.pixels
        if recolour is not None:
            pixels = recolour(pixels)
        image = self._to_tensor(pixels)
        return image if antialiased else F.interpolate(image, (height, width), mode="bilinear", align_corners=False)

    def photograph(self, height: int, width: int) -> Tensor:
        """Return the photograph at a size, 1×3×H×W; for a texture a blank one that takes no memory."""
        if self._content is None:
            return torch.zeros(1, 3, 1, 1, device=self._device).expand(1, 3, height, width)
        return self.fitted(self._content, height, width, self.colours.content)

    def content_image(self, height: int, width: int) -> Tensor:
        """Return the photograph that painting is compared with, 1×3×H×W: in the paintings' colours, with more detail.

        Its held part stays as the result shows it. For a texture it is :meth:`photograph`.
        """
        if self._content is None or self._content_map is None:
            return self.photograph(height, width)
        return self.with_held(self.fitted(self._content, height, width, self._content_map))

    @cached_property
    def _content_map(self) -> ColourMap | None:
        """Map of the photograph to the content image; None if it is the photograph."""
        return plan_content(self._settings, self._colour_inputs)

    def continued(self, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """Pad a picture to a size, in the form that the settings ask for."""
        return bled(picture, size) if self._settings.borders == "bleed" else mirrored(picture, size)

    def measured(self, photograph: Tensor, size: tuple[int, int]) -> Tensor:
        """Pad the result of :meth:`photograph` or :meth:`content_image` to the size of the encoder's input."""
        return self.photograph(*size) if self._content is None else self.continued(photograph, size)

    def styles(self, sizes: Sequence[tuple[int, int]]) -> Iterable[Tensor]:
        """Yield each painting at its size, 1×3×h×w."""
        return (
            self.fitted(style, *size, recolour)
            for style, size, recolour in zip(self._styles, sizes, self.colours.styles, strict=True)
        )

    def masks(
        self,
        masks: Sequence[np.ndarray | None],
        layers: dict[str, Layer],
        pad: Callable[[Tensor], Tensor] | None = None,
    ) -> list[LayerMasks | None]:
        """Reduce masks to the resolutions of layers; masks that share an array share the result.

        Args:
            masks: H×W in [0, 1] each, or None.
            layers: layers by name.
            pad: pads 1×1×H×W to the size of the encoder's input; masks keep their own size by default.
        """
        by_array: dict[int, LayerMasks | None] = {}
        for mask in masks:
            if id(mask) not in by_array:
                on_device = None if mask is None else torch.from_numpy(mask).to(self._device)
                if on_device is not None and pad is not None:
                    on_device = pad(on_device[None, None])[0, 0]
                by_array[id(mask)] = None if on_device is None else layer_masks(on_device, layers)
        return [by_array[id(mask)] for mask in masks]

    def first_image(self, height: int, width: int) -> Tensor:
        """Return the initial image, 1×3×H×W."""
        start = self._inputs.start or self._content
        if self._settings.init == "noise":
            return self.with_held(self._noise(height, width))
        assert start is not None  # the settings are refused without a picture
        if not self._starts_with_photo:
            return self.with_held(self.fitted(start, height, width, self.colours.content))
        is_reduced = self._settings.start_side < max(height, width)
        recolour = self._content_map or self.colours.content
        image = (self._reduced if is_reduced else self.fitted)(start, height, width, recolour)
        if self._settings.optimization.start_noise:
            image = image + self._noise_where_flat(image)
        return self.with_held(image) if is_reduced or self._content_map else image

    def _reduced(self, picture: Picture, height: int, width: int, recolour: ColourMap | None) -> Tensor:
        """Return a picture at a size, like :meth:`fitted`, with noise in place of the detail beyond ``start_side``."""
        image = self.fitted(picture, *scaled_size(height, width, self._settings.start_side), recolour)
        noise = self._white_noise(height, width) * self._settings.reduction_noise
        return self.resized(image, height, width) + noise.to(image)

    def with_held(self, image: Tensor) -> Tensor:
        """Lay the held part of the photograph over an initial image.

        The optimiser hardly moves a layer that is nearly held, so noise or paint would remain in it.
        """
        height, width = image.shape[-2:]
        held = self._regions.held(height, width)
        if held is None:
            return image
        share = torch.from_numpy(held).to(self._device)
        return self.photograph(height, width) * share + image * (1 - share)

    @property
    def _starts_with_photo(self) -> bool:
        """Whether a picture's finest detail at the start is the photograph's, which :class:`Painter` may paint over."""
        return self._settings.init in ("content", "instant")

    def smaller(self) -> Tensor | None:
        """Return the smaller painting that this one goes on from, as it was painted, 1×3×h×w; None if there is none."""
        picture = self._inputs.smaller
        return None if picture is None else self.fitted(picture, *picture.size, self.colours.content)

    def _noise(self, height: int, width: int) -> Tensor:
        """Make the initial noise; that of a texture has the paintings' colours."""
        seed = self._settings.seed
        if self._content is not None:
            generator = torch.Generator("cpu").manual_seed(seed)
            shape = (1, 3, height, width)
            return torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu").to(self._device)
        recoloured = [recolour(s.pixels) for s, recolour in zip(self._styles, self.colours.styles, strict=True)]
        return self._to_tensor(noise(replace(self._colour_inputs, styles=recoloured), height, width, seed))

    def _noise_where_flat(self, image: Tensor) -> Tensor:
        """Make noise of all colours alike, smoothed by 1 2 1, for the flat windows of an image, 1×1×H×W."""
        noise = smoothed(self._white_noise(*image.shape[-2:]))
        noise *= self._settings.optimization.start_noise / noise.std(correction=0)
        light = image.mean(1, keepdim=True)
        highest, lowest = _window_maxima(light), -_window_maxima(-light)
        return torch.where(highest - lowest < FLAT_RANGE, noise.to(image), 0)

    def _white_noise(self, height: int, width: int) -> Tensor:
        """Make normally distributed noise of all colours alike, 1×1×H×W, on the CPU."""
        generator = torch.Generator("cpu").manual_seed(self._settings.seed)
        return torch.randn((1, 1, height, width), generator=generator, dtype=torch.float32, device="cpu")

    def resized(self, image: Tensor, height: int, width: int) -> Tensor:
        """Resize a painted image; a seamless one remains seamless."""
        return resized(image, height, width, wrap=self._settings.seamless)

    def shown(self, image: Tensor, height: int, width: int) -> np.ndarray:
        """Convert a painted image to the picture for display: trimmed, recoloured and composited, H×W×3 in [0, 1]."""
        image = trimmed(image, (height, width))
        image = averaged(image) if self._is_grey else image

        def photo() -> np.ndarray:
            assert self._content is not None  # the settings are refused without a photograph
            if self._content.size == (height, width):  # saves a copy
                return self._content.pixels
            return to_array(self.fitted(self._content, height, width))

        painted, protection = self.colours.result(to_array(image), photo), self._regions.protection(height, width)
        return painted if protection is None else composited(painted, photo(), protection)

    def preview(self, image: Tensor, height: int, width: int) -> np.ndarray:
        """Convert an image as :meth:`shown` does, composited over white if the photograph is transparent."""
        alpha = self._content.alpha if self._content else None
        opacity = None if alpha is None else pictures.resize(alpha, height, width)
        return pictures.over_white(self.shown(image, height, width), opacity)

    def unpainted(self, height: int, width: int) -> np.ndarray:
        """Return the picture for display before painting begins: the photograph itself, or a texture's noise."""
        image = self.first_image(height, width) if self._content is None else self.fitted(self._content, height, width)
        return to_array(image)

    def _to_tensor(self, pixels: np.ndarray) -> Tensor:
        """Convert H×W×3 to 1×3×H×W on the device."""
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self._device)


def _window_maxima(x: Tensor) -> Tensor:
    """Return the maxima of the windows of :data:`FLAT_WINDOW` positions, 1×1×H×W: down first, and then across."""
    reach = FLAT_WINDOW // 2
    return F.max_pool2d(F.max_pool2d(x, (FLAT_WINDOW, 1), 1, (reach, 0)), (1, FLAT_WINDOW), 1, (0, reach))


def to_array(image: Tensor) -> np.ndarray:
    """Convert 1×3×H×W to H×W×3 float32 in [0, 1]."""
    array: np.ndarray = image[0].detach().permute(1, 2, 0).clamp(0, 1).cpu().contiguous().numpy()
    return array
