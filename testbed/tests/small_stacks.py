"""Small stacks, to try the fake AWS itself on."""

import io
import json
import uuid
import zipfile
from typing import Any

from testbed.fake_aws import FakeAws

STACK = "small"
# A parameter that keeps the value it has.
PREVIOUS = None
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    ],
}
# Answers with the query and the id of the caller's key.
HANDLER = """
import json

def lambda_handler(event, context):
    seen = [event["queryStringParameters"], event["requestContext"]["identity"].get("apiKeyId")]
    return {"statusCode": 200, "body": json.dumps(seen)}
"""


# Speaks Lambda's Runtime API: metadata, eight null bytes, what the path and the handler's event had, a pause,
# and a line end.
RUNTIME = """
import http.client, json, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event = json.loads(answer.read())
    metadata = {"statusCode": 201, "headers": {"Content-Type": "text/event-stream"}}
    seen = [event["resource"], event["path"], event["pathParameters"]]
    parts = [json.dumps(metadata).encode(), bytes(8), json.dumps(seen).encode()]
    if event["queryStringParameters"]:
        del parts[1]
    def paced(parts):
        yield from parts
        time.sleep(0.3)
        yield b"\\n"
    path = f"/2018-06-01/runtime/invocation/{answer.headers['Lambda-Runtime-Aws-Request-Id']}/response"
    headers = {
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Content-Type": "application/vnd.awslambda.http-integration-response",
        "Transfer-Encoding": "chunked",
    }
    api.request("POST", path, paced(parts), headers, encode_chunked=True)
    api.getresponse().read()
"""
WRAPPER = """#!/bin/sh
exec "$1" "$LAMBDA_TASK_ROOT/travel_gpt/runtime.py"
"""


def template(resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """A template of these resources, with further sections by name."""
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, **sections}


def submit(
    aws: FakeAws, body: dict[str, Any], parameters: dict[str, str | None] | None = None, **more: Any
) -> dict[str, Any]:
    """Ask for a change and return the change set's description."""
    client = aws.client("cloudformation")
    known = [
        s["StackName"] for s in client.describe_stacks()["Stacks"] if s["StackStatus"] != "REVIEW_IN_PROGRESS"
    ]
    made = client.create_change_set(
        StackName=STACK,
        ChangeSetName=f"change-{uuid.uuid4()}",
        ChangeSetType="UPDATE" if STACK in known else "CREATE",
        TemplateBody=json.dumps(body),
        Parameters=[
            {"ParameterKey": name, "UsePreviousValue": True}
            if value is PREVIOUS
            else {"ParameterKey": name, "ParameterValue": value}
            for name, value in (parameters or {}).items()
        ],
        **{"Capabilities": ["CAPABILITY_IAM"], **more},
    )
    described: dict[str, Any] = client.describe_change_set(ChangeSetName=made["Id"])
    return described


def deploy(
    aws: FakeAws, body: dict[str, Any], parameters: dict[str, str | None] | None = None, **more: Any
) -> dict[str, Any]:
    """Ask for a change, make it, and return the stack's description."""
    client = aws.client("cloudformation")
    client.execute_change_set(ChangeSetName=submit(aws, body, parameters, **more)["ChangeSetId"])
    found: dict[str, Any] = client.describe_stacks(StackName=STACK)["Stacks"][0]
    return found


def reasons(aws: FakeAws) -> str:
    """Everything that went wrong in the stack's history."""
    events = aws.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    return "\n".join(
        e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("_FAILED")
    )


def log_group(days: Any = 7, **more: Any) -> dict[str, Any]:
    """A log group named /small."""
    properties = {"LogGroupName": "/small", "RetentionInDays": days}
    return {"Type": "AWS::Logs::LogGroup", "Properties": properties, **more}


def api(aws: FakeAws, *, key_required: bool, deployment: str = "Deployment") -> dict[str, Any]:
    """An API with one GET on /here, its function, a stage, a key and a usage plan.

    Args:
        cloud: where the function's code is put.
        key_required: whether GET asks for a key.
        deployment: the logical id of the API's deployment.
    """
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("travel_gpt/__init__.py", "")
        package.writestr("travel_gpt/handler.py", HANDLER)
        package.writestr("travel_gpt/runtime.py", RUNTIME)
        executable = zipfile.ZipInfo("travel_gpt/wrapper")
        executable.external_attr = 0o100755 << 16
        package.writestr(executable, WRAPPER)
    s3.put_object(Bucket="code", Key="code.zip", Body=packed.getvalue())
    uri = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    method: dict[str, Any] = {
        "x-amazon-apigateway-integration": {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": {"Fn::Sub": uri},
        }
    }
    if key_required:
        method["security"] = [{"key": []}]
    body = {
        "openapi": "3.0.1",
        "info": {"title": "small", "version": "1"},
        "paths": {"/here": {"get": method}},
        "components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
        "x-amazon-apigateway-gateway-responses": {
            "INVALID_API_KEY": {"responseTemplates": {"application/json": '{"code":"no key"}'}}
        },
    }
    source = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/Prod/GET/here"
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": LAMBDA_TRUST}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "small",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Runtime": "python3.13",
                "Handler": "travel_gpt.handler.lambda_handler",
                "Code": {"S3Bucket": "code", "S3Key": "code.zip"},
            },
        },
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}},
        deployment: {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "DeploymentId": {"Ref": deployment},
                "StageName": "Prod",
            },
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Function"},
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": source},
            },
        },
        "Key": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Name": "small", "Enabled": True}},
        "Plan": {
            "Type": "AWS::ApiGateway::UsagePlan",
            "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]},
        },
        "PlanKey": {
            "Type": "AWS::ApiGateway::UsagePlanKey",
            "Properties": {"KeyId": {"Ref": "Key"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}},
        },
    }


def streaming_api(aws: FakeAws, **integration: Any) -> dict[str, Any]:
    """The same with a GET on /here/{id} that streams.

    Args:
        aws: where the function's code is put.
        integration: what differs in the method's integration.
    """
    resources = api(aws, key_required=False)
    uri = (
        "arn:aws:apigateway:${AWS::Region}:lambda:path/2021-11-15/functions/${Function.Arn}"
        "/response-streaming-invocations"
    )
    method = {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": {"Fn::Sub": uri},
        "responseTransferMode": "STREAM",
        "timeoutInMillis": 900_000,
        **integration,
    }
    paths = {"/here/{id}": {"get": {"x-amazon-apigateway-integration": method}}}
    resources["Api"]["Properties"]["Body"]["paths"] = paths
    resources["Function"]["Properties"]["Environment"] = {
        "Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/travel_gpt/wrapper"}
    }
    source = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/Prod/GET/here/*"
    resources["Permission"]["Properties"]["SourceArn"] = {"Fn::Sub": source}
    return resources


URL = {"Url": {"Value": {"Fn::Sub": "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/Prod/here"}}}
