"""The help of commands with many options: in groups, each with a heading."""

from typing import Any

from typer.core import TyperCommand


class CommandWithPanels(TyperCommand):
    """A command whose help has the options with a ``rich_help_panel`` under that, after the others.

    Typer itself does so only with Rich's markup, which the help does without.
    """

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the groups."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                group = getattr(parameter, "rich_help_panel", None) or usual
                groups.setdefault(group, []).append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
