"""The fake AWS, as a process: ``python -m testbed.server --port 0`` (in .venv/cloud).

It prints its address once it answers, and stops on SIGTERM. The paths under ``/fake-aws`` are the tests'
own: they set faults and read what happened. See README.md for what is emulated and how.
"""

import argparse
import functools
import gc
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from xml.sax.saxutils import escape

# Read by moto when it is imported.
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "1"
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.awslambda.models import lambda_backends
from moto.cloudformation import urls as cloudformation_urls
from moto.core import responses as moto_responses
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam import models as iam_models
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from testbed import access, logging_role
from testbed.moto_patches import (
    functions as function_patches,
    gateway as gateway_patches,
    kms_keys as key_patches,
    schedules as schedule_patches,
    secrets as secret_patches,
    tables as table_patches,
)
from testbed.stacks import service as cloudformation
from tests.fakes import identity

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
CONTROL = "/fake-aws/"
MANAGED_POLICIES = ("AmazonAPIGatewayPushToCloudWatchLogs", "AWSLambdaBasicExecutionRole", "ReadOnlyAccess")


class Quiet(MotoRequestHandler):
    """Serves without a line for every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the record of calls says more."""


def install() -> None:
    """Put the fake AWS's parts in the place of moto's."""
    _keep_few_managed_policies()
    _look_at_each_class_once()
    access.install()
    function_patches.install()
    gateway_patches.install()
    identity.install()
    key_patches.install()
    schedule_patches.install()
    secret_patches.install()
    table_patches.install()
    cloudformation_urls.url_paths["{0}/$"] = cloudformation.CloudFormation.dispatch


def _keep_few_managed_policies() -> None:
    """Know the managed policies that a deployment may name; all 1,300 of them cost seconds at every reset."""
    models: Any = iam_models
    known = json.loads(models.aws_managed_policies_data)
    kept = {name: known[name] for name in MANAGED_POLICIES}
    models.aws_managed_policies_data = json.dumps(kept)


def _look_at_each_class_once() -> None:
    """Keep the names of the operations of a service, which moto finds out for each request."""
    responses: Any = moto_responses
    responses.method_names_from_class = functools.cache(responses.method_names_from_class)


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """WSGI: the tests' own paths here, everything else to moto."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith(CONTROL):
        try:
            answer: Iterable[bytes] = aws(environ, start_response)
        except Exception as error:  # noqa: BLE001 - an error inside moto must fail the test
            traceback.print_exc()
            return _failure(environ, start_response, error)
        return answer
    length = int(environ.get("CONTENT_LENGTH") or 0)
    given = json.loads(environ["wsgi.input"].read(length) or b"{}")
    answered = CONTROLS[path.removeprefix(CONTROL)](given)
    content = answered if isinstance(answered, bytes) else json.dumps(answered, default=str).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]


def _failure(environ: Environ, start_response: StartResponse, error: Exception) -> Iterable[bytes]:
    """An error that a client does not try again, with a message it shows."""
    message = f"The fake AWS failed: {type(error).__name__}: {error}"
    query = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if query:
        kind = "text/xml"
        content = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>FakeAws</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
        )
    else:
        kind, content = "application/json", json.dumps({"__type": "FakeAws", "message": message})
    start_response("400 Bad Request", [("Content-Type", kind)])
    return [content.encode()]


def reset(_: dict[str, Any]) -> None:
    """Empty the account and forget every rule."""
    moto_api_backend.reset()
    cloudformation.refused.clear()
    identity.Federation.enabled = False
    access.rules.__dict__.update(access.Rules().__dict__)
    gateway_patches.naming.operation = logging_role.UpdateAccount()
    function_patches.Concurrency.limit = 1000


def set_rules(given: dict[str, Any]) -> None:
    """Set some of ``enforced``, ``denied``, ``refused``, ``federation``, ``update_account``, ``concurrency``.

    Any value of ``calls`` empties that.
    """
    rules = access.rules
    if "enforced" in given:
        rules.enforced = given["enforced"]
    if "denied" in given:
        rules.denied = given["denied"]
    if "refused" in given:
        cloudformation.refused.clear()
        cloudformation.refused.update(given["refused"])
    if "federation" in given:
        identity.Federation.enabled = given["federation"]
    if "update_account" in given:
        gateway_patches.naming.operation = logging_role.UpdateAccount(**given["update_account"])
    if "concurrency" in given:
        function_patches.Concurrency.limit = given["concurrency"]
    if "calls" in given:
        with rules.lock:
            rules.calls = []


def calls(_: dict[str, Any]) -> list[dict[str, Any]]:
    """Every call since the last reset."""
    with access.rules.lock:
        return list(access.rules.calls)


def stage(given: dict[str, str]) -> dict[str, Any] | None:
    """What a stage serves."""
    return gateway_patches.served(given["region"], DEFAULT_ACCOUNT_ID, given["api"], given["stage"])


def code(given: dict[str, str]) -> bytes:
    """A deployed function's zip."""
    function = lambda_backends[DEFAULT_ACCOUNT_ID][given["region"]].get_function(given["name"])
    content: bytes = function.code_bytes
    return content


CONTROLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "reset": reset,
    "rules": set_rules,
    "calls": calls,
    "stage": stage,
    "code": code,
}
aws = DomainDispatcherApplication(create_backend_app)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="The fake AWS.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--guarded", action="store_true", help="stop when stdin ends: the process that started it is gone"
    )
    options = parser.parse_args()
    install()
    server = make_server("127.0.0.1", options.port, application, threaded=True, request_handler=Quiet)
    # Clients must use this name: a template's address with a number in it is not one of S3's to moto.
    endpoint = f"http://localhost:{server.server_port}"
    os.environ[cloudformation.ENDPOINT_VARIABLE] = endpoint
    # At once: an orderly end would spend seconds on freeing what the kernel frees anyway.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if options.guarded:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    # What is imported stays: a search for garbage need not look at it.
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    print(endpoint, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
