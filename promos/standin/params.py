"""Read and check request parameters: tables of readers, one per parameter.

A reader takes the raw value and the parameter's full name and returns the value. An empty string means "unset", as
at Stripe, and reads as None.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from promos.standin import errors

Reader = Callable[[Any, str], Any]
Fields = Mapping[str, Reader]

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500


def read(raw: Any, fields: Fields, required: tuple[str, ...] = (), inside: str = "") -> dict[str, Any]:
    """Return the parameters that were sent, each through its reader.

    Raises StripeError: parameter_unknown, parameter_missing, or whatever a reader refuses.
    """
    if not isinstance(raw, dict):
        raise errors.invalid("Invalid object", inside)
    values = {}
    for name, value in raw.items():
        full_name = f"{inside}[{name}]" if inside else name
        if name not in fields:
            raise errors.unknown_parameter(full_name)
        values[name] = fields[name](value, full_name)
    for name in required:
        if values.get(name) is None:
            raise errors.missing_parameter(f"{inside}[{name}]" if inside else name)
    return values


def text(limit: int = 5000) -> Reader:
    """Read a string of at most `limit` characters."""

    def reader(value: Any, name: str) -> str | None:
        if not isinstance(value, str):
            raise errors.invalid("Invalid string", name)
        if len(value) > limit:
            message = f"Invalid string: {value[:10]}…; must be at most {limit} characters"
            raise errors.invalid(message, name, "parameter_invalid_string")
        return value or None

    return reader


def integer(minimum: int | None = None, maximum: int | None = None) -> Reader:
    """Read a whole number within bounds."""

    def reader(value: Any, name: str) -> int | None:
        if value == "":
            return None
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise errors.invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer") from None
        _check_bounds(number, minimum, maximum, name)
        return number

    return reader


def percent(value: Any, name: str) -> float | None:
    """Read a percentage above 0 and up to 100, with at most two decimals kept."""
    if value == "":
        return None
    try:
        number = round(Decimal(value), 2)
    except (TypeError, InvalidOperation):
        raise errors.invalid(f"Invalid decimal: {value}", name, "parameter_invalid_decimal") from None
    _check_bounds(number, Decimal("0.01"), Decimal(100), name)
    return float(number)


def _check_bounds(number: Any, minimum: Any, maximum: Any, name: str) -> None:
    if minimum is not None and number < minimum:
        raise errors.invalid(f"This value must be greater than or equal to {minimum}.", name)
    if maximum is not None and number > maximum:
        raise errors.invalid(f"This value must be less than or equal to {maximum}.", name)


def boolean(value: Any, name: str) -> bool:
    """Read `true` or `false`."""
    if value not in ("true", "false"):
        raise errors.invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def choice(*allowed: str) -> Reader:
    """Read one of a few words."""

    def reader(value: Any, name: str) -> str:
        if value not in allowed:
            raise errors.invalid(f"Invalid {name}: must be one of {', '.join(allowed)}", name)
        return str(value)

    return reader


def currency(value: Any, name: str) -> str:
    """Read a three-letter currency code, in lower case."""
    if not (isinstance(value, str) and len(value) == 3 and value.isascii() and value.isalpha()):
        raise errors.invalid(f"Invalid currency: {value}", name)
    return value.lower()


def group(fields: Fields, required: tuple[str, ...] = ()) -> Reader:
    """Read a nested object."""

    def reader(value: Any, name: str) -> dict[str, Any] | None:
        return None if value == "" else read(value, fields, required, name)

    return reader


def listing(item: Reader) -> Reader:
    """Read a list: `name[]=…` or `name[0]=…`."""

    def reader(value: Any, name: str) -> list[Any]:
        if value == "":
            return []
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise errors.invalid("Invalid array", name)
        in_order = sorted(value, key=int)
        return [item(value[key], f"{name}[{key}]") for key in in_order]

    return reader


def by_currency(item: Reader) -> Reader:
    """Read an object keyed by currency."""

    def reader(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise errors.invalid("Invalid object", name)
        return {currency(key, name): item(part, f"{name}[{key}]") for key, part in value.items()}

    return reader


def metadata(value: Any, name: str) -> dict[str, str] | None:
    """Read metadata; None unsets all of it, an empty value unsets one key."""
    if value == "":
        return None
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise errors.invalid("Invalid object", name)
    if len(value) > METADATA_KEYS:
        raise errors.invalid(f"Metadata can have up to {METADATA_KEYS} keys.", name)
    for key, part in value.items():
        if len(key) > METADATA_KEY_LENGTH or len(part) > METADATA_VALUE_LENGTH:
            raise errors.invalid(f"Metadata key or value too long: {key[:40]}", f"{name}[{key[:40]}]")
    return value


def merged_metadata(before: dict[str, str], change: dict[str, str] | None) -> dict[str, str]:
    """Return metadata after an update: keys add up, empty values remove."""
    if change is None:
        return {}
    return {key: value for key, value in {**before, **change}.items() if value}


def with_metadata(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an update's changes with its metadata merged into the document's."""
    if "metadata" not in changes:
        return changes
    return {**changes, "metadata": merged_metadata(document["metadata"], changes["metadata"])}
