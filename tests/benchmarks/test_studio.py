"""The measurement of the studio's listeners."""

from __future__ import annotations

import socket
import threading
from multiprocessing import Pipe

from benchmarks.studio.painting import listen

EVENTS = b"".join(b"id: %d\nevent: progress\ndata: {}\n\n" % number for number in (1, 2, 4, 5))


def test_listeners_report_received_ids() -> None:
    ours, theirs = Pipe()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connections = [server.accept()[0] for _ in range(3)]
            for connection in connections:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + EVENTS[:40])
            for connection in connections:
                connection.sendall(EVENTS[40:])
            for connection in connections:
                connection.recv(1)  # until the listener has closed it
                connection.close()

        threads = [
            threading.Thread(target=serve),
            threading.Thread(target=listen, args=(theirs, server.getsockname()[1], {}, 3, 0)),
        ]
        for thread in threads:
            thread.start()
        assert ours.recv() == "connected"
        ours.send(4)
        received, _ = ours.recv()
        for thread in threads:
            thread.join()
    assert received == [[1, 2, 4]] * 3
