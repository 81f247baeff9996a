"""The uploaded pictures: stored re-encoded in the state folder, and found by opaque ids only."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from threading import BoundedSemaphore

import numpy as np
from PIL import Image

from impasto.errors import PictureError
from impasto.files import sha256_of
from impasto.painting.faces import face_mask, find_faces
from impasto.pictures import Picture as Pixels, off_white, read_picture, read_record, resize, scaled_size, write_picture
from impasto.pictures.codecs.formats import SNIFFED, sniff
from impasto.samples import STYLE_DESCRIPTIONS
from impasto.studio import limits
from impasto.studio.api_errors import ApiError, disk_full, invalid, not_found
from impasto.studio.database import Database
from impasto.studio.models import (
    Crop,
    NamedStyle,
    Painted,
    Picture,
    PictureKind,
    StyleRef,
    StyleTile,
    UploadedStyle,
)
from impasto.studio.records import painted_from
from impasto.studio.renditions import rendition
from impasto.styles.lookup import style_paths


def new_id() -> str:
    """Return a new opaque id."""
    return secrets.token_urlsafe(16)


class Library:
    """Uploaded pictures and named styles.

    Args:
        folder: state folder of the studio.
        database: its database.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder, self._database = folder, database
        self._pictures, self._temporary = folder / "pictures", folder / "temporary"
        for place in (self._pictures, self._temporary):
            place.mkdir(exist_ok=True)
        for leftover in self._temporary.iterdir():  # of a server that was killed
            leftover.unlink()
        self._decoding = BoundedSemaphore(1)  # one picture at a time bounds the memory
        self._used_bytes, self._counted = 0, 0.0

    def temporary_path(self, suffix: str = "") -> Path:
        """Return an unused path in the folder of temporary files, which each start empties."""
        return self._temporary / f"{new_id()}{suffix}"

    @contextmanager
    def temporary_file(self) -> Iterator[Path]:
        """Yield an unused path in the folder of temporary files; the file is removed on exit."""
        path = self.temporary_path()
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @property
    def used_bytes(self) -> int:
        """Size of the state folder in bytes, counted at most every two seconds."""
        if time.monotonic() - self._counted > 2:
            self._used_bytes = _size_of(self._folder)
            self._counted = time.monotonic()
        return self._used_bytes

    def check_room(self, size: int) -> None:
        """Refuse to write more than the disk, or the studio's share of it, can hold.

        Raises:
            ApiError: there is no room for ``size`` bytes.
        """
        is_over_share = self.used_bytes + size > limits.DISK_BYTES
        if is_over_share or disk_usage(self._folder).free - size < limits.DISK_RESERVE:
            raise disk_full()

    def add(self, file: Path, kind: PictureKind, name: str) -> Picture:
        """Decode an uploaded file, store its pixels, and return the picture.

        Raises:
            ApiError: it is not a picture, or has too many pixels.
        """
        with file.open("rb") as opened:
            if sniff(opened.read(SNIFFED)) is None:
                raise ApiError(415, "wrong_type", "This file is not a picture that the studio reads.")
        record = None
        with self._decoding:
            try:
                pixels = read_picture(file, max_pixels=limits.PIXELS)
            except PictureError as error:
                if "more than the limit of" in str(error):
                    most = limits.PIXELS // 1_000_000
                    raise ApiError(
                        413, "too_large", f"The picture has more than {most} megapixels: make it smaller."
                    ) from None
                raise ApiError(415, "wrong_type", str(error).replace(str(file), "The file")) from None
            with suppress(PictureError):
                record = read_record(file)
            return self._store(pixels, kind, name, painted_from(record, self) if record else None)

    def crop(self, identifier: str, crop: Crop) -> Picture:
        """Turn and cut out a picture, and store the result as a new one."""
        picture = self.get(identifier)
        with self._decoding:
            pixels = read_picture(self.path(identifier), max_pixels=limits.PIXELS)
            colours, alpha = _turned(pixels.pixels, crop.angle), pixels.alpha
            alpha = None if alpha is None else _turned(alpha[..., None].repeat(3, 2), crop.angle)[..., 0]
            height, width = colours.shape[:2]
            left, top = round(crop.box[0] * width), round(crop.box[1] * height)
            right, bottom = round(left + crop.box[2] * width), round(top + crop.box[3] * height)
            if right - left < 32 or bottom - top < 32:
                raise invalid("The box is too small: at least 32 pixels in both directions are needed.")
            part = (slice(top, bottom), slice(left, right))
            alpha = None if alpha is None else np.ascontiguousarray(alpha[part])
            cut = replace(pixels, pixels=np.ascontiguousarray(colours[part]), alpha=alpha)
            return self._store(cut, picture.kind, picture.name)

    def detect_faces(self, identifier: str) -> Picture:
        """Store a mask that is white on the faces in a picture, and return it.

        Raises:
            ApiError: there is no face, or OpenCV is not installed.
        """
        picture = self.get(identifier)
        if not has_face_detector():
            raise ApiError(409, "unavailable", 'To find faces, impasto needs OpenCV: run pip install "impasto[faces]".')
        with self._decoding:
            photo = read_picture(self.small_path(identifier), max_pixels=limits.PIXELS).pixels
            faces = find_faces(photo)
            if not faces:
                raise invalid("No face was found in the photo: paint a mask by hand.")
            mask = face_mask(faces, *photo.shape[:2])
            return self._store(read_picture(mask), "mask", f"faces of {picture.name}")

    def get(self, identifier: str) -> Picture:
        """Return a picture.

        Raises:
            ApiError: there is none.
        """
        rows = self._database.read("SELECT body FROM pictures WHERE id = ?", (identifier,))
        if not rows:
            raise not_found("picture")
        return Picture.model_validate_json(rows[0][0])

    def newest(self, kind: str | None = None, most: int = 10_000) -> list[Picture]:
        """Return the newest pictures, of one kind if it is given."""
        rows = self._database.read(
            "SELECT body FROM pictures WHERE ? IS NULL OR kind = ? ORDER BY created DESC, id LIMIT ?",
            (kind, kind, most),
        )
        return [Picture.model_validate_json(body) for (body,) in rows]

    def by_hash(self, sha256: str | None) -> str | None:
        """Return the id of the picture whose stored file has a hash; None if there is none."""
        rows = self._database.read("SELECT id FROM pictures WHERE sha256 = ?", (sha256,))
        return rows[0][0] if rows else None

    def name_or_empty(self, identifier: str | None) -> str:
        """Return the name that the user gave a picture; empty if it was deleted."""
        with suppress(ApiError):
            return self.get(identifier or "").name
        return ""

    def name_of_hash(self, sha256: str | None) -> str | None:
        """Return the name of the picture whose stored file has a hash; None if there is none."""
        return self.name_or_empty(self.by_hash(sha256)) or None

    def path(self, identifier: str) -> Path:
        """Return the path of a picture's file.

        Raises:
            ApiError: there is no such picture.
        """
        self.get(identifier)
        return self._pictures / f"{identifier}.tif"

    def small_path(self, identifier: str) -> Path:
        """Return the path of a picture's reduced copy, or of the picture if it is small itself."""
        path = self.path(identifier)
        small = self._pictures / f"{identifier}.small.png"
        return small if small.is_file() else path

    def image(self, identifier: str, side: int) -> bytes:
        """Return a picture with a long side of at most ``side``: JPEG, or PNG for a mask."""
        picture = self.get(identifier)
        path = self.small_path(identifier) if side <= limits.SMALL_SIDE else self.path(identifier)
        with self._decoding:
            return rendition(path, side, as_png=picture.kind == "mask")

    def mark_used(self, identifiers: Sequence[str]) -> None:
        """Note that a job uses pictures now."""
        for identifier in identifiers:
            with suppress(ApiError):
                picture = self.get(identifier).model_copy(update={"used": time.time()})
                self._database.write(
                    "UPDATE pictures SET body = ? WHERE id = ?", (picture.model_dump_json(), identifier)
                )

    def delete(self, identifier: str) -> None:
        """Delete a picture and its files for good.

        Raises:
            ApiError: there is none.
        """
        path, small = self.path(identifier), self._pictures / f"{identifier}.small.png"
        self._database.write("DELETE FROM pictures WHERE id = ?", (identifier,))
        path.unlink(missing_ok=True)
        small.unlink(missing_ok=True)

    def style_path(self, ref: StyleRef, *, small: bool = False) -> Path:
        """Return the path of a style's picture.

        Args:
            ref: style.
            small: return a reduced copy if there is one.

        Raises:
            ApiError: there is no such style.
        """
        if isinstance(ref, UploadedStyle):
            return self.small_path(ref.picture) if small else self.path(ref.picture)
        path = style_paths().get(ref.style)
        if path is None:
            raise not_found("style")
        return path

    def style_label(self, ref: StyleRef) -> str:
        """Return the name of a style for people; empty if it was deleted."""
        if isinstance(ref, NamedStyle):
            return ref.style
        return self.name_or_empty(ref.picture)

    def styles(self) -> list[StyleTile]:
        """Return all styles: named ones, and uploads of that kind."""
        used = dict(
            self._database.read(
                "SELECT json_extract(style.value, '$.style'), MAX(json_extract(jobs.body, '$.created')) "
                "FROM jobs, json_each(jobs.body, '$.styles') AS style GROUP BY 1"
            )
        )
        named = [
            StyleTile(
                ref=NamedStyle(style=name), name=name, description=STYLE_DESCRIPTIONS.get(name, ""), used=used.get(name)
            )
            for name in style_paths()
        ]
        uploads = [
            StyleTile(ref=UploadedStyle(picture=picture.id), name=picture.name, used=picture.used)
            for picture in self.newest("style")
        ]
        return [*named, *uploads]

    def style_image(self, name: str, side: int) -> bytes:
        """Return the picture of a named style with a long side of at most ``side``, as JPEG."""
        path = style_paths().get(name)
        if path is None:
            raise not_found("style")
        with self._decoding:
            return rendition(path, side)

    def without_paths(self, text: str) -> str:
        """Replace the paths of stored pictures in a sentence by the names that the user gave them."""

        def name(match: re.Match[str]) -> str:
            with suppress(ApiError):
                return self.get(match[1]).name or "the picture"
            return "a picture"

        places = re.escape(str(self._pictures) + os.sep)
        return re.sub(rf"{places}([A-Za-z0-9_-]{{22}})(?:\.small\.png|\.tif)", name, text)

    def _store(self, pixels: Pixels, kind: PictureKind, name: str, painted: Painted | None = None) -> Picture:
        """Write the files of a picture, and then its row."""
        identifier = new_id()
        path, small = self._pictures / f"{identifier}.tif", self._pictures / f"{identifier}.small.png"
        height, width = pixels.pixels.shape[:2]
        self.check_room(height * width * 6)
        alpha = pixels.alpha
        colours = pixels.pixels if alpha is None else off_white(pixels.pixels, alpha)
        try:
            write_picture(
                path, colours, alpha=alpha, depth=16 if pixels.depth == 16 else 8, provenance=pixels.provenance
            )
            if max(height, width) > limits.SMALL_SIDE:
                size = scaled_size(height, width, limits.SMALL_SIDE)
                small_alpha = None if alpha is None else resize(alpha, *size)
                write_picture(small, resize(colours, *size), alpha=small_alpha)
            picture = Picture(
                id=identifier,
                kind=kind,
                name=printable(name),
                width=width,
                height=height,
                bytes=path.stat().st_size,
                created=time.time(),
                painted=painted,
            )
            self._database.write(
                "INSERT INTO pictures VALUES (?, ?, ?, ?, ?)",
                (identifier, kind, picture.created, sha256_of(path), picture.model_dump_json()),
            )
        except BaseException:
            path.unlink(missing_ok=True)
            small.unlink(missing_ok=True)
            raise
        return picture


def has_face_detector() -> bool:
    """Return whether faces can be detected here."""
    from importlib.util import find_spec

    return find_spec("cv2") is not None


def printable(name: str) -> str:
    """Return a file name without folders and unprintable characters, to be shown and never opened."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(character for character in last if character.isprintable()).strip()[:200]


def _turned(pixels: np.ndarray, angle: float) -> np.ndarray:
    """Turn H×W×3 about its centre by degrees counter-clockwise, and enlarge it so that no corner is empty."""
    if not angle:
        return pixels
    height, width = pixels.shape[:2]
    radians = np.deg2rad(abs(angle))
    ratio = max(height / width, width / height)
    zoom = float(np.cos(radians) + ratio * np.sin(radians))
    channels = []
    for channel in range(3):
        image = Image.fromarray(np.ascontiguousarray(pixels[..., channel]))
        cos, sin = np.cos(np.deg2rad(angle)) / zoom, np.sin(np.deg2rad(angle)) / zoom
        x, y = width / 2, height / 2
        matrix = (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y)
        turned = image.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        channels.append(np.asarray(turned))
    return np.stack(channels, axis=2).clip(0, 1)


def _size_of(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total
