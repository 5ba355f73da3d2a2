"""One TLS port that answers for every host that ``curl`` asks for.

OpenAI's host is forwarded, byte for byte, to the scripted upstream; API Gateway's hosts are answered by the
deployed API; any other host gets a 502 and is recorded, so that the test fails. A client without curl's
``--connect-to`` uses it as its proxy: ``CONNECT`` leads to the same port.
"""

import contextlib
import functools
import re
import socket
import socketserver
import ssl
import threading
import traceback
from http.server import BaseHTTPRequestHandler
from typing import cast

import trustme

from testbed.gateway import Answer, Gateway

API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.amazonaws\.com")
TIMEOUT = 60.0
LONGEST_HEAD = 8192


class TlsProxy:
    """Listens on a loopback port for https.

    Args:
        authority: signs the certificates of the hosts.
        gateway: answers for API Gateway.
        openai: host names that mean the scripted upstream; may change.
        openai_port: its port.

    Attributes:
        port: where it listens.
        strangers: hosts that were asked for and have no fake.
        failures: errors of the fake AWS itself, as tracebacks.
    """

    def __init__(self, authority: trustme.CA, gateway: Gateway, openai: set[str], openai_port: int) -> None:
        self.authority, self.gateway, self.openai, self.openai_port = authority, gateway, openai, openai_port
        self.strangers: list[str] = []
        self.failures: list[str] = []
        self._server = _Server(("127.0.0.1", 0), self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @functools.cache  # noqa: B019 - as long as the test
    def context(self, host: str) -> ssl.SSLContext:
        """A server's TLS context for one host."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        return context

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 32

    def __init__(self, address: tuple[str, int], proxy: TlsProxy) -> None:
        self.proxy = proxy
        super().__init__(address, _Connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that hung up or does not trust the authority; it reports that itself."""


class _Connection(socketserver.BaseRequestHandler):
    """Serves the host that the TLS greeting names."""

    def handle(self) -> None:
        proxy = cast("_Server", self.server).proxy
        if self.request.recv(1, socket.MSG_PEEK) == b"C" and not self._connect():
            return
        asked: list[str] = []

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            asked.append((name or "").lower())
            connection.context = proxy.context(asked[0] or "localhost")

        greeting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        greeting.sni_callback = choose
        self.request.settimeout(TIMEOUT)
        with greeting.wrap_socket(self.request, server_side=True) as connection:
            host = asked[0] if asked else ""
            if host in proxy.openai:
                with socket.create_connection(("127.0.0.1", proxy.openai_port), TIMEOUT) as upstream:
                    splice(connection, upstream)
            else:
                _Http(connection, self.client_address, cast("socketserver.BaseServer", _Asked(proxy, host)))

    def _connect(self) -> bool:
        """Read the request that a proxy gets. The TLS greeting names the host again."""
        head = b""
        while b"\r\n\r\n" not in head:
            read = self.request.recv(1)
            if not read or len(head) > LONGEST_HEAD:
                return False
            head += read
        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True


class _Asked:
    """The proxy, and the host that a connection is for."""

    def __init__(self, proxy: TlsProxy, host: str) -> None:
        self.proxy, self.host = proxy, host


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """Take any method: API Gateway does."""
        parsed = super().parse_request()
        if parsed:
            setattr(self, f"do_{self.command}", self._take)
        return parsed

    def _take(self) -> None:
        asked = cast("_Asked", self.server)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        found = API_HOST.fullmatch(asked.host)
        if found is None:
            asked.proxy.strangers.append(asked.host)
            self._send((502, {}, f"The fake AWS has no host {asked.host!r}\n".encode()))
            return
        try:
            answer = asked.proxy.gateway.answer(
                found[1], found[2], self.command, self.path, list(self.headers.items()), body
            )
        except Exception:  # noqa: BLE001
            asked.proxy.failures.append(traceback.format_exc())
            answer = 500, {}, f"The fake AWS failed:\n{asked.proxy.failures[-1]}".encode()
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not isinstance(body, bytes):
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.closing(body):
                for piece in body:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


def splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""

    def carry(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join(TIMEOUT)
