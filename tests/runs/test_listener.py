"""The switch that stops a run."""

from __future__ import annotations

from impasto.runs.listener import StopSwitch


def test_stop_switch_stops_current_run():
    switch, stops = StopSwitch(), []
    with switch.painting(lambda: stops.append(1)):
        assert stops == []
        switch.request()
    assert stops == [1]
    assert switch.requested


def test_stop_switch_remembers_early_request():
    switch, stops = StopSwitch(), []
    switch.request()
    with switch.painting(lambda: stops.append(1)):
        assert stops == [1]


def test_stop_switch_ignores_requests_outside_painting():
    switch, stops = StopSwitch(), []
    with switch.painting(lambda: stops.append(1)):
        switch.saving()
        switch.request()
    switch.request()
    assert stops == []
