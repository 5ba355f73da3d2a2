"""Third-party servers that speak OpenAI's API, as processes on loopback.

They run from .venv/compatible (requirements/compatible.txt), which `scripts/environment.sh compatible` makes:
beside the project their dependencies would not resolve.
"""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PYTHON: Final = ROOT / ".venv/compatible/bin/python"
START_WITHIN: Final = 180.0
"""Seconds; LiteLLM takes 6 on a quiet machine, and several times that when its modules are compiled first."""


@dataclass(frozen=True)
class CompatibleServer:
    """A server that runs.

    Attributes:
        url: its root, such as `http://127.0.0.1:4000`.
        log: the file that its output goes to.
    """

    url: str
    log: Path


@contextlib.contextmanager
def litellm(folder: Path, *, key: str, upstream: str) -> Iterator[CompatibleServer]:
    """Run LiteLLM's proxy.

    The model `travel` is its own `mock_response`; `limited`, `full` and `broken` are its mocked failures,
    which it has on Chat Completions alone. `forwarded` goes to another server, whose failures it passes on.

    Args:
        folder: where its configuration and log go.
        key: the key that it lets in.
        upstream: the base URL of the other server.
    """
    mocked = {
        "travel": "Take tram 28.",
        "reasoning": "<think>A tram or a bus?</think>\n\nTake tram 28.",
        "limited": "litellm.RateLimitError",
        "full": "litellm.ContextWindowExceededError",
        "broken": "litellm.InternalServerError",
    }
    common = {"model": "openai/gpt-6-luna", "api_key": "sk-of-the-proxy-0000000000000000"}
    models = [
        {"model_name": name, "litellm_params": {**common, "mock_response": text}}
        for name, text in mocked.items()
    ]
    models.append({"model_name": "forwarded", "litellm_params": {**common, "api_base": upstream}})
    configuration = folder / "litellm.yaml"
    # JSON is YAML.
    configuration.write_text(
        json.dumps(
            {
                "model_list": models,
                "general_settings": {"master_key": key},
                "litellm_settings": {"num_retries": 0, "telemetry": False},
                "router_settings": {"num_retries": 0, "disable_cooldowns": True},
            }
        ),
        encoding="utf-8",
    )
    # The variable keeps it from fetching a price list.
    environment = {"CONFIG_FILE_PATH": str(configuration), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    app = "litellm.proxy.proxy_server:app"
    with _serve(app, folder, environment, ready="/health/liveliness") as server:
        yield server


@contextlib.contextmanager
def toolkit(folder: Path, *, key: str) -> Iterator[CompatibleServer]:
    """Run a server made with fastapi-openai-compat (see `toolkit_app`).

    Args:
        folder: where its log goes.
        key: the key that it lets in.
    """
    app = "tests.fakes.compatible.toolkit_app:app"
    with _serve(app, folder, {"TOOLKIT_KEY": key}, ready="/docs") as server:
        yield server


@contextlib.contextmanager
def _serve(app: str, folder: Path, environment: dict[str, str], *, ready: str) -> Iterator[CompatibleServer]:
    if not PYTHON.exists():
        pytest.skip("There is no .venv/compatible here: scripts/environment.sh compatible makes it.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"{app.partition('.')[0]}.log"
    # A dead proxy: whatever it would fetch fails at once, on a machine with a network too.
    nowhere = {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **nowhere, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = CompatibleServer(f"http://127.0.0.1:{port}", log)
    try:
        _wait_for(server, ready, process)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(server: CompatibleServer, ready: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), opener.open(server.url + ready, timeout=5):
            return
        time.sleep(0.2)
    text = server.log.read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"the server did not start within {START_WITHIN} s:\n{text[-2000:]}")
