"""The handler that most tutorials end with: everything imported at the top, a new client for each request."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from openai import OpenAI

logger = Logger()
metrics = Metrics()
tracer = Tracer()
secrets = boto3.client("secretsmanager")
secret: dict[str, str] = {}


@tracer.capture_method
def get_api_key() -> str:
    """Return the key, fetched once for each cold start."""
    if not secret:
        secret.update(
            json.loads(secrets.get_secret_value(SecretId=os.environ["OPENAI_SECRET_NAME"])["SecretString"])
        )
    return secret["api_key"]


@tracer.capture_method
def ask(query: str) -> tuple[str, str]:
    """Return the model's answer, and the model."""
    client = OpenAI(api_key=get_api_key(), base_url=os.environ["OPENAI_BASE_URL"])
    instructions, model = "You are a helpful travel assistant.", os.environ["OPENAI_MODEL"]
    if os.environ["OPENAI_API"] == "responses":
        response = client.responses.create(
            model=model, instructions=instructions, input=query, max_output_tokens=1500, store=False
        )
        return response.output_text, response.model
    completion = client.chat.completions.create(
        model=model,
        messages=[{"role": "system", "content": instructions}, {"role": "user", "content": query}],
        max_completion_tokens=1500,
    )
    return completion.choices[0].message.content or "", completion.model


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Answer one request."""
    metrics.add_metric(name="Requests", unit=MetricUnit.Count, value=1)
    if event["httpMethod"] == "GET":
        body: dict[str, Any] = {"status": "success", "has_api_key": bool(get_api_key())}
    else:
        answer, model = ask(json.loads(event["body"])["query"])
        body = {"status": "success", "answer": answer, "model": model}
    logger.info("Answered a request")
    headers = {"Content-Type": "application/json"}
    return {"statusCode": 200, "headers": headers, "body": json.dumps(body), "isBase64Encoded": False}
