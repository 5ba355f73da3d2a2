"""axe-core on a page as it is: its policy stays in force, and its scripts see nothing of the check."""

from importlib.resources import files
from typing import Any, Final

from playwright.sync_api import Page

_AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
# All rules, those of good practice too; the size of targets (WCAG 2.2, 2.5.8) is off by default.
_RUN: Final = "axe.run(document, {rules: {'target-size': {enabled: true}}, resultTypes: ['violations']})"


class Axe:
    """axe-core in a world of its own within a page.

    That world sees the document, but not the variables of the page, nor they those of axe. A script element
    would be refused by the page's policy, which stays in force.

    Args:
        page: the page, which must stay the same document.
    """

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        frame = self._session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = self._session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        self._context = world["executionContextId"]
        self._evaluate(_AXE)

    def violations(self) -> list[str]:
        """Return what is wrong on the page as it is now, each with the elements."""
        found = self._evaluate(_RUN)["violations"]
        return [
            f"{each['id']} ({each['impact']}): {each['help']}: "
            + "; ".join(f"{node['html'][:200]} [{node['failureSummary']}]" for node in each["nodes"])
            for each in found
        ]

    def _evaluate(self, expression: str) -> dict[str, Any]:
        asked = {"contextId": self._context, "awaitPromise": True, "returnByValue": True}
        answer = self._session.send("Runtime.evaluate", {"expression": expression, **asked})
        assert "exceptionDetails" not in answer, answer
        found: dict[str, Any] = answer["result"].get("value") or {}
        return found
