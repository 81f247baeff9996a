"""Addresses of clusters, their authentication, and what a painting reserves."""

from __future__ import annotations

import signal
import threading

import pytest

from impasto import make_settings
from impasto.batches.events import Advanced, Begun, Remarked
from impasto.engine.loss import Loss
from impasto.errors import PaintingError, SettingsError
from impasto.painting.memory import PROCESS

ray = pytest.importorskip("ray")

from impasto.cluster import connection, tasks  # noqa: E402 (they need Ray)
from impasto.cluster.connection import check_address, connect  # noqa: E402
from impasto.cluster.executor import RayExecutor  # noqa: E402
from impasto.cluster.resources import Resources, resources_for  # noqa: E402


@pytest.mark.parametrize("address", ["ray://me:hunter2@head:10001", "ray://head:10001?token=hunter2"])
def test_addresses_with_credentials_are_refused(address):
    with pytest.raises(SettingsError, match="holds credentials") as error:
        RayExecutor(address)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("address", ["", "head", "head:6379", "http://head:10001", "ray://head", "ray://head:1/x"])
def test_other_addresses_are_refused(address):
    with pytest.raises(SettingsError, match="write auto, or ray://HOST:10001"):
        check_address(address)


def test_old_versions_of_ray_are_refused(monkeypatch):
    monkeypatch.setattr(ray, "__version__", "2.51.2")
    with pytest.raises(SettingsError, match=r"install ray>=2\.52"):
        connect("auto")


def test_failed_connection_is_one_sentence_and_keeps_signals(monkeypatch):
    def refuse(*arguments, **options):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray does before it fails
        raise ConnectionError("no\ncluster")

    monkeypatch.setattr(ray, "init", refuse)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(PaintingError, match=r"^The cluster auto cannot be joined \(no cluster\): check"):
        connect("auto")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("error", "failures", "attempts"),
    [(ConnectionAbortedError, 2, 3), (ConnectionAbortedError, 3, 3), (ConnectionError, 1, 1)],
)
def test_only_aborted_starts_of_the_server_are_repeated(monkeypatch, error, failures, attempts):
    addresses = []

    def init(address, **options):
        addresses.append(address)
        if len(addresses) <= failures:
            raise error("Initialization failure from server")

    monkeypatch.setattr(ray, "init", init)
    if attempts > failures:
        assert connect("ray://head:10001")
    else:
        with pytest.raises(PaintingError, match="cannot be joined"):
            connect("ray://head:10001")
    assert addresses == ["ray://head:10001"] * attempts


@pytest.mark.parametrize(("mode", "expected"), [("token", True), ("disabled", False)])
def test_token_authentication_is_recognized(monkeypatch, mode, expected):
    utils = pytest.importorskip("ray._private.authentication.authentication_utils")
    monkeypatch.setattr(utils, "is_token_auth_enabled", lambda: mode == "token")
    assert connection.has_token_authentication() is expected
    monkeypatch.delattr(utils, "is_token_auth_enabled")
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    assert connection.has_token_authentication() is expected


def test_resources_follow_the_settings():
    small, large = (resources_for(make_settings(size=size), has_gpus=False) for size in (256, 2048))
    assert (small.cpus, small.gpus) == (1, 0)
    assert PROCESS < small.memory < large.memory
    assert resources_for(make_settings(threads=3, memory="3G"), has_gpus=True) == (3, 1, 3 * 10**9)
    assert resources_for(make_settings(device="cpu"), has_gpus=True).gpus == 0
    assert resources_for(make_settings(device="cuda"), has_gpus=False).gpus == 1
    assert resources_for(make_settings(size="original"), has_gpus=False).memory == PROCESS


def test_slots_are_bounded_by_every_resource():
    node = {"CPU": 8.0, "memory": 10.0, "GPU": 1.0}
    assert [Resources(*needs).slots(node) for needs in ((2, 0, 1), (2, 0, 4), (2, 1, 1), (9, 0, 1))] == [4, 2, 1, 0]
    assert Resources(1, 1, 1).slots({"CPU": 1.0, "memory": 2.0}) == 0


class Handle:
    """A mailbox in this process, called as Ray's handles are."""

    def __init__(self, mailbox):
        self.post, self._mailbox = self, mailbox

    def remote(self, events):
        assert threading.current_thread() is not threading.main_thread()  # or Ray would lend the task's cores
        return self._mailbox.post(events)


def test_mailbox_carries_events_and_the_stop(monkeypatch):
    monkeypatch.setattr(ray, "get", lambda result, timeout: result)
    mailbox = tasks.Mailbox()
    channel = tasks.MailboxChannel(Handle(mailbox))
    progress = Advanced(0, 1, 1, 1, 2, Loss(0, 0, 0, 0), 0.5, 1.0, None)
    for event in (Begun(0, 1), progress, Remarked(0, "a remark")):
        channel.send(event)
    channel.close()
    assert mailbox.take() == [Begun(0, 1), Remarked(0, "a remark")]  # progress so soon is left out
    assert mailbox.take() == []
    assert not channel.stop_switch.requested
    mailbox.stop()
    late = tasks.MailboxChannel(Handle(mailbox))
    late.close()
    assert late.stop_switch.requested


def test_painting_goes_on_without_mailbox(monkeypatch):
    def lose(result, timeout):
        raise ray.exceptions.GetTimeoutError("lost")

    monkeypatch.setattr(ray, "get", lose)
    channel = tasks.MailboxChannel(Handle(tasks.Mailbox()))
    channel.send(Begun(0, 1))
    channel.close()
    assert not channel.stop_switch.requested
