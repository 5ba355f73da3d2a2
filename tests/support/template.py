"""template.yaml, as it was written: before SAM compiles it."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short functions as what they are applied to."""


def _plain(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _plain)


def read_template() -> Any:
    """Return the template."""
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Loader)


def find(document: Any, name: str) -> Any:
    """Return the first value of that name anywhere in a document."""
    inner = (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    )
    if isinstance(document, dict) and name in document:
        return document[name]
    return next((found for value in inner if (found := find(value, name)) is not None), None)
