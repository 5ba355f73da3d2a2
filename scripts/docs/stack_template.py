"""What template.yaml says about parameters and about the function's variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Reference:
    """``!Ref``: the value of a parameter, or of one of CloudFormation's own, such as ``AWS::StackName``."""

    name: str


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms; only ``!Ref`` is of interest here."""


def _short_form(loader: yaml.Loader, suffix: str, node: yaml.Node) -> object:
    del loader
    return Reference(str(node.value)) if suffix == "Ref" else None


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True, slots=True)
class StackTemplate:
    """The part of a template that the documentation shows."""

    parameters: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, str | Reference]
    """The function's environment variables."""

    @classmethod
    def read(cls, path: Path) -> "StackTemplate":
        """Read a template.

        Args:
            path: the template, in YAML.

        Returns:
            What it says.
        """
        document = _Loader(path.read_text(encoding="utf-8")).get_single_data()
        function = document["Resources"]["TravelGPTFunction"]["Properties"]
        return cls(document["Parameters"], function["Environment"]["Variables"])
