"""Validation of settings, with each of pydantic's errors as one sentence that names the setting."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from impasto.encoders.layers import parse_layer
from impasto.errors import EncoderError, SettingsError, closest
from impasto.settings.fields import LARGEST_SIDE, SMALLEST_SIDE
from impasto.settings.merging import deep_merge
from impasto.settings.model import Settings


def validate(values: Mapping[str, Any]) -> Settings:
    """Build settings from values over the defaults; a partial table of layers changes only the layers it names.

    Raises:
        SettingsError: the values are not valid.
    """
    try:
        tables = {name: values[name] for name in ("losses", "optimization") if isinstance(values.get(name), Mapping)}
        defaults = {name: Settings().model_dump()[name] for name in tables}
        if "losses" in tables:
            tables["losses"] = {**tables["losses"]} | _normalize_layer_tables(tables["losses"])
        return Settings.model_validate({**values, **deep_merge(defaults, tables)})
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _normalize_layer_tables(losses: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tables of layers with canonical names, so that block3_conv1 replaces relu3_1."""
    tables = {name: losses[name] for name in ("content", "style") if isinstance(losses.get(name), Mapping)}
    try:
        return {name: {str(parse_layer(str(k))): v for k, v in table.items()} for name, table in tables.items()}
    except EncoderError as error:
        raise SettingsError(str(error)) from None


_EXPECTATIONS = {
    "dict_type": "a table of names and values",
    "model_type": "a table of names and values",
    "tuple_type": "a list, as in [1,2]",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_too_short": "a name, not empty",
}
"""Expected value for each of pydantic's error types, in words for people who do not write Python."""


_SHARES = frozenset({"strength", "detail"})
"""Settings that a percentage may set."""

_SHARE_ERRORS = frozenset({"float_parsing", "float_type", "greater_than_equal", "less_than_equal"})
"""Types of pydantic's errors on values that are not a share."""


def setting_names() -> Iterator[str]:
    """Yield the names of all settings, nested ones with dots, and the shorthand ``iterations``."""
    for name, field in Settings.model_fields.items():
        nested = getattr(field.annotation, "model_fields", {})
        yield from (f"{name}.{inner}" for inner in nested)
        if not nested:
            yield name
    yield "iterations"


def similar_setting(name: str) -> str | None:
    """Return the setting that a misspelt name most probably means; None if no name is similar.

    Args:
        name: with dots if nested, or one part of a nested name.
    """
    parent, _, last = name.rpartition(".")
    names = [*setting_names(), "losses", "optimization"]
    by_last = {known.rpartition(".")[2]: known for known in names}
    by_last |= {known.rpartition(".")[2]: known for known in names if known.rpartition(".")[0] == parent}
    found = closest(last, by_last)
    return None if found is None else by_last[found]


def _explain(error: ValidationError) -> str:
    """Return pydantic's first complaint as one sentence that names the setting."""
    first = error.errors(include_url=False)[0]
    place = [str(part) for part in first["loc"]]
    name = ".".join(p for p in place if not p.startswith(("literal[", "constrained-", "int", "function-", "tuple[")))
    value = first["input"]
    if first["type"] == "extra_forbidden":
        similar = similar_setting(name)
        advice = f"perhaps {similar} is meant; " if similar else ""
        return f"There is no setting {name!r}: {advice}`impasto settings` lists all settings."
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if not name:
        return f"{message}."
    if first["type"] in _EXPECTATIONS:
        message = f"should be {_EXPECTATIONS[first['type']]}"
    if first["type"] in _SHARE_ERRORS and name in _SHARES:
        message = "should be a share from 0 to 1, or a percentage such as 50%"
    if name == "size":
        message = (
            f"should be a whole number of pixels from {SMALLEST_SIDE} to {LARGEST_SIDE}, width and height as in "
            f"640x480, a print such as 30x40cm@300, or original"
        )
    shown = repr(value) if not isinstance(value, float) or math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and len(shown) > 60:  # a table cut off would not be readable
        return f"The setting {name} is not valid: it {message}."
    return f"The setting {name} = {shown[:60]} is not valid: it {message}."
