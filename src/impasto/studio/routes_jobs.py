"""Endpoints of jobs, batches, previews and the history."""

from __future__ import annotations

import json

from starlette.responses import Response

from impasto.pictures import read_record
from impasto.studio.api_errors import not_found
from impasto.studio.downloads import MEDIA_TYPES, TemporaryFileResponse, painting_file, zip_file
from impasto.studio.endpoints import Endpoints
from impasto.studio.job_files import stage_file
from impasto.studio.job_store import thinned
from impasto.studio.models import (
    Batch,
    BatchRequest,
    Deleted,
    DownloadQuery,
    History,
    HistoryQuery,
    Job,
    JobRequest,
    Losses,
    Move,
    PreviewQuery,
    PreviewRequest,
    SideQuery,
    Steer,
    Undo,
)
from impasto.studio.records import portable_record
from impasto.studio.renditions import rendition
from impasto.studio.studio import Studio

endpoints = Endpoints()


@endpoints.add("POST", "/api/previews", media="image/jpeg")
def paint_preview(studio: Studio, body: PreviewRequest) -> Response:
    """Paint an instant preview at a small size; a newer request ends an older one."""
    return Response(studio.preview(body), media_type="image/jpeg")


@endpoints.add("POST", "/api/jobs", status=201)
def create_job(studio: Studio, body: JobRequest) -> Job:
    """Queue a painting."""
    studio.queue.check_room(1)
    studio.queue.check(body)
    job = studio.queue.create(body)
    studio.queue.start_next()
    return _public(studio, job.id)


@endpoints.add("GET", "/api/jobs/{id}")
def get_job(studio: Studio, id: str) -> Job:
    """Return a job."""
    return _public(studio, id)


@endpoints.add("DELETE", "/api/jobs/{id}", status=204)
def delete_job(studio: Studio, id: str) -> None:
    """Delete a job with its painting for good; a job that paints is ended."""
    studio.queue.delete(id)


@endpoints.add("PATCH", "/api/jobs/{id}/settings", status=202)
def steer_job(studio: Studio, id: str, body: Steer) -> Job:
    """Change settings of a job, after the current iteration if it paints."""
    studio.queue.steer(id, body.model_dump(exclude_unset=True))
    return _public(studio, id)


@endpoints.add("POST", "/api/jobs/{id}/stop", status=202)
def stop_job(studio: Studio, id: str) -> Job:
    """Stop a job after its current iteration."""
    studio.queue.stop(id)
    return _public(studio, id)


@endpoints.add("POST", "/api/jobs/{id}/resume", status=202)
def resume_job(studio: Studio, id: str) -> Job:
    """Queue a stopped, interrupted or failed job before all others, to go on."""
    studio.queue.resume(id)
    return _public(studio, id)


@endpoints.add("POST", "/api/jobs/{id}/retry", status=202)
def retry_job(studio: Studio, id: str) -> Job:
    """Queue an ended job last, to begin anew."""
    studio.queue.retry(id)
    return _public(studio, id)


@endpoints.add("POST", "/api/jobs/{id}/undo", status=202)
def undo_job(studio: Studio, id: str, body: Undo) -> Job:
    """Go back to a stage, and paint on from there."""
    studio.queue.undo(id, body.stage)
    return _public(studio, id)


@endpoints.add("POST", "/api/jobs/{id}/move")
def move_job(studio: Studio, id: str, body: Move) -> Job:
    """Move a queued job before another one, or to the end."""
    studio.queue.move(id, body.before)
    return _public(studio, id)


@endpoints.add("GET", "/api/jobs/{id}/preview", media="image/jpeg")
def get_preview(studio: Studio, id: str, query: PreviewQuery) -> Response:
    """Return the newest preview of a job."""
    job = studio.queue.get(id)
    try:
        data = studio.store.preview_path(id).read_bytes()
    except FileNotFoundError:
        raise not_found("preview") from None
    version = job.preview.version if job.preview else 0
    return Response(data, headers={"ETag": f'"{version}"', "Cache-Control": "no-store"}, media_type="image/jpeg")


@endpoints.add("GET", "/api/jobs/{id}/stages/{number}/image", media="image/jpeg")
def get_stage_image(studio: Studio, id: str, number: str) -> Response:
    """Return the picture of a stage."""
    if number not in [str(stage.number) for stage in studio.queue.get(id).stages]:
        raise not_found("stage")
    try:
        data = stage_file(studio.store.folder(id), int(number)).with_suffix(".jpg").read_bytes()
    except FileNotFoundError:
        raise not_found("stage") from None
    return Response(data, media_type="image/jpeg")


@endpoints.add("GET", "/api/jobs/{id}/losses")
def get_losses(studio: Studio, id: str) -> Losses:
    """Return the losses of a job so far, thinned evenly."""
    rows = [(int(row[0]), int(row[1]), *row[2:]) for row in thinned(studio.queue.losses(id))]
    return Losses.model_validate({"losses": rows})


@endpoints.add("GET", "/api/jobs/{id}/image", media="image/jpeg")
def get_painting_image(studio: Studio, id: str, query: SideQuery) -> Response:
    """Return the painting with a long side of at most ``side``."""
    data = rendition(studio.painting_of(id), query.side)
    cache = "no-store" if query.version is None else "private, max-age=31536000, immutable"
    return Response(data, headers={"Cache-Control": cache}, media_type="image/jpeg")


@endpoints.add("GET", "/api/jobs/{id}/download", media="image/*")
def download_painting(studio: Studio, id: str, query: DownloadQuery) -> Response:
    """Return the painting at its full size as an attachment, with its record inside."""
    path, name = painting_file(studio, studio.queue.get(id), query.format)
    return TemporaryFileResponse(path, media_type=MEDIA_TYPES[query.format], filename=name)


@endpoints.add("GET", "/api/jobs/{id}/record", media="application/json")
def get_record(studio: Studio, id: str) -> Response:
    """Return the record of the painting."""
    text = read_record(studio.painting_of(id))
    if text is None:
        raise not_found("record")
    record = portable_record(text, 16, studio.library.name_of_hash)
    return Response(json.dumps(json.loads(record), ensure_ascii=False), media_type="application/json")


@endpoints.add("POST", "/api/batches", status=201)
def create_batch(studio: Studio, body: BatchRequest) -> Batch:
    """Queue each photo in each list of styles with each variant."""
    return studio.create_batch(body)


@endpoints.add("GET", "/api/batches/{id}")
def get_batch(studio: Studio, id: str) -> Batch:
    """Return a batch."""
    return studio.store.batch(id)


@endpoints.add("POST", "/api/batches/{id}/stop", status=202)
def stop_batch(studio: Studio, id: str) -> Batch:
    """Stop all jobs of a batch."""
    return studio.stop_batch(id)


@endpoints.add("DELETE", "/api/batches/{id}", status=204)
def delete_batch(studio: Studio, id: str) -> None:
    """Delete a batch with all its jobs for good."""
    studio.delete_batch(id)


@endpoints.add("GET", "/api/batches/{id}/download", media="application/zip")
def download_batch(studio: Studio, id: str, query: DownloadQuery) -> Response:
    """Return a zip of the finished paintings of a batch."""
    path, name = zip_file(studio, studio.store.batch(id), query.format)
    return TemporaryFileResponse(path, media_type="application/zip", filename=name)


@endpoints.add("GET", "/api/history")
def get_history(studio: Studio, query: HistoryQuery) -> History:
    """Return jobs that ended, newest first."""
    jobs = studio.store.ended(query.query, query.before, query.limit + 1)
    shown = jobs[: query.limit]
    following = shown[-1].id if len(jobs) > len(shown) else None
    return History(jobs=[Job.model_validate(job.public()) for job in shown], next=following)


@endpoints.add("DELETE", "/api/history")
def delete_history(studio: Studio) -> Deleted:
    """Delete all jobs that ended, with their paintings, for good."""
    return Deleted(deleted=studio.delete_history())


def _public(studio: Studio, identifier: str) -> Job:
    return Job.model_validate(studio.queue.get(identifier).public())
