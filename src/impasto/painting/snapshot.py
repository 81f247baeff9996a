"""What a painter needs to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from impasto.engine.loss import Loss
from impasto.errors import CheckpointError
from impasto.files import shown
from impasto.painting.octaves import Octave
from impasto.painting.result import Source, Step
from impasto.settings.fields import Precision
from impasto.settings.migrations import fill_missing_settings, migrate_unnamed_start
from impasto.settings.model import Settings
from impasto.settings.references import PATTERN, described

if TYPE_CHECKING:
    from torch import Tensor


class _Model(BaseModel):
    # Later versions may store more.
    model_config = ConfigDict(frozen=True, extra="ignore")


def _text_or_none(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("should be text")
    return value


def _tupled(value: Any) -> Any:
    """A value as it was before JSON, which knows no tuples, made a list of it."""
    return tuple(value) if isinstance(value, list) else value


# Not str, as pydantic takes no file name that is no valid text.
PathText = Annotated[Any, AfterValidator(_text_or_none)]


class StoredInput(_Model):
    """A picture that goes into a painting.

    Attributes:
        path: absolute; None for a picture that came from memory.
        sha256: of the file, or of the array.
    """

    path: PathText = None
    sha256: str | None = None

    @classmethod
    def of(cls, source: Source) -> StoredInput:
        """A source as it is stored."""
        return cls(path=None if source.path is None else str(source.path), sha256=source.sha256)


class StoredEncoder(_Model):
    """The encoder.

    Attributes:
        name: as :func:`impasto.encoders.loading.load_encoder` takes it from any folder.
        sha256: of its file.
    """

    name: str
    sha256: str


class Facts(_Model):
    """Everything about a run but the images.

    Attributes:
        impasto: the version that paints.
        torch: PyTorch's version.
        settings: all of them.
        octaves: the plan, each octave's fields by name.
        octave: number of the octave at hand, from 1.
        iteration: evaluations done in it, from 0.
        elapsed: seconds spent on painting so far.
        share: of the whole run's arithmetic that is done.
        device: where it ran, as in ``cpu`` or ``cuda:0``.
        threads: of the CPU.
        precision: what the encoder computes in.
        content: the photograph; None behind a texture.
        styles: the paintings.
        named: the pictures that the settings name, as :mod:`impasto.settings.references` spells them.
        encoder: name and hash.
        optimizer: the optimiser's numbers; None where it has not begun or is done with the octave.
    """

    impasto: str
    torch: str
    settings: Settings
    octaves: list[dict[str, Any]]
    octave: Annotated[int, Field(ge=1)]
    iteration: Annotated[int, Field(ge=0)]
    elapsed: float
    share: float
    device: str
    threads: Annotated[int, Field(ge=1, le=4096)]
    precision: Precision = "float32"  # as it was where none is stored
    content: StoredInput | None = None
    styles: list[StoredInput]
    named: dict[Annotated[str, Field(pattern=PATTERN)], StoredInput] = {}
    encoder: StoredEncoder
    optimizer: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_once(cls, values: Any) -> Any:
        return migrate_unnamed_start(fill_missing_settings(values), "start")

    @property
    def inputs(self) -> list[tuple[str, StoredInput]]:
        """All pictures that go in, each with what it is; those that settings name in the order of their names."""
        photo = [("photograph", self.content)] if self.content else []
        named = [(described(name), stored) for name, stored in sorted(self.named.items())]
        return [*photo, *(("style", style) for style in self.styles), *named]

    @property
    def plan(self) -> tuple[Octave, ...]:
        """The octaves.

        Raises:
            CheckpointError: another version of impasto planned them in terms that this one does not know.
        """
        try:
            return tuple(Octave(**{name: _tupled(value) for name, value in octave.items()}) for octave in self.octaves)
        except TypeError:
            raise CheckpointError(
                f"The run was planned by impasto {self.impasto}, in terms that this version does not know: finish it "
                f"with that version."
            ) from None

    def check_inputs(self, sources: Iterable[Source]) -> None:
        """Refuse to go on with other pictures than the run began with.

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
        for (what, stored), source in zip(self.inputs, sources, strict=True):
            if source.sha256 != stored.sha256:
                name = "given" if source.path is None else shown(source.path)
                raise CheckpointError(
                    f"The {what} {name} is not the one that the run began with: put that one back, or paint anew."
                )

    def check_encoder(self, sha256: str) -> None:
        """Refuse to go on with another encoder than the run began with.

        Raises:
            CheckpointError: its hash is another.
        """
        if sha256 != self.encoder.sha256:
            raise CheckpointError(
                f"The encoder {shown(self.encoder.name)} is not the one that the run began with: put that one back, or "
                f"paint anew."
            )


@dataclass(frozen=True)
class Snapshot:
    """A painter between two iterations.

    There is no state of a random generator in it: the only random numbers of a run are those of an image of noise at
    its very beginning, which the seed in the settings gives.

    Attributes:
        facts: all that is small.
        tensors: ``best``, the result so far; ``image``, which moves, and the optimiser's behind ``optimizer.``, both
            only within an octave; ``history``. A painter's own, not copies, where a painter gave them.
    """

    facts: Facts
    tensors: Mapping[str, Tensor]

    @property
    def history(self) -> list[Step]:
        """Every evaluation of the loss."""
        return steps_from(self.tensors["history"])


def history_tensor(history: Iterable[Step]) -> Tensor:
    """Steps as rows of octave, iteration, the loss's four terms, and seconds; n×7 float64."""
    import torch

    rows = [
        (s.octave, s.iteration, s.loss.total, s.loss.content, s.loss.style, s.loss.total_variation, s.seconds)
        for s in history
    ]
    return torch.tensor(rows, dtype=torch.float64, device="cpu").reshape(len(rows), 7)


def steps_from(table: Tensor) -> list[Step]:
    """The steps that :func:`history_tensor` made rows of."""
    return [Step(int(row[0]), int(row[1]), Loss(*row[2:6]), row[6]) for row in table.tolist()]
