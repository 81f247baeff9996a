"""Steering: changing settings of a painter while it paints, and going back to an earlier stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from impasto.errors import SettingsError
from impasto.settings.model import Settings

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.painting.inputs import Inputs
    from impasto.painting.snapshot import Snapshot

STEERABLE = (
    "strength",
    "content_weight",
    "style_weight",
    "style_weights",
    "detail",
    "masks",
    "style_masks",
    "protect",
)
"""Names of the settings that may change while a painter paints; they leave plan, pictures and encoder as they are."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A picture on the way to the painting, from which painting can go on.

    Attributes:
        octave: number of its octave, from 1.
        iteration: number of finished iterations in the octave.
        share: completed share of the run's arithmetic, in [0, 1].
        image: the picture as it moves, 1×3×H×W, at the size that the octave paints.
        settings: settings that it was painted with.
    """

    octave: int
    iteration: int
    share: float
    image: Tensor
    settings: Settings

    @classmethod
    def of(cls, snapshot: Snapshot) -> Stage:
        """Return the result so far of a snapshot, whose tensor is copied."""
        state = snapshot.state
        image = snapshot.tensors["best"].detach().clone()
        return cls(state.octave, state.iteration, state.share, image, state.make_settings())

    def check_size(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Refuse a stage of another plan.

        Args:
            sizes: heights and widths that the octaves paint.

        Raises:
            SettingsError: no octave has the stage's number and size.
        """
        if tuple(self.image.shape[-2:]) not in sizes[self.octave - 1 : self.octave]:
            raise SettingsError("The stage is from a painting of another size, so painting cannot go on from it.")


@dataclass(frozen=True, eq=False)
class Change:
    """A change of settings that is checked and can be applied.

    Attributes:
        settings: all settings from then on.
        inputs: pictures with the masks and weights of these settings.
        stage: stage to go back to; None to go on from the present picture.
    """

    settings: Settings
    inputs: Inputs
    stage: Stage | None


class PendingChange:
    """The change that waits for the end of the current iteration; any thread may put one."""

    def __init__(self) -> None:
        self._change: Change | None = None
        self._lock = Lock()

    def __bool__(self) -> bool:
        return self._change is not None

    def put(self, settings: Settings, inputs: Inputs, stage: Stage | None) -> None:
        """Replace the waiting change; its stage stays unless another is given."""
        with self._lock:
            earlier = self._change.stage if self._change else None
            self._change = Change(settings, inputs, stage or earlier)

    def take(self) -> Change | None:
        """Remove the waiting change and return it; None if there is none."""
        with self._lock:
            change, self._change = self._change, None
        return change


def changed_values(before: Settings, after: Settings) -> dict[str, Any]:
    """Return the values of the settings that differ, by name, as JSON values.

    Args:
        before: settings that a painter paints with.
        after: settings to go on with.

    Raises:
        SettingsError: another setting than those in :data:`STEERABLE` differs.
    """
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    changed = {name: value for name, value in new.items() if value != old[name]}
    fixed = [name for name in changed if name not in STEERABLE]
    if fixed:
        raise SettingsError(
            f"The setting {fixed[0]} cannot change while a picture is painted, only {', '.join(STEERABLE)}: paint anew."
        )
    return changed
