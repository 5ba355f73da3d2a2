"""The least that an answer can cost: the standard library only, and no error handled.

The secret comes over plain HTTP, the way the Secrets Manager extension hands it out, so that nothing has to
be signed. One connection to the model's server is kept.
"""

import http.client
import json
import os
from typing import Any
from urllib.parse import quote, urlsplit

_extension = urlsplit(os.environ["BENCHMARK_SECRETS_EXTENSION"])
_server = urlsplit(os.environ["OPENAI_BASE_URL"])
_connection = http.client.HTTPConnection(_server.netloc, timeout=28)
_responses = os.environ["OPENAI_API"] == "responses"
_key = ""


def _api_key() -> str:
    global _key
    if not _key:
        connection = http.client.HTTPConnection(_extension.netloc, timeout=2)
        connection.request(
            "GET", f"/secretsmanager/get?secretId={quote(os.environ['OPENAI_SECRET_NAME'], safe='')}"
        )
        _key = json.loads(json.loads(connection.getresponse().read())["SecretString"])["api_key"]
        connection.close()
    return _key


def _ask(path: str, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {_api_key()}", "Content-Type": "application/json"}
    _connection.request("POST", f"{_server.path}{path}", json.dumps(body), headers)
    return json.loads(_connection.getresponse().read())


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer one request."""
    if event["httpMethod"] == "GET":
        return _reply({"status": "success", "has_api_key": bool(_api_key())})
    query, model = json.loads(event["body"])["query"], os.environ["OPENAI_MODEL"]
    if _responses:
        said = _ask("/responses", {"model": model, "input": query, "max_output_tokens": 1500, "store": False})
        answer = said["output"][0]["content"][0]["text"]
    else:
        messages = [{"role": "user", "content": query}]
        said = _ask(
            "/chat/completions", {"model": model, "messages": messages, "max_completion_tokens": 1500}
        )
        answer = said["choices"][0]["message"]["content"]
    return _reply({"status": "success", "answer": answer, "model": said["model"]})


def _reply(body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
