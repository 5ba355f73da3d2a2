"""The stack itself and its function."""

from collections.abc import Iterator

import boto3

from travel_gpt.cli.arguments import looks_like_key
from travel_gpt.cli.doctor.check_result import CheckResult, ok, problem, warning
from travel_gpt.cli.doctor.stack.deployed import Deployed

REDEPLOY = "Run ./deploy.sh again."


def check_stack(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the outcome of the last deployment."""
    status = deployed.stack.status
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        yield ok("stack", f"{status}")
    elif status.endswith("_IN_PROGRESS"):
        yield warning("stack", f"{status}: a deployment is running", "Wait until it is done, then repeat.")
    elif status in {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"}:
        yield warning("stack", f"{status}: the last deployment failed and was rolled back", REDEPLOY)
    else:
        yield problem("stack", f"{status}", REDEPLOY)


def check_settings(deployed: Deployed) -> Iterator[CheckResult]:
    """Check the function's environment variables."""
    problems = deployed.settings.problems
    for wrong in problems:
        yield problem("settings", wrong, "Correct it: ./deploy.sh --parameter Name=Value")
    # Settings.load names its own; a key may as well be in a variable that Travel GPT does not read.
    known = " ".join(problems)
    for name, value in sorted(deployed.variables.items()):
        if name not in known and (looks_like_key(value) or name == "OPENAI_API_KEY"):
            yield problem(
                "settings",
                f"the variable {name} looks like a key, and everyone who may see the function sees it",
                "Revoke that key, and remove the variable: ./deploy.sh",
            )
    if not problems:
        yield ok("settings", "every variable of the function is valid")


def check_function(deployed: Deployed) -> Iterator[CheckResult]:
    """Check that the function can run."""
    state, last = (
        deployed.function.get("State", "Active"),
        deployed.function.get("LastUpdateStatus", "Successful"),
    )
    if state not in {"Active", "Inactive"} or last == "Failed":
        why = deployed.function.get("StateReason") or deployed.function.get("LastUpdateStatusReason") or ""
        yield problem("function", f"it is {state}, its last update {last}. {why}".strip(), REDEPLOY)
    else:
        yield ok("function", f"{deployed.function['FunctionName']}, {deployed.function.get('Runtime', '')}")
    answer = boto3.client("lambda").get_function_concurrency(FunctionName=deployed.function["FunctionName"])
    if answer.get("ReservedConcurrentExecutions") == 0:
        yield problem(
            "function",
            "its reserved concurrency is 0, so it is not run",
            f"aws lambda delete-function-concurrency --function-name {deployed.function['FunctionName']}",
        )
