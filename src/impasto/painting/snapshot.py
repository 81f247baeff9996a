"""A snapshot of a painter between two steps, from which another painter continues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from impasto.errors import CheckpointError
from impasto.files import shown
from impasto.painting.history import Step, from_table
from impasto.painting.record import Record, Source, StoredOctave
from impasto.settings.migrations import migrate_run_state
from impasto.settings.model import Settings

if TYPE_CHECKING:
    from torch import Tensor


class PlannedOctave(StoredOctave):
    """An octave of a run to continue, which an unknown field would change."""

    model_config = ConfigDict(extra="forbid")


class RunState(Record):
    """The record of a run in progress: all of a snapshot but its tensors.

    ``seconds`` are those spent on painting so far.

    Attributes:
        plan: the octaves.
        octave: number of the current octave, from 1.
        iteration: number of evaluations in it, from 0.
        share: completed share of the run's arithmetic, in [0, 1].
        device: as in ``cpu`` or ``cuda:0``.
        threads: number of CPU threads.
        optimizer: numbers of the optimiser's state; None if it has not begun or has finished the octave.
    """

    complete: bool = False
    plan: Annotated[tuple[PlannedOctave, ...], Field(min_length=1)]
    octave: Annotated[int, Field(ge=1)]
    iteration: Annotated[int, Field(ge=0)]
    share: float
    device: str
    threads: Annotated[int, Field(ge=1, le=4096)]
    optimizer: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _migrate_state(cls, values: Any) -> Any:
        return migrate_run_state(values)

    @property
    def current(self) -> PlannedOctave:
        """The current octave."""
        return self.plan[self.octave - 1]

    def make_settings(self) -> Settings:
        """Validate the stored settings as they are: sums of floats depend on the order of their layers.

        Raises:
            ValidationError: they do not fit this version.
        """
        return Settings.model_validate(self.settings)

    def check_inputs(self, sources: Iterable[Source]) -> None:
        """Refuse to continue with other pictures than the run began with.

        Args:
            sources: the pictures at hand, in the order of :attr:`inputs`.

        Raises:
            CheckpointError: one has changed, or their number has.
        """
        sources = list(sources)
        if len(sources) != len(self.inputs):
            raise CheckpointError(
                f"The run began with {len(self.inputs)} pictures, and there are {len(sources)}: give those it began "
                f"with, in their order."
            )
        for (description, stored), source in zip(self.inputs, sources, strict=True):
            if source.sha256 != stored.sha256:
                name = "from memory" if source.path is None else shown(source.path)
                raise CheckpointError(
                    f"The {description} {name} differs from the one that the run began with: restore it, or paint anew."
                )

    def check_encoder(self, sha256: str) -> None:
        """Refuse to continue with another encoder than the run began with.

        Raises:
            CheckpointError: its hash differs.
        """
        if sha256 != self.encoder.sha256:
            raise CheckpointError(
                f"The encoder {shown(self.encoder.name)} differs from the one that the run began with: restore it, or "
                f"paint anew."
            )


@dataclass(frozen=True)
class Snapshot:
    """A painter between two steps.

    It contains no state of a random generator: the only random numbers of a run are those of an initial image of noise,
    which the seed in the settings determines.

    Attributes:
        state: everything small.
        tensors: ``best``, the result so far; ``history``, as :func:`~impasto.painting.history.to_table` makes it; and
            only within an octave ``image``, which moves, the optimiser's tensors with the prefix ``optimizer.``, and
            ``held_colours`` if the octave holds the colours of a smaller painting.
            From a painter they are its own tensors, not copies.
    """

    state: RunState
    tensors: Mapping[str, Tensor]

    @property
    def history(self) -> list[Step]:
        """Every evaluation of the loss."""
        return from_table(self.tensors["history"])
