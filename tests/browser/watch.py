"""What a browser complains about: errors in its console, exceptions, violations of the page's policy."""

import re
from typing import Final

from playwright.sync_api import ConsoleMessage, Page

_REPORT_VIOLATIONS: Final = """
    document.addEventListener("securitypolicyviolation", (event) =>
        reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


class Watch:
    """Collects the complaints of the pages of a test."""

    def __init__(self) -> None:
        self.violations: list[str] = []
        self._errors: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Expect complaints that a regular expression finds, such as those of a request that must fail."""
        self._expected.append(pattern)

    def unexpected(self) -> list[str]:
        """Return the complaints that no test expects."""
        return [
            each
            for each in [*self._errors, *self.violations]
            if not any(re.search(pattern, each) for pattern in self._expected)
        ]

    def note_violation(self, violation: str) -> None:
        """Take a violation of the page's policy."""
        self.violations.append(violation)

    def note(self, message: ConsoleMessage) -> None:
        """Take a line of the console."""
        if message.type in {"error", "warning"}:
            self._errors.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def fail(self, error: object) -> None:
        """Take an exception that nothing caught."""
        self._errors.append(f"exception: {error}")


def watched(page: Page, watch: Watch) -> Page:
    """Collect the complaints about a page, before it is opened, and about what it becomes."""
    page.on("console", watch.note)
    page.on("pageerror", watch.fail)
    page.expose_function("reportViolation", watch.note_violation)
    page.add_init_script(_REPORT_VIOLATIONS)
    return page
