"""The workload of a run: encoder, settings and sizes of the pictures, from which its costs are estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from impasto.encoders.layers import Layer
from impasto.encoders.network import Encoder
from impasto.engine.borders import bled_size, mirrored_size
from impasto.engine.style_terms import shares
from impasto.painting.octaves import Octave
from impasto.settings.model import Settings
from impasto.settings.references import PROTECT


@dataclass(frozen=True)
class Workload:
    """Everything apart from the octaves that a run's costs depend on.

    Attributes:
        encoder: with the settings' pooling, padding, precision and device.
        settings: settings of the run.
        sources: height and width of all pictures in memory.
        styles: original height and width of the paintings.
        masks: height and width of the masks in memory, by name.
    """

    encoder: Encoder
    settings: Settings
    sources: Sequence[tuple[int, int]]
    styles: Sequence[tuple[int, int]]
    masks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def layers(self) -> list[Layer]:
        """Layers in use."""
        losses, (content_weight, _) = self.settings.losses, self.settings.weights
        names = {*shares(losses.style), *(shares(losses.content) if content_weight else ())}
        return sorted(self.encoder.resolve(name) for name in names)

    def measured(self, octave: Octave) -> Octave:
        """Return the octave at the size of the encoder's input, padded to a multiple of the poolings' stride."""
        if self.settings.borders == "cut" or self.settings.seamless:  # a seamless texture needs no padding
            return octave
        size_of = bled_size if self.settings.borders == "bleed" else mirrored_size
        height, width = size_of(octave.height, octave.width, self.layers)
        return octave._replace(height=height, width=width)

    def painted(self, octave: Octave) -> Octave:
        """Return the octave at the size of the image that the optimiser moves, with the bleed if there is one."""
        return self.measured(octave) if self.settings.borders == "bleed" else octave

    @property
    def picture_bytes(self) -> int:
        """Memory of the pictures and masks in bytes."""
        masks = 4 * sum(height * width for height, width in self.masks.values())
        return 12 * sum(height * width for height, width in self.sources) + masks

    @property
    def mask_count(self) -> int:
        """Number of masks that weigh a layer's positions; all styles without a mask of their own share one."""
        own = sum(name.startswith("masks.") for name in self.masks)
        return own + (own < len(self.styles)) if own or PROTECT in self.masks else 0
