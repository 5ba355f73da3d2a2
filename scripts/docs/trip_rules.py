"""The rules that a planned trip is checked by, for docs/itineraries.md."""

from scripts.docs.tables import code, table
from travel_gpt.advisor.checks.run import CHECKS, Check


def rules_table() -> str:
    """Return each rule with its severity and what it says, as a table in Markdown."""
    return table(
        ("Rule", "Severity", "What it checks"),
        ((code(rule.name), rule.severity, _first_paragraph(check)) for rule, check in CHECKS),
    )


def _first_paragraph(check: Check) -> str:
    return " ".join((check.__doc__ or "").partition("\n\n")[0].split())
