"""Addresses of pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.batches.manifest.addresses import absolute_address, is_url, join_address, refuse_credentials, split_address
from impasto.errors import SettingsError
from impasto.samples import style_path


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hunter2@bucket/a.png",
        "s3://AKIAhunter2@bucket/a.png",
        "sftp://me:hunter2@host/a.png",
        "https://host/a.png?X-Amz-Signature=hunter2",
        "https://host/a.png?sig=hunter2",
        "https://host/a.png?access_token=hunter2",
        "simplecache::s3://key:hunter2@bucket/a.png",
    ],
)
def test_credentials_are_refused_without_repeating_them(url):
    with pytest.raises(SettingsError, match="holds credentials") as error:
        refuse_credentials(url)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["s3://bucket/a.png", "sftp://me@host/a.png", "https://host/a.png?page=1", "memory://a"]
)
def test_urls_without_credentials_are_accepted(url):
    refuse_credentials(url)
    assert absolute_address(url) == url


def test_urls_differ_from_paths():
    assert [is_url(text) for text in ("s3://b/a", "file:a", "C:\\a", "a//b", Path("s3://b"))] == [True] + [False] * 4


def test_absolute_addresses_name_styles(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert absolute_address(style_path("swirls")) == "swirls"
    assert absolute_address("x/../swirls") == str(tmp_path / "swirls")


def test_addresses_join_and_split():
    assert join_address("s3://bucket/out/", Path("a/b.png")) == "s3://bucket/out/a/b.png"
    assert split_address("s3://bucket/out/b.png") == ("s3://bucket/out", "b.png")
    assert split_address(join_address("out", Path("b.png"))) == ("out", "b.png")
