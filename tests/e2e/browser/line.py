"""The line between a browser and a server: slow, cut and mended as a test wants it."""

import socket
import threading
import time
from contextlib import suppress

PIECE = 65_536  # bytes
BUFFER = 4 * PIECE  # that the system holds for either side


class Line:
    """Passes connections on to a port of this machine, from a port of its own."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()  # of the above
        self._is_cut = False
        self._bytes_per_second = 0  # upwards, all connections together; 0: as they come
        self._busy_until = 0.0
        self._turn = threading.Lock()
        self.sent_bytes = 0  # upwards
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Give the address that a browser uses."""
        return f"http://localhost:{self._listener.getsockname()[1]}"

    def limit(self, bytes_per_second: int) -> None:
        """Let no more through upwards than so much; 0: as it comes."""
        self._bytes_per_second = bytes_per_second

    def cut(self) -> None:
        """Break all connections, and let no new one through."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self._is_cut = False

    def close(self) -> None:
        """End it for good."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """Carry one connection until either side ends it."""
        if self._is_cut:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", self._to))
        with client, server:
            with self._lock:
                self._ends |= {client, server}
            down = threading.Thread(target=self._pump, args=(server, client), daemon=True)
            down.start()
            self._pump(client, server, is_up=True)
            down.join()
            with self._lock:
                self._ends -= {client, server}

    def _pump(self, source: socket.socket, sink: socket.socket, *, is_up: bool = False) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                if is_up:
                    self._take_turn(len(data))
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _take_turn(self, size: int) -> None:
        """Wait as long as so many bytes take on this line."""
        with self._turn:
            self.sent_bytes += size
            if self._bytes_per_second:
                start = max(self._busy_until, time.monotonic())
                self._busy_until = start + size / self._bytes_per_second
                time.sleep(max(0.0, self._busy_until - time.monotonic()))
