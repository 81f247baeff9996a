"""The process of instant previews: paints the newest order, and gives up an older one."""

from __future__ import annotations

import signal
import threading
from multiprocessing.connection import Connection

from impasto.batches.messages import STOP_SIGNALS
from impasto.errors import ImpastoError
from impasto.painting.events import Finished
from impasto.painting.painter import Painter
from impasto.pictures import over_white
from impasto.runs.listener import StopSwitch
from impasto.samples import STYLE_NAMES, style_path
from impasto.settings.making import make_settings
from impasto.studio.limits import PREVIEW_PRESET, PREVIEW_SIDE
from impasto.studio.messages import PreviewOrder, PreviewPainted
from impasto.studio.renditions import preview_jpeg


def paint_previews(connection: Connection) -> None:
    """Paint orders from a connection until it closes, as it does when the server dies.

    Args:
        connection: brings :class:`PreviewOrder` and None; takes one :class:`PreviewPainted` for each.
    """
    for number in STOP_SIGNALS:  # they reach the server too, which decides what happens
        signal.signal(number, signal.SIG_IGN)
    desk = _Desk(connection)
    threading.Thread(target=desk.receive, name="orders", daemon=True).start()
    _painted(_sample_order(), desk)  # so that the first order need not load the networks
    while (order := desk.next()) is not None:
        desk.answer(_painted(order, desk))


def _sample_order() -> PreviewOrder:
    """Return an order for a preview of a sample picture."""
    sample = style_path(STYLE_NAMES[0])
    return PreviewOrder(0, sample, (sample,), make_settings(preset=PREVIEW_PRESET, size=PREVIEW_SIDE))


class _Desk:
    """Receives orders on a thread of its own, and keeps the newest."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._newest: PreviewOrder | None = None
        self._switch = StopSwitch()
        self._is_closed = False
        self._changed = threading.Condition()
        self._sending = threading.Lock()

    def receive(self) -> None:
        """Receive orders until None comes or the connection closes."""
        try:
            while (order := self._connection.recv()) is not None:
                with self._changed:
                    older, self._newest = self._newest, order
                    self._switch.request()
                    self._changed.notify()
                if older:
                    self.answer(PreviewPainted(older.number, None))
        except (EOFError, OSError):
            pass
        with self._changed:
            self._is_closed = True
            self._switch.request()
            self._changed.notify()

    def next(self) -> PreviewOrder | None:
        """Wait for an order and return it; None when the connection is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._is_closed)
            order, self._newest = self._newest, None
            self._switch = StopSwitch()
            return None if self._is_closed else order

    @property
    def switch(self) -> StopSwitch:
        """Switch that stops the painting of the current order."""
        return self._switch

    def answer(self, painted: PreviewPainted) -> None:
        """Send an answer; a dead server is noticed when receiving from it."""
        try:
            with self._sending:
                self._connection.send(painted)
        except OSError:
            pass


def _painted(order: PreviewOrder, desk: _Desk) -> PreviewPainted:
    """Paint an order, and return the answer whatever happens."""
    try:
        painter = Painter(order.content, order.styles, order.settings)
        with desk.switch.painting(painter.stop):
            for event in painter:
                if isinstance(event, Finished) and event.painting.complete:
                    pixels = over_white(event.painting.array, event.painting.alpha)
                    return PreviewPainted(order.number, preview_jpeg(pixels)[0])
        return PreviewPainted(order.number, None)
    except ImpastoError as error:
        return PreviewPainted(order.number, None, str(error))
    except Exception as error:  # a bug, which must not end the process
        return PreviewPainted(order.number, None, f"An error of impasto's own ({type(error).__name__}: {error}).")
