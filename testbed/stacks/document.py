"""A template's text, read as CloudFormation reads it: YAML, the SAM transform, parameters and their rules."""

import copy
import functools
import json
import re
from dataclasses import dataclass
from typing import Any

import boto3
import yaml
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.arn_generator import ArnGenerator
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template
from samtranslator.yaml_helper import intrinsics_multi_constructor

from testbed.stacks.rules import broken


class _Loader(yaml.CSafeLoader):
    """What ``samtranslator.yaml_helper`` reads with, by way of libyaml: that takes a tenth of the time."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)

SAM_TRANSFORM = "AWS::Serverless-2016-10-31"
SECTIONS = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules"}
    | {"Transform", "Resources", "Outputs", "Globals"}
)


class InvalidTemplate(ValueError):
    """The template, or the parameters given with it, would be refused by CloudFormation."""


@dataclass(frozen=True)
class Document:
    """A template after its transform.

    Attributes:
        source: the text as submitted.
        template: the sections, without any SAM resource.
        parameters: a value for every declared parameter; lists where the type is one.
    """

    source: str
    template: dict[str, Any]
    parameters: dict[str, Any]


def read(source: str, given: dict[str, str], region: str) -> Document:
    """Read a template with the parameters given.

    Args:
        source: YAML or JSON.
        given: parameter values, as text.
        region: where the stack lives; SAM writes it into names.

    Raises:
        InvalidTemplate: the text, a parameter or the transform is not acceptable.
    """
    template = parse(source)
    values = parameter_values(template.get("Parameters", {}), given)
    if failed := broken(template.get("Rules", {}), values):
        raise InvalidTemplate(f"Template error: the parameters break a rule: {'; '.join(failed)}")
    if "Transform" in template:
        template = _expand(template, values, region)
    return Document(source, template, values)


def parse(source: str) -> dict[str, Any]:
    """The sections of a template's text, SAM resources as written.

    Raises:
        InvalidTemplate: not a mapping with resources, or with an unknown section.
    """
    loaded: dict[str, Any] = json.loads(_as_json(source))
    return loaded


@functools.lru_cache(maxsize=32)
def _as_json(source: str) -> str:
    template = yaml.load(source, Loader=_Loader)
    if not isinstance(template, dict) or not template.get("Resources"):
        raise InvalidTemplate("Template format error: At least one Resources member must be defined.")
    if unknown := sorted(set(template) - SECTIONS):
        raise InvalidTemplate(f"Invalid template property or properties {unknown}")
    # By way of JSON: the YAML loader's own types must not reach the transform.
    return json.dumps(template, default=str)


def _expand(template: dict[str, Any], values: dict[str, Any], region: str) -> dict[str, Any]:
    if template["Transform"] not in (SAM_TRANSFORM, [SAM_TRANSFORM]):
        raise InvalidTemplate(f"No transform named {template['Transform']} found.")
    fragment = copy.deepcopy(template)
    # The transform is handed what CloudFormation hands it: text.
    texts = {name: ",".join(v) if isinstance(v, list) else str(v) for name, v in values.items()}
    ArnGenerator.BOTO_SESSION_REGION_NAME = region
    to_py27_compatible_template(fragment, texts)
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=region))
    try:
        expanded = translator.translate(fragment, texts, get_managed_policy_map=dict)
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes)
        raise InvalidTemplate(f"Transform {SAM_TRANSFORM} failed with: {error.message} {causes}") from error
    result: dict[str, Any] = undo_mark_unicode_str_in_template(expanded)
    result.pop("Globals", None)
    return result


def parameter_values(declared: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """A value for every declared parameter.

    Raises:
        InvalidTemplate: one is unknown, missing, or against its own rules.
    """
    if unknown := sorted(set(given) - set(declared)):
        raise InvalidTemplate(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values: dict[str, Any] = {}
    missing = []
    for name, rules in declared.items():
        if name in given:
            values[name] = given[name]
        elif "Default" in rules:
            values[name] = str(rules["Default"])
        else:
            missing.append(name)
            continue
        _check(name, values[name], rules)
        if rules.get("Type") in ("CommaDelimitedList", "List<Number>"):
            values[name] = [part.strip() for part in values[name].split(",")]
    if missing:
        raise InvalidTemplate(f"Parameters: [{', '.join(missing)}] must have values")
    return values


def _check(name: str, value: str, rules: dict[str, Any]) -> None:
    said = rules.get("ConstraintDescription")
    kind = rules.get("Type")
    if kind not in ("String", "Number", "CommaDelimitedList", "List<Number>"):
        raise InvalidTemplate(f"The fake AWS does not know the type {kind} of parameter {name}")
    if "AllowedValues" in rules and value not in [str(allowed) for allowed in rules["AllowedValues"]]:
        raise InvalidTemplate(
            f"Parameter '{name}' must be one of AllowedValues" + (f": {said}" if said else "")
        )
    if "AllowedPattern" in rules and not re.fullmatch(rules["AllowedPattern"], value):
        # Recorded: cloudformation/CreateStack/parameter-pattern, with its note on ConstraintDescription.
        without = f"Parameter '{name}' must match pattern {rules['AllowedPattern']}"
        raise InvalidTemplate(f"Parameter {name} failed to satisfy constraint: {said}" if said else without)
    if kind == "Number":
        _check_number(name, value, rules)
    elif not int(rules.get("MinLength", 0)) <= len(value) <= int(rules.get("MaxLength", 4096)):
        raise InvalidTemplate(
            f"Parameter '{name}' has a length out of its bounds" + (f": {said}" if said else "")
        )


def _check_number(name: str, value: str, rules: dict[str, Any]) -> None:
    try:
        number = float(value)
    except ValueError:
        raise InvalidTemplate(f"Parameter '{name}' must be a number.") from None
    low, high = float(rules.get("MinValue", "-inf")), float(rules.get("MaxValue", "inf"))
    if not low <= number <= high:
        raise InvalidTemplate(f"Parameter '{name}' must be a number between {low:g} and {high:g}")
