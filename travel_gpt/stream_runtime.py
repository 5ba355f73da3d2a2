"""The runtime of the function that streams: it takes invocations from Lambda, and sends responses in pieces.

Lambda's managed Python runtime sends a response when it is complete. So ``stream_wrapper``, beside this file,
starts this module in the place of its client (awslambdaric), and this module speaks the same Runtime API.

Delete both files once the managed Python runtime streams (aws/aws-lambda-roadmap, issue 39): remove
``AWS_LAMBDA_EXEC_WRAPPER`` from template.yaml, and let ``travel_gpt.stream_handler`` return what that runtime
takes. Nothing else depends on them.

Sources: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes" and "Building a custom
runtime for AWS Lambda" (Implementing response streaming); API Gateway Developer Guide, "Set up a Lambda proxy
integration with payload response streaming". tests/integration/test_stream_runtime_recorded.py compares its
requests with those of the runtimes that AWS publishes.
"""

import base64
import http.client
import json
import logging
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import ExitStack, closing
from typing import Any, Final, Protocol

from travel_gpt import __version__
from travel_gpt.redaction import redact

API: Final = "/2018-06-01/runtime"
DELIMITER: Final = bytes(8)
"""What stands between the metadata of a response and its body."""
ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"
USER_AGENT: Final = f"travel-gpt-stream-runtime/{'.'.join(map(str, sys.version_info[:3]))}-{__version__}"
STREAM_HEADERS: Final = (
    ("Lambda-Runtime-Function-Response-Mode", "streaming"),
    ("Trailer", ERROR_TYPE),
    ("Trailer", ERROR_BODY),
    # Lambda reads metadata from the beginning of the body only where the body has this type.
    ("Content-Type", "application/vnd.awslambda.http-integration-response"),
    ("Transfer-Encoding", "chunked"),
    ("User-Agent", USER_AGENT),
)

_logger: Final = logging.getLogger("travel_gpt.stream_runtime")


class Chunks(Protocol):
    """The pieces of a body. Closing them ends what makes them."""

    def __next__(self) -> bytes:
        """Return the next piece."""
        ...

    def close(self) -> None:
        """Make no more."""
        ...


class Context:
    """Lambda's context, with the names that it has in the managed runtime.

    Args:
        headers: those of the invocation.
    """

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""
        return max(0, self._deadline - int(time.time() * 1000))


class Log(logging.Handler):
    """The log as the managed runtime writes it: text, or JSON where AWS_LAMBDA_LOG_FORMAT says so.

    Unlike there, credentials are masked. Source: awslambdaric 4.2.2, bootstrap.py and
    lambda_runtime_log_utils.py; tests/e2e/test_stream_runtime.py compares the lines.

    Args:
        environment: the variables of the process.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        super().__init__()
        self.request_id = ""
        self._json = environment.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
        # Lambda reads lines with their level from here. Removed, since a child process must not write to it.
        pipe = environment.pop("_LAMBDA_TELEMETRY_LOG_FD", "")
        self._pipe = os.fdopen(int(pipe), "wb", 0) if pipe else None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line of a logger that has no handler of its own."""
        kind, error, trace = record.exc_info or (None, None, None)
        if not self._json:
            at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z"
            text = f"[{record.levelname}]\t{at}\t{self.request_id}\t{record.getMessage()}"
            if error is not None:
                text += "\n" + "".join(traceback.format_exception(error)).rstrip("\n")
            self._write(text, record.levelno, "\n")
            return
        line: dict[str, Any] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        if kind is not None:
            line["stackTrace"] = traceback.format_tb(trace)
            line |= {"errorType": kind.__name__, "errorMessage": str(error)}
        line["requestId"] = self.request_id
        if kind is not None:
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        extra = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        self._write_json({**line, **extra, **line}, record.levelno)

    def failure(self, failure: Exception) -> dict[str, Any]:
        """Log what ended an invocation or the start.

        Returns:
            It as Lambda takes errors, without credentials.
        """
        frames = traceback.extract_tb(failure.__traceback__)
        while frames and frames[0].filename == __file__:
            del frames[0]
        error = {
            "errorMessage": redact(str(failure)),
            "errorType": type(failure).__name__,
            "requestId": self.request_id,
            "stackTrace": [redact(frame) for frame in traceback.format_list(frames)],
        }
        if self._json:
            self._write_json({"level": "ERROR", **error}, logging.ERROR)
            return error
        lines = [
            f"[ERROR] {error['errorType']}: {error['errorMessage']}",
            "Traceback (most recent call last):",
        ]
        # Indented with no-break spaces, as there.
        trace = [(line.lstrip(" "), len(line)) for line in "".join(error["stackTrace"]).splitlines()]
        lines += ["\u00a0" * (length - len(text)) + text for text, length in trace]
        # On standard output a line feed would begin another entry of the log.
        self._write(("\n" if self._pipe else "\r").join(lines), logging.ERROR, "" if self._pipe else "\n")
        return error

    def _write_json(self, line: Mapping[str, Any], level: int) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._write(json.dumps({"timestamp": at, **line}, ensure_ascii=False, default=str), level, "\n")

    def _write(self, text: str, level: int, end: str) -> None:
        data = redact(text).encode("utf-8", "replace") + end.encode()
        if self._pipe is None:
            sys.stdout.write(data.decode())
            return
        tenth = min(5, level // 10)
        kind = 0xA55A0002 + (4 * tenth + 4 if tenth else 0) + (not self._json)
        frame = (
            kind.to_bytes(4, "big")
            + len(data).to_bytes(4, "big")
            + (time.time_ns() // 1000).to_bytes(8, "big")
        )
        self._pipe.write(frame + data)


_OF_EVERY_RECORD: Final = frozenset(vars(logging.makeLogRecord({})))


class ResponseRefused(Exception):
    """Lambda did not take a whole response."""


class RuntimeApi:
    """Lambda's Runtime API. Each request has a connection of its own: a response ends with its connection.

    Args:
        address: host and port (AWS_LAMBDA_RUNTIME_API).
        log: where failures of a body go.
    """

    def __init__(self, address: str, log: Log) -> None:
        self._address, self._log = address, log

    def next(self) -> tuple[http.client.HTTPMessage, bytes]:
        """Wait for an invocation, and return its headers and its event."""
        # Without a timeout: the environment is frozen meanwhile, for hours where no request comes.
        with closing(http.client.HTTPConnection(self._address)) as connection:
            connection.request("GET", f"{API}/invocation/next", headers={"User-Agent": USER_AGENT})
            response = connection.getresponse()
            event = response.read()
            if response.status != http.HTTPStatus.OK:
                # "Container error. Non-recoverable state. Runtime should exit promptly."
                raise http.client.HTTPException(
                    f"The Runtime API answered {response.status}: {event[:200]!r}"
                )
            return response.headers, event

    def report(self, path: str, error: Mapping[str, Any]) -> None:
        """Report a failure before the first byte of a response.

        Args:
            path: ``init`` or that of the invocation.
            error: as ``Log.failure`` returns it.
        """
        headers = {
            "Content-Type": "application/json",
            ERROR_TYPE: error["errorType"],
            "User-Agent": USER_AGENT,
        }
        with closing(http.client.HTTPConnection(self._address)) as connection:
            connection.request("POST", f"{API}/{path}/error", json.dumps(error).encode(), headers)
            _require_accepted(connection)

    def send(self, path: str, metadata: Mapping[str, Any], first: bytes, rest: Chunks) -> None:
        """Send a response, each piece as soon as there is one.

        Args:
            path: that of the invocation.
            metadata: the status and the headers.
            first: the first piece of the body.
            rest: the others. What it raises is reported after the last piece.

        Raises:
            OSError: the connection ended before Lambda had the whole response.
            ResponseRefused: Lambda did not take the whole response.
        """
        with closing(http.client.HTTPConnection(self._address)) as connection:
            connection.putrequest("POST", f"{API}/{path}/response", skip_accept_encoding=True)
            for header in STREAM_HEADERS:
                connection.putheader(*header)
            connection.endheaders()
            data = _chunk(json.dumps(metadata).encode()) + _chunk(DELIMITER) + _chunk(first)
            trailers: bytes | None = None
            while trailers is None:
                connection.send(data)
                try:
                    data = _chunk(next(rest))
                except StopIteration:
                    trailers = b""
                except Exception as failure:  # noqa: BLE001 - else Lambda would take this for the body's end
                    trailers = _trailers(self._log.failure(failure))
                # An answer before the end, or a closed connection: the rest would be paid for and not read.
                if trailers is None and select.select([connection.sock], [], [], 0)[0]:
                    _require_accepted(connection)
                    raise ResponseRefused("the Runtime API answered before the end of the response")
            connection.send(b"0\r\n" + trailers + b"\r\n")
            _require_accepted(connection)


def _chunk(data: bytes) -> bytes:
    # A chunk without bytes would end the body.
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def _trailers(error: Mapping[str, Any]) -> bytes:
    body = base64.b64encode(json.dumps(error).encode()).decode()
    return f"{ERROR_TYPE}: {error['errorType']}\r\n{ERROR_BODY}: {body}\r\n".encode()


def _require_accepted(connection: http.client.HTTPConnection) -> None:
    response = connection.getresponse()
    response.read()
    if response.status != http.HTTPStatus.ACCEPTED:
        raise ResponseRefused(f"the Runtime API answered {response.status}")


def answer(api: RuntimeApi, log: Log, handler: Callable[[Any, Context], Any]) -> None:
    """Answer the next invocation.

    Args:
        api: where it comes from.
        log: gets its id, and its failures.
        handler: returns a proxy response, or a response with ``status``, ``headers`` and ``chunks``.
    """
    headers, event = api.next()
    context = Context(headers)
    log.request_id = context.aws_request_id
    path = f"invocation/{context.aws_request_id}"
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    if trace_id := headers.get("Lambda-Runtime-Trace-Id"):
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    with ExitStack() as stack:
        try:
            try:
                metadata, chunks = _parts(handler(json.loads(event), context))
                stack.callback(_close, chunks, log)
                # With the first piece at hand, a failure until now is an error, and not half of a response.
                first = next(chunks, b"")
            except Exception as failure:  # noqa: BLE001 - whatever it is, Lambda is to know
                api.report(path, log.failure(failure))
            else:
                api.send(path, metadata, first, chunks)
        except (OSError, http.client.HTTPException, ResponseRefused) as failure:
            # The next request for work shows whether there is still a Runtime API.
            _logger.error(  # noqa: TRY400 - a trace through this file would say nothing more
                "Lambda did not take the whole response: %s", redact(str(failure))
            )


def _parts(response: Any) -> tuple[dict[str, Any], Chunks]:
    """Return the metadata and the body. A complete response has the same form: API Gateway takes no other."""
    if isinstance(response, Mapping):
        body = response["body"].encode("utf-8", "replace")
        return {name: response[name] for name in ("statusCode", "headers")}, _one(body)
    return {"statusCode": response.status, "headers": dict(response.headers)}, response.chunks


def _one(piece: bytes) -> Generator[bytes]:
    yield piece


def _close(chunks: Chunks, log: Log) -> None:
    try:
        chunks.close()
    except Exception as failure:  # noqa: BLE001 - the response is sent: all that is left is the log
        log.failure(failure)


def main() -> None:
    """Answer invocations until Lambda ends the process."""
    # Lambda reads standard output by lines, and freezes the process after each response.
    for output in (sys.stdout, sys.stderr):
        output.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log = Log(os.environ)
    logging.getLogger().addHandler(log)
    if level := os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("TRACE", "DEBUG"):
        logging.getLogger().setLevel(level)
    # Raised where the process is: an open body is closed, and what it cost is settled.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"], log)
    try:
        from travel_gpt.stream_handler import stream
    except Exception as failure:  # noqa: BLE001 - whatever it is, Lambda is to know
        api.report("init", log.failure(failure))
        sys.exit(1)
    while True:
        answer(api, log, stream)


if __name__ == "__main__":
    main()
