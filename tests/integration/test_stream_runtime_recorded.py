"""The requests of travel_gpt/stream_runtime.py and those of the runtimes that AWS publishes, field by field.

What they send was recorded on loopback, or is read in their source where it could not be run here:

- Node.js: aws/aws-lambda-nodejs-runtime-interface-client @ da5777a, src/RAPIDClient.js, ResponseStream.js and
  HttpResponseStream.js, run with Node.js 20.20.2 against a socket that kept the bytes.
- Rust, which AWS's Lambda Web Adapter (awslabs/aws-lambda-web-adapter @ 2194417, src/lib.rs) speaks through:
  aws/aws-lambda-rust-runtime @ 578bb6a, lambda-runtime/src/requests.rs and types.rs, read.
- Go: aws/aws-lambda-go @ 815d21f, lambda/runtime_api_client.go and events/apigw.go, read.

awslambdaric, the managed Python runtime's own client, is run beside ours in tests/e2e/test_stream_runtime.py.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.runtime_api import ARN, OK, RuntimeApi, Sent, by_name
from tests.support.recorded import recording
from tests.support.stream_process import started

# Each HTTP client has its own, and Lambda reads none of them.
OF_THE_CLIENT = {"host", "connection", "accept", "user-agent"}

# Recorded: Node.js.
NODE_STREAM: Any = {
    "method": "POST",
    "path": "/2018-06-01/runtime/invocation/{id}/response",
    "headers": {
        "lambda-runtime-function-response-mode": ["streaming"],
        "trailer": ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"],
        "content-type": ["application/vnd.awslambda.http-integration-response"],
        "transfer-encoding": ["chunked"],
    },
    "chunks": [
        '{"statusCode":200,"headers":{"Content-Type":"text/event-stream"},"cookies":[]}',
        "\0" * 8,
        "event: start\n\n",
        "event: done\n\n",
    ],
    "trailers": [],
}
# Recorded: Node.js, a TypeError("broke") after the first piece. Its trace was cut here.
NODE_TRAILERS = [
    ("Lambda-Runtime-Function-Error-Type", "TypeError"),
    (
        "Lambda-Runtime-Function-Error-Body",
        base64.b64encode(
            b'{"errorType":"TypeError","errorMessage":"broke","trace":["TypeError: broke"]}'
        ).decode(),
    ),
]
# Recorded: Node.js, a TypeError("init broke") at the start; content-length is that of the body.
NODE_INIT_ERROR: Any = {
    "method": "POST",
    "path": "/2018-06-01/runtime/init/error",
    "headers": {
        "content-type": ["application/json"],
        "lambda-runtime-function-error-type": ["TypeError"],
    },
    "body": {"errorType": "TypeError", "errorMessage": "init broke", "trace": ["TypeError: init broke"]},
}
# Read: Rust, requests.rs, StreamingResponse; header_map and append give two lines of Trailer.
RUST_HEADERS = {
    "transfer-encoding": ["chunked"],
    "lambda-runtime-function-response-mode": ["streaming"],
    "trailer": ["Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"],
    "content-type": ["application/vnd.awslambda.http-integration-response"],
}
# Read: Rust, types.rs, MetadataPrelude; Go, events/apigw.go, leaves out those that are empty.
RUST_METADATA = ("statusCode", "headers", "cookies")
GO_METADATA = ("statusCode", "headers", "multiValueHeaders", "cookies")
# Read: the members of the error in the body of the trailer. Each runtime names the trace in its own way.
MEMBERS = {
    "node": {"errorType", "errorMessage", "trace"},
    "go": {"errorType", "errorMessage", "stackTrace"},
}

HANDLER = """
from types import SimpleNamespace

def pieces(breaks):
    yield b"event: start\\n\\n"
    if breaks:
        raise TypeError("broke")
    yield b"event: done\\n\\n"

def stream(event, context):
    headers = {"Content-Type": "text/event-stream"}
    if event == "error":
        raise TypeError("broke")
    return SimpleNamespace(status=200, headers=headers, chunks=pieces(event == "breaks"))
"""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sent]]:
    """What our runtime sends: a stream, one that breaks, and an error before the first byte."""
    with RuntimeApi() as api, started(api, tmp_path_factory.mktemp("runtime"), HANDLER):
        ids = {event: api.invoke(event) for event in ("whole", "breaks", "error")}
        api.wait("/error")
        yield {
            "next": api.wait("/next"),
            **{event: next(each for each in api.sent if of in each.path) for event, of in ids.items()},
        }


def fields(one: Sent) -> dict[str, list[str]]:
    """The headers, without those that belong to an HTTP client."""
    return {name: values for name, values in by_name(one.headers).items() if name not in OF_THE_CLIENT}


def test_a_stream_is_that_of_node(sent: dict[str, Sent]) -> None:
    ours = sent["whole"]
    request_id = ours.path.split("/")[-2]

    assert (ours.method, ours.path) == (NODE_STREAM["method"], NODE_STREAM["path"].format(id=request_id))
    assert fields(ours) == NODE_STREAM["headers"]
    theirs = NODE_STREAM["chunks"]
    chunks = [chunk.decode() for _, chunk in ours.chunks]
    assert chunks[1:] == theirs[1:]
    # No cookies: a response of ours has none, and Go leaves out an empty list.
    assert json.loads(chunks[0]) == {k: v for k, v in json.loads(theirs[0]).items() if k != "cookies"}
    assert ours.trailers == NODE_STREAM["trailers"]


def test_a_stream_has_the_headers_of_rust_and_the_web_adapter(sent: dict[str, Sent]) -> None:
    assert fields(sent["whole"]) == RUST_HEADERS


@pytest.mark.parametrize("theirs", [RUST_METADATA, GO_METADATA])
def test_the_metadata_has_known_members_in_their_order(
    sent: dict[str, Sent], theirs: tuple[str, ...]
) -> None:
    ours = list(json.loads(sent["whole"].chunks[0][1]))

    assert ours == [name for name in theirs if name in ours]
    assert len(sent["whole"].chunks[0][1]) < 16 * 1024 - 8, "API Gateway looks for the delimiter in 16 KB"


def test_an_error_after_the_first_byte_is_in_trailers_as_node_and_go_send_them(sent: dict[str, Sent]) -> None:
    ours = sent["breaks"]

    assert [name for name, _ in ours.trailers] == [name for name, _ in NODE_TRAILERS]
    assert ours.trailers[0] == NODE_TRAILERS[0]
    body, theirs = (json.loads(base64.b64decode(each[1][1])) for each in (ours.trailers, NODE_TRAILERS))
    assert theirs.keys() == MEMBERS["node"]
    assert {name: body[name] for name in ("errorType", "errorMessage")} == {
        name: theirs[name] for name in ("errorType", "errorMessage")
    }
    assert MEMBERS["go"] <= body.keys()
    # The Rust runtime sends the same two lines as one more chunk of the body (types.rs, to_tailer), where a
    # reader takes them for text. Ours does not.
    assert b"Lambda-Runtime" not in ours.body


def test_a_failure_at_the_start_is_reported_as_node_does(tmp_path: Path) -> None:
    with RuntimeApi() as api, started(api, tmp_path, "raise TypeError('init broke')"):
        ours = api.wait("/runtime/init/error")

    assert (ours.method, ours.path) == (NODE_INIT_ERROR["method"], NODE_INIT_ERROR["path"])
    headers = {name: values for name, values in fields(ours).items() if name != "accept-encoding"}
    assert headers.pop("content-length") == [str(len(ours.body))]
    assert headers == NODE_INIT_ERROR["headers"]
    body = NODE_INIT_ERROR["body"]
    assert {name: ours.json[name] for name in ("errorType", "errorMessage")} == {
        name: body[name] for name in ("errorType", "errorMessage")
    }


def test_work_is_asked_for_without_a_body(sent: dict[str, Sent]) -> None:
    # Read: Node.js, RAPIDClient.js nextInvocation; Rust, requests.rs NextEventRequest.
    assert (sent["next"].method, sent["next"].path) == ("GET", "/2018-06-01/runtime/invocation/next")
    assert fields(sent["next"]).keys() <= {"accept-encoding"}
    assert sent["next"].body == b""


@pytest.mark.parametrize("request_of_ours", ["next", "whole", "error"])
def test_each_request_names_its_runtime(sent: dict[str, Sent], request_of_ours: str) -> None:
    # Read: the others have "aws-lambda-rust/1.0.1", "aws-lambda-python/3.13.0-4.2.2".
    (agent,) = sent[request_of_ours].values("User-Agent")

    assert agent.startswith("travel-gpt-stream-runtime/3.")


def test_the_runtime_api_of_the_tests_gives_the_recorded_headers() -> None:
    recorded = recording("lambda-runtime-api/next invocation/headers-real-container")
    with RuntimeApi() as api:
        api.invoke({"hello": "world!"})
        _, headers, _ = api._next("/2018-06-01/runtime/invocation/next")

    assert {name.lower() for name in headers} == recorded.headers.keys() - {"date", "content-length"}
    assert headers["Lambda-Runtime-Trace-Id"] == recorded.headers["lambda-runtime-trace-id"]
    assert headers["Lambda-Runtime-Invoked-Function-Arn"].startswith(ARN.rpartition(":")[0])
    assert len(headers["Lambda-Runtime-Deadline-Ms"]) == len(recorded.headers["lambda-runtime-deadline-ms"])
    answer = recording("lambda-runtime-api/invocation response POST/answer-to-the-runtime")
    assert json.loads(OK) == (json.loads(answer.body) if isinstance(answer.body, str) else answer.body)


def test_what_was_read_is_in_the_recording() -> None:
    rust = recording("lambda-runtime-api/InvokeWithResponseStream runtime POST/rust-streaming-headers").body
    for name, values in RUST_HEADERS.items():
        for value in values:
            assert f'"{name.title()}", "{value}"' in rust.replace("\n                    ", " ")
    node = recording("lambda-runtime-api/InvokeWithResponseStream runtime POST/node-streaming-headers").body
    for value in NODE_STREAM["headers"]["trailer"]:
        assert f"'{value}'" in node
    prelude = recording("lambda-runtime-api/InvokeWithResponseStream prelude/go-test-bytes").body
    document, _, _ = prelude.partition("\0" * 8)
    assert list(json.loads(document)) == [name for name in GO_METADATA if name in json.loads(document)]
