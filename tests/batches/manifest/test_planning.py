"""Planning of manifests."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from impasto.batches.manifest.planning import plan_entries
from impasto.errors import ImpastoError, PictureError, SettingsError
from impasto.settings.making import change_settings


@pytest.fixture
def memory(album):
    """Return a folder of fsspec's memory with the photographs and the style."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    for path in (*(album / "photos").iterdir(), album / "style.png"):
        files.pipe(f"/album/{path.name}", path.read_bytes())
    yield "memory://album"
    files.store.clear()


def test_plan_holds_absolute_addresses(album, settings):
    plan = plan_entries(["photos"], ["style.png", "swirls"], settings, "out")
    assert [entry.output for entry in plan.entries] == [
        str(album / "out" / f"{number}-as-{style}.png") for number in range(3) for style in ("style", "swirls")
    ]
    assert (plan.entries[1].content, plan.entries[1].styles) == (str(album / "photos" / "0.png"), ("swirls",))
    assert len({entry.key for entry in plan.entries}) == 6


def test_keys_follow_contents_not_names(album, settings, memory):
    (key,) = {entry.key for entry in plan_entries(["photos/1.png"], ["style.png"], settings, "out").entries}
    urls = plan_entries([f"{memory}/1.png"], [f"{memory}/style.png"], settings, "memory://out").entries
    assert [entry.key for entry in urls] == [key]
    assert urls[0].output == "memory://out/1-as-style.png"
    (album / "photos" / "1.png").write_bytes((album / "photos" / "2.png").read_bytes())
    assert plan_entries(["photos/1.png"], ["style.png"], settings, "out").entries[0].key != key
    other = change_settings(settings, seed=1)
    assert plan_entries(["photos/2.png"], ["style.png"], other, "out").entries[0].key != key


@pytest.mark.parametrize("photos", ["", "/", "/?.png"])
def test_url_folders_and_patterns_are_planned(memory, settings, photos):
    plan = plan_entries([memory + photos], [f"{memory}/style.png"], settings, "out")
    found = [entry.content for entry in plan.entries]
    assert found[:3] == [f"{memory}/{number}.png" for number in range(3)]
    assert found[3:] == ([] if "?" in photos else [f"{memory}/style.png"])


def test_unreadable_photos_are_left_out(album, settings, memory):
    (album / "photos" / "1.png").write_bytes(b"")
    plan = plan_entries(["photos", f"{memory}/missing.png"], ["style.png"], settings, "out", template="{number}.png")
    assert [Path(entry.output).name for entry in plan.entries] == ["1.png", "3.png"]
    assert [words in remark for words, remark in zip(("is empty", "missing.png"), plan.remarks, strict=True)] == [
        True
    ] * 2
    with pytest.raises(PictureError, match="is empty"):
        plan_entries(["photos/1.png"], ["style.png"], settings, "out")
    with pytest.raises(PictureError, match="is empty"):
        plan_entries(["photos"], ["photos/1.png"], settings, "out")


@pytest.mark.parametrize(
    ("photos", "out", "options", "words"),
    [
        (["photos"], "out", {"template": "{style}.png"}, "would both be"),
        (["photos"], "photos", {"template": "{content}.png"}, "is one of the pictures"),
        (["photos"], "s3://key:hunter2@bucket", {}, "holds credentials"),
        (["s3://key:hunter2@bucket/a.png"], "out", {}, "holds credentials"),
        (["photos"], "memory://out", {"template": "{content}.xyz"}, "xyz"),
        (["memory://nothing/*.png"], "out", {}, "There are no pictures"),
        (["nonsense://x/a.png"], "out", {}, "not a kind of URL"),
    ],
)
def test_plan_refuses_invalid_arguments(photos, out, options, words, album, settings):
    with pytest.raises(ImpastoError, match=words) as error:
        plan_entries(photos, ["style.png"], settings, out, **options)
    assert "hunter2" not in str(error.value)


def test_urls_without_fsspec_name_the_extra(monkeypatch, album, settings):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(SettingsError, match=r"impasto\[cloud\]"):
        plan_entries(["memory://album/0.png"], ["style.png"], settings, "out")
