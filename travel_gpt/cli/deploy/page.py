"""The web page: its address after a deployment, and how to let people ask on it."""

from typing import Final

from travel_gpt.cli.deploy.options import Options
from travel_gpt.cli.stack import Stack

PARAMETER: Final = "WebPage"
"""The parameter, and the output that says what it is."""


def commands(stack: Stack, options: Options, flags: str) -> dict[str, str]:
    """Return what to show of the page after a deployment: each heading with its lines.

    Args:
        stack: the stack as it is now.
        options: what the person asked for.
        flags: the region's and profile's flags.
    """
    url = stack.outputs["PageUrl"]
    if stack.outputs.get(PARAMETER) != "enabled":
        return {
            "To have a web page to ask on": options.command("--parameter", f"{PARAMETER}=enabled"),
        }
    if stack.outputs.get("ApiAccess") == "open":
        return {"The web page, on which anybody may ask": url}
    invite = f"travel-gpt invite NAME --budget 2/month --expires 30d --stack {stack.name}{flags}"
    return {"The web page, and how to invite somebody to ask on it": f"{url}\n  {invite}"}
