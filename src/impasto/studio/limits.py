"""Limits on requests, pictures, jobs and disk, and the form of instant previews."""

from __future__ import annotations

from typing import Final

from impasto.settings.fields import Preset

PREVIEW_PRESET: Final[Preset] = "instant"
"""Preset of instant previews."""

PREVIEW_SIDE: Final = 512
"""Long side of instant previews in pixels."""

TEXTURE_PREVIEW_PRESET: Final[Preset] = "quick"
"""Preset of previews of textures, which the instant preset cannot paint."""

TEXTURE_PREVIEW_SIDE: Final = 192
"""Side of previews of textures in pixels."""

PREVIEW_BYTES: Final = 100_000
"""Largest size of a preview in bytes."""

PREVIEW_INTERVAL: Final = 0.25
"""Fewest seconds between two previews of a job."""

BODY_BYTES: Final = 256 * 1024
"""Largest size of a JSON body in bytes."""

UPLOAD_BYTES: Final = 200_000_000
"""Largest size of an uploaded file in bytes."""

UPLOADS: Final = 4
"""Uploads at a time."""

PIXELS: Final = 64_000_000
"""Most pixels of an uploaded picture, checked before it is decoded."""

SIDE: Final = 16_384
"""Longest side of a painting in pixels."""

SMALL_SIDE: Final = 1024
"""Long side in pixels of the reduced copy that previews and thumbnails are made from."""

JOBS: Final = 500
"""Jobs that have not ended."""

BATCH: Final = 200
"""Jobs of one batch."""

STAGES: Final = 24
"""Stages that are kept of a job."""

LISTENERS: Final = 256
"""Open streams of events."""

EVENTS: Final = 2000
"""Events that are kept for listeners that reconnect."""

DISK_BYTES: Final = 20_000_000_000
"""Largest size of the state folder in bytes."""

DISK_RESERVE: Final = 500_000_000
"""Bytes of the disk that stay free."""
