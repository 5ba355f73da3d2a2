"""Servers for the tests: `make run` on a free port of 127.0.0.1, and a page of another site."""

import itertools
import json
import os
import queue
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.browser.directions import REPLY
from tests.browser.proxy import PAGE

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / ".venv/run/bin/python"
_STARTED: Final = "Ctrl-C stops it."
_WITHIN: Final = 120.0
"""Seconds: other suites may run at the same time."""
_NUMBERS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody whom the owner invited."""

    name: str
    client: str
    code: str

    @property
    def fragment(self) -> str:
        """The fragment of the invitation's link."""
        return f"#invitation={self.code}"


class LocalServer:
    """`make run`.

    Args:
        access: ``open`` or ``api-key``.
        variables: further variables of its environment.
    """

    def __init__(self, access: str, **variables: str) -> None:
        self.log: list[str] = []
        self._replies: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._started: queue.SimpleQueue[str] = queue.SimpleQueue()
        # Nothing of the user's: neither keys, nor a proxy, nor other settings.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        environment |= {"THROTTLE_RATE": "1000", "THROTTLE_BURST": "1000", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [PYTHON, "-m", "tests.browser.local_server", "--port", "0", "--access", access],
            # Away from a file .env of the user's.
            cwd=ROOT / "web",
            env=environment | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.port = int(self._started.get(timeout=_WITHIN).split(":")[2].partition("/")[0])
        except (queue.Empty, IndexError):
            self.close()
            raise AssertionError("The local server did not start:\n" + "\n".join(self.log)) from None
        self.page = f"http://127.0.0.1:{self.port}{PAGE}"

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def invite(self, *, devices: int = 1, budget: str = "2/month", expires: str = "30d") -> Guest:
        """Add a guest with an invitation."""
        name = f"guest-{next(_NUMBERS)}"
        made = self._tell("invite", name=name, devices=devices, budget=budget, expires=expires)
        return Guest(name, made["client"], made["code"])

    def disable(self, guest: Guest) -> None:
        """End a guest's access."""
        self._tell("disable", client=guest.client)

    def _tell(self, do: str, **values: Any) -> dict[str, str]:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self._process.stdin.flush()
        reply = self._replies.get(timeout=_WITHIN)
        assert "failed" not in reply, reply
        return reply

    def _read(self) -> None:
        assert self._process.stdout
        address = ""
        for line in self._process.stdout:
            if line.startswith(REPLY):
                self._replies.put(json.loads(line.removeprefix(REPLY)))
                continue
            self.log.append(line.rstrip("\n"))
            if line.startswith("Travel GPT runs on "):
                address = line
            if line.startswith(_STARTED):
                self._started.put(address)
        self._started.put("")


def redeem(page: str, guest: Guest, nonce: str = "n" * 43) -> dict[str, Any]:
    """Accept an invitation without a browser, and return the cookie for one."""
    origin = page.removesuffix(PAGE)
    request = urllib.request.Request(
        f"{page}/api/redeem",
        json.dumps({"code": guest.code, "nonce": nonce, "device": "A test"}).encode(),
        {"Content-Type": "application/json", "X-Travel-GPT": "page", "Origin": origin},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_WITHIN) as answer:
        cookie = SimpleCookie(answer.headers["Set-Cookie"])
    ((name, morsel),) = cookie.items()
    return {
        "name": name,
        "value": morsel.value,
        "url": origin,
        "httpOnly": bool(morsel["httponly"]),
        "sameSite": morsel["samesite"],
    }


@contextmanager
def other_site(html: str) -> Iterator[str]:
    """Serve a page of another site, and return its address: `localhost` is another site than 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
