"""The TLS policy of the API's address: whether a deployment changes it, and what that means.

Source: API Gateway developer guide, "Security policies for REST APIs in API Gateway" and "How to change a
security policy": a change takes about 15 minutes, in which the API answers and its ``apiStatus`` is UPDATING.
"""

import re
from pathlib import Path
from typing import Final

from travel_gpt.cli.console import Console
from travel_gpt.cli.deploy.stack import is_failed
from travel_gpt.cli.stack import Stack

OUTPUT: Final = "TlsPolicy"
"""The stack's output with the name of the policy; a stack without it has API Gateway's default."""

_POLICY: Final = re.compile(r"^ +SecurityPolicy: (\S+)$", re.MULTILINE)


def note(stack: Stack) -> str:
    """Say before a deployment whether it changes the policy of an API that is there.

    Args:
        stack: the stack as it is.

    Returns:
        A sentence for the plan; empty where nothing changes for a caller.
    """
    written = _POLICY.search(Path("template.yaml").read_text("utf-8"))
    if not stack.exists or is_failed(stack) or written is None or stack.outputs.get(OUTPUT) == written[1]:
        return ""
    before = stack.outputs.get(OUTPUT, "API Gateway's default, which takes TLS 1.0")
    return (
        f"The API's address changes its TLS policy from {before} to {written[1]}. That takes about 15 "
        "minutes, in which it answers as before. Then it refuses clients that know only older TLS versions."
    )


def show(console: Console, before: Stack, after: Stack, flags: str) -> None:
    """Say after a deployment that API Gateway is still changing the policy, if it is.

    Args:
        console: where to say it.
        before: the stack before the deployment.
        after: the stack after it.
        flags: the region's and profile's flags for printed commands.
    """
    now = after.outputs.get(OUTPUT)
    if not before.exists or is_failed(before) or now is None or now == before.outputs.get(OUTPUT):
        return
    api = after.outputs["ApiUrl"].split("/")[2].partition(".")[0]
    console.note(
        f"API Gateway needs about 15 minutes to change the TLS policy to {now}, and answers meanwhile. It is "
        "done when this says AVAILABLE:\n"
        f"  aws apigateway get-rest-api --rest-api-id {api} --query apiStatus --output text{flags}"
    )
