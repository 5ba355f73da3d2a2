"""docs/errors.md."""

from dataclasses import dataclass
from typing import Final

from scripts.docs.failures import METHODS, OCCASIONS, OF_THE_ADDRESS, Occasion, meaning, of_the_function
from scripts.docs.tables import code, table
from travel_gpt.errors import HTTP_STATUS, TravelGPTError

_INTRODUCTION: Final = """\
<!-- Made by scripts/generate_docs.py from travel_gpt/errors.py; make docs writes it. -->
# Errors

Every failure has this body:

```json
{"status":"error","code":"invalid_json","message":"…","request_id":"…","timestamp":1234567890}
```

Programs look at `code`; `message` is for people, and its words may change. `request_id` finds the request in
the logs. Where the function answers a GET, the body has `has_api_key` and `credential_source` besides, and
`mode` and `last_call` where they are known. What API Gateway answers by itself has no `timestamp`; the access
log names it in `refusal`.

The function writes a line for each request that reaches it. `code` and `detail` in it say what happened; the
detail is for the owner and is not sent to the caller. [operations/alarms.md](operations/alarms.md) has
queries that search for them.
"""

# Codes that only API Gateway uses: there is no class for them.
GATEWAY_ONLY: Final = {
    "bad_request": (
        "API Gateway cannot understand the request.",
        "Check the request: its headers, its address and how it is sent.",
        "Look at `refusal` in the access log.",
    ),
    "rate_limited": (
        "More requests came than the stack lets through.",
        "Wait for the seconds in `Retry-After`, then try again.",
        "To let more through, raise `DailyQuota`, or `ThrottleRate` and its kin (docs/settings.md).",
    ),
}


def errors_page() -> str:
    """Return docs/errors.md."""
    failures: dict[str, type[TravelGPTError] | None] = {failure.code: failure for failure in HTTP_STATUS}
    codes = sorted({*failures, *GATEWAY_ONLY})
    entries = [_Entry(code, failures.get(code)) for code in codes]
    overview = table(
        ("Code", "Status", "What happened"),
        ((f"[`{entry.code}`](#{entry.code})", entry.statuses, entry.texts[0]) for entry in entries),
    )
    return f"{_INTRODUCTION}\n{overview}\n\n" + "\n".join(entry.section for entry in entries)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One code on the page."""

    code: str
    failure: type[TravelGPTError] | None
    """None where only API Gateway uses the code."""

    @property
    def texts(self) -> tuple[str, str, str]:
        """What happened, what the caller can do, what the owner can do."""
        if self.failure is None:
            return GATEWAY_ONLY[self.code]
        return meaning(self.failure), self.failure.advice, self.failure.remedy

    @property
    def occasions(self) -> dict[tuple[str, str], list[Occasion]]:
        """When API Gateway gives this code by itself: the same reason and status under several names."""
        grouped: dict[tuple[str, str], list[Occasion]] = {}
        for occasion in OCCASIONS:
            if occasion.refusal.code == self.code:
                grouped.setdefault((occasion.when, occasion.usual_status), []).append(occasion)
        return grouped

    @property
    def statuses(self) -> str:
        """Every status that the code comes with, and for which method where that matters."""
        told: dict[str, str] = {}
        if self.failure in OF_THE_ADDRESS:
            told[str(HTTP_STATUS[self.failure])] = ""
        for method in METHODS:
            for status, failure in of_the_function(method):
                if failure is self.failure:
                    told[str(status)] = f" ({method})" if str(status) not in told else ""
        if len(told) == 1:
            told = dict.fromkeys(told, "")
        for _, own in self.occasions:
            told.setdefault(own, " (API Gateway)" if told else "")
        return ", ".join(status + method for status, method in told.items())

    @property
    def section(self) -> str:
        happened, advice, remedy = self.texts
        messages = [self.failure.message] if self.failure else []
        messages += [kind.refusal.message for kinds in self.occasions.values() for kind in kinds]
        lines = [
            f"## {self.code}\n",
            f"{happened}\n",
            f"- **Status:** {self.statuses}",
            f"- **Message:** {' or '.join(code(message) for message in dict.fromkeys(messages))}",
            f"- **Caller:** {advice}",
            f"- **Owner:** {remedy}",
        ]
        for (when, status), kinds in self.occasions.items():
            wait = kinds[0].refusal.headers.get("Retry-After")
            waits = f", `Retry-After: {wait}`" if wait else ""
            names = ", ".join(code(kind.kind) for kind in kinds)
            lines.append(f"- **By API Gateway itself** ({names}): {when} Status {status}{waits}.")
        return "\n".join(lines) + "\n"
