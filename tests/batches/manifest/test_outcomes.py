"""Entries that are done, failed, or in the way, on the disk and in fsspec's memory."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from impasto.batches.events import Advanced, Ended, Remarked
from impasto.batches.manifest.batch import ManifestBatch
from impasto.batches.manifest.outcomes import Outcomes, is_done, select_pending, summarize
from impasto.batches.manifest.planning import plan_entries
from impasto.errors import PictureError
from impasto.runs.repeating import stored_record
from impasto.settings.making import change_settings


@pytest.fixture(params=["disk", "memory"])
def out(request, album):
    """Return a folder of outputs, on the disk or in memory."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    (album / "out").mkdir()
    yield "memory://out" if request.param == "memory" else str(album / "out")
    files.store.clear()


@pytest.fixture
def paint(inline):
    """Return a function that paints what is left of a plan, and returns the last event of each entry."""

    def run(entries, **options):
        batch = ManifestBatch(select_pending(entries, **options), inline())
        return [event for event in batch if isinstance(event, Ended)]

    return run


def read(address):
    return fsspec.open(address).open().read()


def states(events):
    return [event.state for event in events]


def test_finished_entries_are_not_painted_again(out, settings, paint):
    entries = plan_entries(["photos"], ["style.png"], settings, out).entries
    assert states(paint(entries)) == ["painted"] * 3
    before = [read(entry.output) for entry in entries]
    assert states(paint(entries)) == ["done"] * 3
    assert all(map(is_done, entries))
    assert [read(entry.output) for entry in entries] == before
    assert summarize(entries).counts == {"done": 3, "failed": 0, "left": 0}


def test_second_execution_writes_the_same_bytes(out, settings, paint, inline):
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, out).entries
    paint([entry])
    before = read(entry.output)
    assert [e.state for e in ManifestBatch([entry], inline()) if isinstance(e, Ended)] == ["done"]
    files, path = fsspec.core.url_to_fs(entry.output)
    files.rm(path)
    assert states(paint([entry])) == ["painted"]
    assert read(entry.output) == before


def test_failures_are_recorded_and_retried_when_asked(out, album, settings, paint):
    good = (album / "photos" / "1.png").read_bytes()
    (album / "photos" / "1.png").write_bytes(good[:300])
    entries = plan_entries(["photos"], ["style.png"], settings, out).entries
    assert states(paint(entries)) == ["painted", "failed", "painted"]
    summary = summarize(entries)
    assert summary.counts == {"done": 2, "failed": 1, "left": 0}
    assert summary.failures[0].output == entries[1].output
    assert "1.png cannot be decoded" in summary.failures[0].message
    assert states(paint(entries)) == ["done", "done"]
    assert states(paint(entries, retry_failed=True)) == ["done", "done", "failed"]
    (album / "photos" / "1.png").write_bytes(good)
    (repaired,) = plan_entries(["photos/1.png"], ["style.png"], settings, out).entries
    assert states(paint([repaired])) == ["painted"]  # another key
    assert summarize([repaired]).counts["done"] == 1


def test_changed_inputs_fail_before_painting(out, album, settings, paint):
    entries = plan_entries(["photos"], ["style.png"], settings, out).entries
    (album / "photos" / "2.png").write_bytes((album / "photos" / "0.png").read_bytes())
    events = paint(entries)
    assert states(events) == ["painted", "painted", "failed"]
    assert "has changed since the plan" in events[-1].message
    assert Outcomes().state(entries[2]) == "failed"


def test_picture_without_its_record_does_not_count(out, settings, paint):
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, out).entries
    paint([entry])
    whole = read(entry.output)
    files, path = fsspec.core.url_to_fs(entry.output)
    if out.startswith("memory"):  # as if the worker had died between picture and record
        files.rm("/out/.impasto", recursive=True)
    else:  # as if it had been stopped early
        files.pipe(path, whole.replace(b'"complete": true', b'"complete": null'))
        with pytest.raises(PictureError):
            stored_record(entry.output)
        files.rm(path)
    assert Outcomes().state(entry) == "left"
    assert states(paint([entry])) == ["painted"]
    assert read(entry.output) == whole


def test_other_pictures_are_replaced_only_by_force(album, settings, paint):
    (album / "out").mkdir()
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, "out").entries
    Path(entry.output).write_bytes(b"somebody's")
    assert summarize([entry]).counts["left"] == 1
    with pytest.raises(PictureError, match="force=True"):
        paint([entry])
    assert Path(entry.output).read_bytes() == b"somebody's"
    assert states(paint([entry], force=True)) == ["painted"]
    other = change_settings(settings, seed=1)
    with pytest.raises(PictureError, match="made otherwise"):
        paint(plan_entries(["photos/0.png"], ["style.png"], other, "out").entries)


def test_records_name_urls_as_sources(out, album, settings, paint):
    memory = fsspec.filesystem("memory")
    for name in ("photos/0.png", "style.png"):
        memory.pipe(f"/in/{name}", (album / name).read_bytes())
    (entry,) = plan_entries(["memory://in/photos/0.png"], ["memory://in/style.png"], settings, out).entries
    assert states(paint([entry])) == ["painted"]
    (album / "copy.png").write_bytes(read(entry.output))
    record = stored_record(album / "copy.png")
    assert (record.content.path, record.styles[0].path) == ("memory://in/photos/0.png", "memory://in/style.png")
    assert record.seconds == 0


def test_unrecorded_failure_is_remarked(album, settings, inline):
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, "out").entries
    (album / "out").write_text("no folder")
    events = list(ManifestBatch([entry], inline()))
    assert [type(event) for event in events if not isinstance(event, Advanced)][-2:] == [Remarked, Ended]
    assert events[-1].state == "failed"


def test_plans_of_other_versions_fail(album, settings, inline):
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, "out").entries
    (album / "out").mkdir()
    events = list(ManifestBatch([replace(entry, version="9.9")], inline()))
    assert "The plan is of impasto 9.9" in events[-1].message


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_finished_manifests_are_recognized_quickly(count, album, settings, paint):
    (album / "out").mkdir()
    (entry,) = plan_entries(["photos/0.png"], ["style.png"], settings, "out").entries
    paint([entry])
    picture = Path(entry.output)
    entries = [replace(entry, output=str(album / "out" / f"{number}.png")) for number in range(count)]
    for each in entries:
        Path(each.output).hardlink_to(picture)
    begun = time.process_time()  # unlike the clock, it does not count what other programs do
    assert summarize(entries).counts["done"] == count
    assert time.process_time() - begun < 20 * count / 10_000
