"""A run's pictures as tensors of an octave's size, and what was painted back as an array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto import pictures
from impasto.encoders.layers import Layer
from impasto.engine.borders import bled, mirrored, trimmed
from impasto.engine.style_terms import LayerMasks, layer_masks
from impasto.painting.colour.oklab import Map
from impasto.painting.colour.plan import noise, plan_colours
from impasto.painting.inputs import Inputs
from impasto.painting.octaves import resized
from impasto.painting.regions import composited
from impasto.pictures import Picture
from impasto.settings.model import Settings


class ScaledInputs:
    """Photograph, paintings, masks and the first image at any size, on the device; in the colours asked for.

    Args:
        inputs: the pictures as they were read.
        settings: of the run.
        device: for the tensors.

    Attributes:
        colours: how photograph and paintings are recoloured, and the result.
    """

    def __init__(self, inputs: Inputs, settings: Settings, device: torch.device) -> None:
        self._inputs, self._settings, self._device = inputs, settings, device
        self._content, self._styles, self._regions = inputs.content, inputs.styles, inputs.regions
        self.colours = plan_colours(
            settings.colour,
            self._content.pixels if self._content else None,
            self._content.alpha if self._content else None,
            [style.pixels for style in self._styles],
            inputs.weights,
            self._regions,
            inputs.colours.pixels if inputs.colours else None,
        )

    def fitted(self, picture: Picture, height: int, width: int, recolour: Map | None = None) -> Tensor:
        """A picture as 1×3×H×W, recoloured where that is asked for."""
        antialiased = self._settings.resampling == "antialiased"
        pixels = pictures.resize(picture.pixels, height, width) if antialiased else picture.pixels
        if recolour is not None:
            pixels = recolour(pixels)
        image = self._tensor(pixels)
        return image if antialiased else F.interpolate(image, (height, width), mode="bilinear", align_corners=False)

    def photograph(self, height: int, width: int) -> Tensor:
        """1×3×H×W; where there is no photograph, a blank one that takes no memory."""
        if self._content is None:
            return torch.zeros(1, 3, 1, 1, device=self._device).expand(1, 3, height, width)
        return self.fitted(self._content, height, width, self.colours.content)

    def continued(self, picture: Tensor, size: tuple[int, int]) -> Tensor:
        """A picture continued beyond its borders to a size, as the settings ask for."""
        return bled(picture, size) if self._settings.borders == "bleed" else mirrored(picture, size)

    def measured(self, photograph: Tensor, size: tuple[int, int]) -> Tensor:
        """A photograph of :meth:`photograph`, continued to the size that goes through the encoder."""
        return self.photograph(*size) if self._content is None else self.continued(photograph, size)

    def styles(self, sizes: Sequence[tuple[int, int]]) -> Iterable[Tensor]:
        """The paintings, each 1×3×h×w at its size, one by one."""
        return (
            self.fitted(style, *size, recolour)
            for style, size, recolour in zip(self._styles, sizes, self.colours.styles, strict=True)
        )

    def masks(
        self, masks: Sequence[np.ndarray | None], layers: dict[str, Layer], size: tuple[int, int] | None = None
    ) -> list[LayerMasks | None]:
        """Masks at the resolutions of layers, continued to a size first; what is one array stays one.

        Args:
            masks: H×W in [0, 1] each, or None.
            layers: by name.
            size: height and width that go through the encoder, where they are larger than the masks'.
        """
        found: dict[int, LayerMasks | None] = {}
        for mask in masks:
            if id(mask) not in found:
                on_device = None if mask is None else torch.from_numpy(mask).to(self._device)
                if on_device is not None and size is not None:
                    on_device = self.continued(on_device[None, None], size)[0, 0]
                found[id(mask)] = None if on_device is None else layer_masks(on_device, layers)
        return [found[id(mask)] for mask in masks]

    def first_image(self, height: int, width: int) -> Tensor:
        """What painting begins with, 1×3×H×W."""
        begin, held = self._inputs.start or self._content, self._regions.held(height, width)
        if self._settings.init == "noise":
            image = self._noise(height, width)
        else:
            assert begin is not None  # or the settings are refused
            image = self.fitted(begin, height, width, self.colours.content)
        if held is None or self._settings.init == "content":
            return image
        # Where the layer is nearly held it hardly moves, and noise would be left there.
        over = torch.from_numpy(held).to(self._device)
        return self.photograph(height, width) * over + image * (1 - over)

    def _noise(self, height: int, width: int) -> Tensor:
        """In place of a picture to begin with; of a texture, in the paintings' colours."""
        seed = self._settings.seed
        if self._content is not None:
            generator = torch.Generator("cpu").manual_seed(seed)
            shape = (1, 3, height, width)
            return torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu").to(self._device)
        recoloured = [recolour(s.pixels) for s, recolour in zip(self._styles, self.colours.styles, strict=True)]
        return self._tensor(noise(recoloured, self._inputs.weights, height, width, seed, self._regions))

    def resized(self, image: Tensor, height: int, width: int) -> Tensor:
        """A painted image at another size; a seamless one stays so."""
        return resized(image, height, width, wrap=self._settings.seamless)

    def shown(self, image: Tensor, height: int, width: int) -> np.ndarray:
        """What was painted, trimmed where it bleeds, as H×W×3 in [0, 1], with the colours that the settings ask for."""
        image = trimmed(image, (height, width))

        def photo() -> np.ndarray:
            assert self._content is not None  # or no colours are taken from it
            if self._content.size == (height, width):  # and no copy of it is needed
                return self._content.pixels
            return to_array(self.fitted(self._content, height, width))

        painted, kept = self.colours.result(to_array(image), photo), self._regions.kept(height, width)
        return painted if kept is None else composited(painted, photo(), kept)

    def preview(self, image: Tensor, height: int, width: int) -> np.ndarray:
        """Convert an image as :meth:`shown` does, composited over white if the photograph is transparent."""
        alpha = self._content.alpha if self._content else None
        opacity = None if alpha is None else pictures.resize(alpha, height, width)
        return pictures.over_white(self.shown(image, height, width), opacity)

    def unpainted(self, height: int, width: int) -> np.ndarray:
        """What is shown before painting has begun: the photograph itself, or a texture's noise."""
        image = self.first_image(height, width) if self._content is None else self.fitted(self._content, height, width)
        return to_array(image)

    def _tensor(self, pixels: np.ndarray) -> Tensor:
        """H×W×3 to 1×3×H×W on the device."""
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None].to(self._device)


def to_array(image: Tensor) -> np.ndarray:
    """1×3×H×W to H×W×3 float32 in [0, 1]."""
    array: np.ndarray = image[0].detach().permute(1, 2, 0).clamp(0, 1).cpu().contiguous().numpy()
    return array
