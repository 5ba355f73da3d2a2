"""Events as CloudTrail keeps them, and the command line that looks them up.

Recorded: cloudtrail/GetSecretValue, cloudtrail/BatchGetSecretValue and cloudtrail/ListSecrets.
"""

import json
import sys
from pathlib import Path
from typing import Any

Event = dict[str, Any]

ACCOUNT = "123456789012"
REGION = "eu-west-1"
FUNCTION = (
    f"arn:aws:sts::{ACCOUNT}:assumed-role/travel-gpt-backend-TravelGPTFunctionRole-1AB2CD3EF4GH"
    "/travel-gpt-backend-TravelGPTFunction"
)
# aws, as far as a look-up goes: what the service filters by, and --query over what it answers.
_AWS = """\
#!{python}
import json, sys
import jmespath
assert sys.argv[1:3] == ["cloudtrail", "lookup-events"], sys.argv
options = dict(zip(sys.argv[3::2], sys.argv[4::2], strict=True))
asked = dict(pair.split("=") for pair in options.pop("--lookup-attributes").split(","))
with open({events!r}) as file:
    events = json.load(file)
found = [each for each in events if each[asked["AttributeKey"]] == asked["AttributeValue"]]
answer = jmespath.search(options.pop("--query"), {{"Events": found}})
if options.pop("--output") == "json":
    print(json.dumps(answer))
else:
    print("\\n".join("\\t".join(row) for row in answer))
assert not options, options
"""


def call(name: str, who: str, parameters: Event | None, **more: Any) -> Event:
    """An API call to Secrets Manager.

    Args:
        name: the action.
        who: the caller's ARN.
        parameters: of the request, as the caller wrote them.
        more: fields that differ from the usual.
    """
    return {
        "eventVersion": "1.11",
        "userIdentity": _identity(who),
        "eventTime": "2026-11-21T08:00:00Z",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "Boto3/1.43.0",
        "requestParameters": parameters,
        "responseElements": None,
        "requestID": "6c1a2b3c-0000-4000-8000-000000000001",
        "eventID": "6c1a2b3c-0000-4000-8000-000000000002",
        "readOnly": name.startswith(("Get", "List", "Describe", "Batch")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"secretsmanager.{REGION}.amazonaws.com",
        },
        **more,
    }


def _identity(who: str) -> Event:
    """Who called. A session names the role that issued it; root's principal is the account."""
    session = who.rsplit("/", 1)[-1]
    if who.endswith(":root"):
        return {"type": "Root", "principalId": ACCOUNT, "arn": who, "accountId": ACCOUNT, **_session({})}
    if ":assumed-role/" not in who:
        caller = {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": who, "accountId": ACCOUNT}
        return {**caller, "accessKeyId": "AKIAEXAMPLE", "userName": session}
    role = who.split("/")[1]
    issuer = {
        "type": "Role",
        "principalId": "AROAEXAMPLE",
        "arn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "accountId": ACCOUNT,
        "userName": role,
    }
    caller = {"type": "AssumedRole", "principalId": f"AROAEXAMPLE:{session}", "arn": who}
    return {**caller, "accountId": ACCOUNT, **_session(issuer)}


def _session(issuer: Event) -> Event:
    attributes = {"creationDate": "2026-11-21T07:00:00Z", "mfaAuthenticated": "false"}
    context = {"sessionIssuer": issuer, "attributes": attributes}
    return {"accessKeyId": "ASIAEXAMPLE", "sessionContext": context}


def of_the_service(name: str, secret: str, **more: Any) -> Event:
    """Something that Secrets Manager does by itself, such as RotationStarted."""
    return {
        **call(name, f"arn:aws:sts::{ACCOUNT}:assumed-role/none/none", None),
        "userIdentity": {"accountId": ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"},
        "sourceIPAddress": "secretsmanager.amazonaws.com",
        "eventType": "AwsServiceEvent",
        "additionalEventData": {"SecretId": secret},
        **more,
    }


def written(event: Event) -> str:
    """An event as a line: compact, as CloudTrail writes it."""
    return json.dumps(event, separators=(",", ":"))


def lay_out_aws(folder: Path, events: list[Event]) -> None:
    """Put a command ``aws`` into a folder that looks up these events, newest first as the service does."""
    looked_up = [
        {
            "EventId": each["eventID"],
            "EventName": each["eventName"],
            "EventTime": each["eventTime"],
            "EventSource": each["eventSource"],
            "Username": each["userIdentity"].get("arn", "").rsplit("/", 1)[-1],
            "Resources": [],
            "CloudTrailEvent": written(each),
        }
        for each in sorted(events, key=lambda each: str(each["eventTime"]), reverse=True)
    ]
    (folder / "events.json").write_text(json.dumps(looked_up))
    command = folder / "aws"
    command.write_text(_AWS.format(python=sys.executable, events=str(folder / "events.json")))
    command.chmod(0o755)
