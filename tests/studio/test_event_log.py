"""The log of events: many listeners, replay and its end."""

from __future__ import annotations

import asyncio

from impasto.studio.event_log import EventLog
from impasto.studio.limits import EVENTS


def _ids(data):
    return [int(line[4:]) for line in data.decode().splitlines() if line.startswith("id: ")]


def test_many_listeners_miss_nothing():
    async def run():
        log = EventLog()
        log.open()
        after, seen = log.last, [[] for _ in range(200)]

        async def listen(ids):
            async for data in log.follow(after):
                ids += _ids(data)

        tasks = [asyncio.create_task(listen(ids)) for ids in seen]
        for number in range(100):
            await asyncio.to_thread(log.publish, "progress", {"number": number})
        await asyncio.sleep(0.1)
        log.close()
        await asyncio.gather(*tasks)
        return after, seen, log.listeners

    after, seen, left = asyncio.run(run())
    assert seen == [list(range(after + 1, after + 101))] * 200
    assert left == 0


def test_slow_listener_is_reset_rather_than_stored():
    async def run():
        log = EventLog()
        log.open()
        stream = log.follow(log.last)
        await anext(stream)
        for number in range(EVENTS + 1):
            log.publish("progress", {"number": number})
        data = await anext(stream)
        log.publish("job", {})
        following = await anext(stream)
        await stream.aclose()
        return log.last, data, following

    last, data, following = asyncio.run(run())
    assert b"event: reset" in data
    assert (_ids(data), _ids(following)) == ([last - 1], [last])


def test_many_listeners_get_events_together():
    async def run():
        log = EventLog()
        log.open()
        after, streams = log.last, [log.follow(log.last) for _ in range(500)]
        for stream in streams:
            await anext(stream)
        answers = [asyncio.create_task(anext(stream)) for stream in streams]
        await asyncio.sleep(0)  # until all wait
        for number in range(3):
            log.publish("progress", {"number": number})
            await asyncio.sleep(0.005)
        data = await asyncio.gather(*answers)
        for stream in streams:
            await stream.aclose()
        return after, data

    after, data = asyncio.run(run())
    assert [_ids(block) for block in data] == [list(range(after + 1, after + 4))] * 500
