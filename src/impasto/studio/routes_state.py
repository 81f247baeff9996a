"""Endpoints of the state, its events, and the settings."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import StreamingResponse

from impasto.studio.api_errors import ApiError
from impasto.studio.endpoints import Endpoints
from impasto.studio.job_settings import public_values, settings_guide
from impasto.studio.limits import LISTENERS
from impasto.studio.models import CheckedSettings, EventsQuery, SettingsCheck, SettingsGuide, State
from impasto.studio.studio import Studio

endpoints = Endpoints()


@endpoints.add("GET", "/api/state")
def get_state(studio: Studio) -> State:
    """Return the whole state, with the id of the newest event."""
    return studio.state()


@endpoints.add("GET", "/api/events", media="text/event-stream")
async def follow_events(studio: Studio, query: EventsQuery, request: Request) -> StreamingResponse:
    """Stream events, from the one after ``Last-Event-ID`` or ``after`` on."""
    if studio.events.listeners >= LISTENERS:
        raise ApiError(429, "too_many", f"At most {LISTENERS} pages can follow the studio at a time.")
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isascii() and last.isdecimal() and len(last) < 18 else query.after
    stream = studio.events.follow(studio.events.last if after is None else after)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, headers=headers, media_type="text/event-stream")


@endpoints.add("GET", "/api/settings")
def get_settings(studio: Studio) -> SettingsGuide:
    """Return the settings' schema, presets and steerable names."""
    return settings_guide()


@endpoints.add("POST", "/api/settings/check")
def check_settings(studio: Studio, body: SettingsCheck) -> CheckedSettings:
    """Check settings, and return all their values."""
    settings = studio.reader.read(body.settings, body.styles, has_photo=not body.texture)
    return CheckedSettings(settings=public_values(settings))
