"""Bodies of requests and answers of the API, as docs/api.md describes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from impasto.studio.limits import BATCH

ID_PATTERN = r"^[A-Za-z0-9_-]{22}$"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
"""Opaque name of a picture, job or batch."""

Title = Annotated[str, Field(max_length=200)]

PictureKind = Literal["photo", "style", "mask"]

JobState = Literal["queued", "painting", "stopping", "stopped", "interrupted", "finished", "failed"]

DownloadFormat = Literal["png", "png16", "jpeg", "webp", "tiff16"]

SettingValues = Annotated[
    dict[str, Any],
    Field(description="Settings by name, nested; GET /api/settings returns their schema.", max_length=100),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NamedStyle(_Body):
    """A style by name."""

    style: Annotated[str, Field(min_length=1, max_length=60)]


class UploadedStyle(_Body):
    """An uploaded picture as a style."""

    picture: Id


StyleRef = NamedStyle | UploadedStyle


class Painted(_Body):
    """Settings and sources of an uploaded picture that impasto painted; a source is None if the studio lacks it."""

    settings: dict[str, Any]
    photo: Id | None
    styles: list[StyleRef | None]
    texture: bool = False  # painted without a photo


class Picture(_Body):
    """An uploaded picture."""

    id: Id
    kind: PictureKind
    name: str
    width: int
    height: int
    bytes: int
    created: float
    used: float | None = None
    painted: Painted | None = None


class Pictures(_Body):
    """Uploaded pictures, newest first."""

    pictures: list[Picture]


class Deleted(_Body):
    """Numbers of things that were deleted, and of those kept because a job needs them."""

    deleted: int
    kept: int = 0


class Crop(_Body):
    """Turn a picture by an angle in degrees counter-clockwise, then cut out a box, in shares of the picture."""

    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    angle: Annotated[float, Field(ge=-45, le=45)] = 0.0

    @model_validator(mode="after")
    def _check_box(self) -> Crop:
        left, top, width, height = self.box
        if not (0 <= left < 1 and 0 <= top < 1 and 0 < width <= 1.0001 - left and 0 < height <= 1.0001 - top):
            raise ValueError("The box should lie within the picture: left, top, width and height from 0 to 1")
        return self


class StyleTile(_Body):
    """A style to choose."""

    ref: StyleRef
    name: str
    description: str = ""
    used: float | None = None


class Styles(_Body):
    """All styles."""

    styles: list[StyleTile]


class SettingsGuide(_Body):
    """The settings' schema, and the values of presets."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    fields: Annotated[dict[str, Any], Field(alias="schema")]
    presets: dict[str, dict[str, Any]]
    texture_presets: dict[str, dict[str, Any]]
    steerable: list[str]
    encoders: list[str]


class SettingsCheck(_Body):
    """Settings to check, for a number of styles."""

    settings: SettingValues
    styles: Annotated[int, Field(ge=1, le=16)] = 1
    texture: bool = False


class CheckedSettings(_Body):
    """All values of valid settings."""

    settings: dict[str, Any]


class PreviewRequest(_Body):
    """A painting to preview at a small size."""

    photo: Id | None
    styles: Annotated[list[StyleRef], Field(min_length=1, max_length=16)]
    settings: SettingValues = {}


class JobRequest(PreviewRequest):
    """A painting to queue."""

    title: Title = ""
    grow_from: Id | None = None


class Progress(_Body):
    """Progress of a painting."""

    octave: int
    octaves: int
    iteration: int
    iterations: int
    width: int
    height: int
    loss: float
    content: float
    style: float
    share: float
    elapsed: float
    remaining: float | None


class Preview(_Body):
    """The newest preview of a job."""

    version: int
    width: int
    height: int


class Stage(_Body):
    """A picture on the way, to which painting can go back."""

    number: int
    octave: int
    iteration: int
    share: float
    reason: Literal["octave", "change"]
    time: float
    settings: dict[str, Any]


class Change(_Body):
    """A change that took effect."""

    octave: int
    iteration: int
    settings: dict[str, Any]
    stage: int | None
    time: float


class Result(_Body):
    """The painting of a job."""

    width: int
    height: int
    complete: bool
    seconds: float
    version: int


class Job(_Body):
    """A painting, from the queue to the history."""

    id: Id
    state: JobState
    title: str
    batch: Id | None
    photo: Id | None
    styles: list[StyleRef]
    settings: dict[str, Any]
    created: float
    started: float | None = None
    ended: float | None = None
    message: str = ""
    notes: list[str] = []
    progress: Progress | None = None
    preview: Preview | None = None
    stages: list[Stage] = []
    changes: list[Change] = []
    resumable: bool = False
    painting: Result | None = None
    grow_from: Id | None = None


class Steer(_Body):
    """Settings to change while a job paints; None sets one back to its default."""

    strength: float | None = None
    content_weight: float | None = None
    style_weight: float | None = None
    style_weights: Annotated[list[float], Field(max_length=16)] | None = None
    detail: float | None = None
    masks: Annotated[dict[str, Id], Field(max_length=16)] | None = None
    style_masks: Annotated[dict[str, Id], Field(max_length=16)] | None = None
    protect: str | None = None


class Undo(_Body):
    """Number of the stage to go back to."""

    stage: int


class Move(_Body):
    """Job to queue before; None for the end."""

    before: Id | None


class BatchRequest(_Body):
    """Paintings to queue: each photograph in each list of styles, with each variant of the settings."""

    kind: Literal["batch", "variants"] = "batch"
    title: Title = ""
    photos: Annotated[list[Id], Field(min_length=1, max_length=BATCH)]
    styles: Annotated[
        list[Annotated[list[StyleRef], Field(min_length=1, max_length=16)]], Field(min_length=1, max_length=BATCH)
    ]
    settings: SettingValues = {}
    variants: Annotated[list[SettingValues], Field(min_length=1, max_length=BATCH)] = [{}]


class Batch(_Body):
    """Several jobs that were queued together."""

    id: Id
    kind: Literal["batch", "variants"]
    title: str
    created: float
    jobs: list[Id]
    finished: int = 0
    ended: int = 0


class Losses(_Body):
    """Rows of octave, iteration, total, content, style and seconds."""

    losses: list[tuple[int, int, float | None, float, float, float]]


class History(_Body):
    """Jobs that ended, newest first, and the id to continue from."""

    jobs: list[Job]
    next: Id | None


class Limits(_Body):
    """Limits of the studio, and the bytes in use."""

    upload_bytes: int
    pixels: int
    side: int
    jobs: int
    batch: int
    disk_bytes: int
    disk_used: int


class Features(_Body):
    """What this installation can do."""

    faces: bool
    preview_preset: str
    preview_side: int


class State(_Body):
    """The whole state, with the id of the newest event that it includes."""

    event: int
    version: str
    jobs: list[Job]
    batches: list[Batch]
    pictures: list[Picture]
    styles: list[StyleTile]
    limits: Limits
    features: Features


class PictureQuery(_Body):
    """Query of an upload."""

    kind: PictureKind = "photo"
    name: Title = ""


class PicturesQuery(_Body):
    """Query of the list of pictures."""

    kind: PictureKind | None = None


class SideQuery(_Body):
    """Query of a reduced picture; the version only names it for caches."""

    side: Annotated[int, Field(ge=32, le=4096)] = 1024
    version: Annotated[int, Field(ge=0)] | None = None


class PreviewQuery(_Body):
    """Query of a preview; the version only names it for caches."""

    version: Annotated[int, Field(ge=0)] | None = None


class DownloadQuery(_Body):
    """Query of a download."""

    format: DownloadFormat = "png"


class EventsQuery(_Body):
    """Query of the stream of events."""

    after: Annotated[int, Field(ge=0)] | None = None


class HistoryQuery(_Body):
    """Query of the history."""

    query: Title = ""
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
