"""Endpoints of pictures and styles."""

from __future__ import annotations

from email.message import Message

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from impasto.studio import limits
from impasto.studio.api_errors import ApiError
from impasto.studio.endpoints import Endpoints
from impasto.studio.models import Crop, Deleted, Picture, PictureQuery, Pictures, PicturesQuery, SideQuery, Styles
from impasto.studio.studio import Studio

endpoints = Endpoints()

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


@endpoints.add("POST", "/api/pictures", status=201)
async def upload_picture(studio: Studio, query: PictureQuery, request: Request) -> Picture:
    """Upload a picture, whose file is the body."""
    _check_upload(request)
    if not studio.uploads.acquire(blocking=False):
        raise ApiError(429, "too_many", f"At most {limits.UPLOADS} pictures can be uploaded at a time: try again.")
    try:
        length = int(request.headers.get("content-length", "0") or 0)
        await run_in_threadpool(studio.library.check_room, length)
        with studio.library.temporary_file() as path:
            with path.open("wb") as file:
                size = 0
                async for block in request.stream():
                    size += len(block)
                    if size > limits.UPLOAD_BYTES:
                        raise _too_large()
                    file.write(block)
            picture = await run_in_threadpool(studio.library.add, path, query.kind, query.name)
    finally:
        studio.uploads.release()
    studio.events.publish("picture", picture.model_dump(mode="json"))
    return picture


def _check_upload(request: Request) -> None:
    """Refuse an upload by its headers."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    kind = header.get_content_type()
    if kind != "application/octet-stream" and (not kind.startswith("image/") or "svg" in kind):
        raise ApiError(415, "wrong_type", "Send the file itself, with its content type, not a form.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 15 or int(length) > limits.UPLOAD_BYTES:
        raise _too_large()


def _too_large() -> ApiError:
    most = limits.UPLOAD_BYTES // 1_000_000
    return ApiError(413, "too_large", f"The file has more than {most} MB: make the picture smaller.")


@endpoints.add("GET", "/api/pictures")
def list_pictures(studio: Studio, query: PicturesQuery) -> Pictures:
    """List the uploaded pictures, newest first."""
    return Pictures(pictures=studio.library.newest(query.kind))


@endpoints.add("DELETE", "/api/pictures")
def delete_pictures(studio: Studio) -> Deleted:
    """Delete all uploads for good, but for those of jobs that have not ended."""
    used = studio.queue.pictures_in_use()
    pictures = studio.library.newest()
    unused = [picture.id for picture in pictures if picture.id not in used]
    for identifier in unused:
        studio.delete_picture(identifier)
    return Deleted(deleted=len(unused), kept=len(pictures) - len(unused))


@endpoints.add("GET", "/api/pictures/{id}")
def get_picture(studio: Studio, id: str) -> Picture:
    """Return an uploaded picture."""
    return studio.library.get(id)


@endpoints.add("DELETE", "/api/pictures/{id}", status=204)
def delete_picture(studio: Studio, id: str) -> None:
    """Delete an upload for good."""
    studio.delete_picture(id)


@endpoints.add("GET", "/api/pictures/{id}/image", media="image/*")
def get_picture_image(studio: Studio, id: str, query: SideQuery) -> Response:
    """Return a picture with a long side of at most ``side``: JPEG, or PNG for a mask."""
    is_mask = studio.library.get(id).kind == "mask"
    data = studio.library.image(id, query.side)
    return Response(data, headers=_FOREVER, media_type="image/png" if is_mask else "image/jpeg")


@endpoints.add("POST", "/api/pictures/{id}/crop", status=201)
def crop_picture(studio: Studio, id: str, body: Crop) -> Picture:
    """Turn and cut out a picture, as a new one."""
    return _published(studio, studio.library.crop(id, body))


@endpoints.add("POST", "/api/pictures/{id}/faces", status=201)
def detect_faces(studio: Studio, id: str) -> Picture:
    """Detect the faces in a picture, as a new mask."""
    return _published(studio, studio.library.detect_faces(id))


@endpoints.add("GET", "/api/styles")
def list_styles(studio: Studio) -> Styles:
    """List the styles: named ones, and uploads of that kind."""
    return Styles(styles=studio.library.styles())


@endpoints.add("GET", "/api/styles/{name}/image", media="image/*")
def get_style_image(studio: Studio, name: str, query: SideQuery) -> Response:
    """Return the picture of a named style with a long side of at most ``side``."""
    headers = {"Cache-Control": "private, max-age=3600"}  # the user may replace a style
    return Response(studio.library.style_image(name, query.side), headers=headers, media_type="image/jpeg")


def _published(studio: Studio, picture: Picture) -> Picture:
    studio.events.publish("picture", picture.model_dump(mode="json"))
    return picture
