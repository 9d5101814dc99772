"""The template as CloudFormation reads it: with its functions, such as {"Ref": ...} and {"Fn::If": [...]}, and with conditions that
can be evaluated.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # no stubs

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # see above
    """A loader of YAML that writes CloudFormation's short tags in their long form."""


def _long_form(loader: Any, tag: str, node: Any) -> dict[str, Any]:
    name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".") if tag == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


@cache
def template() -> Any:
    """The whole template."""
    return yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - a SafeLoader


def functions() -> dict[str, Any]:
    """The properties of every function, by the resource's name."""
    resources = template()["Resources"]
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}


def parameters(**given: str) -> dict[str, str]:
    """The value of every parameter: its default, or what is given."""
    return {name: given.get(name, str(each.get("Default", ""))) for name, each in template()["Parameters"].items()}


def holds(condition: Any, values: Mapping[str, str]) -> bool:
    """Whether a condition holds where the parameters have these values."""
    ((name, operand),) = condition.items()
    match name:
        case "Fn::Equals":
            left, right = (_value(each, values) for each in operand)
            return left == right
        case "Fn::And":
            return all(holds(each, values) for each in operand)
        case "Fn::Or":
            return any(holds(each, values) for each in operand)
        case "Fn::Not":
            return not holds(operand[0], values)
        case "Condition":
            return holds(template()["Conditions"][operand], values)
    raise NotImplementedError(name)


def refusals(**given: str) -> list[str]:
    """The rules that refuse these parameters, by the texts that CloudFormation shows."""
    values = parameters(**given)
    return [
        assertion["AssertDescription"]
        for rule in template()["Rules"].values()
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], values)
    ]


def _value(operand: Any, values: Mapping[str, str]) -> str:
    if isinstance(operand, dict):
        ((name, of),) = operand.items()
        if name == "Fn::Join":
            return str(of[0]).join([_value(of[1], values)])
        assert name == "Ref", name
        return values[of]
    return str(operand)
