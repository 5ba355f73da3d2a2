"""A proxy for https, for programs that read HTTPS_PROXY: every host leads to the front."""

from __future__ import annotations

import socket
import socketserver
import threading

from tests.support.cloud.front import TIMEOUT, splice


class Tunnel:
    """Listens on a loopback port for CONNECT.

    Args:
        front_port: where the front listens for https.

    Attributes:
        url: for HTTPS_PROXY.
    """

    def __init__(self, front_port: int) -> None:
        self._server = _Server(("127.0.0.1", 0), front_port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], front_port: int) -> None:
        self.front_port = front_port
        super().__init__(address, _Connection)


class _Connection(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        if not self.rfile.readline().startswith(b"CONNECT "):
            return
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(("127.0.0.1", self.server.front_port), TIMEOUT) as front:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            splice(self.connection, front)
