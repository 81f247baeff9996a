"""A batch of entries, which records the failures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from impasto.batches.batch import Batch
from impasto.batches.events import BatchEvent, Ended, Remarked
from impasto.batches.executor import Executor
from impasto.batches.manifest.entries import Entry
from impasto.batches.manifest.outcomes import record_failure
from impasto.errors import PictureError


class ManifestBatch(Batch):
    """Iterable over the events of painting entries; each failure is recorded beside the outputs.

    Args:
        entries: entries as :func:`impasto.batches.manifest.outcomes.select_pending` returned them.
        executor: workers that paint; used for this batch alone.
    """

    def __init__(self, entries: Sequence[Entry], executor: Executor) -> None:
        super().__init__(entries, executor)
        self._entries = entries

    def __iter__(self) -> Iterator[BatchEvent]:
        """Paint, and yield the events; errors as for :class:`~impasto.batches.batch.Batch`."""
        for event in super().__iter__():
            if isinstance(event, Ended) and event.state == "failed":
                try:
                    record_failure(self._entries[event.number], event.message)
                except PictureError as error:
                    yield Remarked(event.number, f"The failure could not be recorded. {error}")
            yield event
