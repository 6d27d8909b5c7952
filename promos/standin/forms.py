"""Decode Stripe's form encoding: `restrictions[minimum_amount]=500&types[]=a` into nested dicts."""

import re
from typing import Any
from urllib.parse import parse_qsl

from promos.standin.errors import StripeError

KEY = re.compile(r"\A([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
MAX_DEPTH = 8


def decode(encoded: str) -> dict[str, Any]:
    """Return the fields as nested dicts; a list becomes a dict keyed "0", "1", … (its reader knows better).

    Raises StripeError for a name that is not well formed or that is a value and a group at once.
    """
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        _put(fields, name, value)
    return fields


def _put(fields: dict[str, Any], name: str, value: str) -> None:
    *path, last = _split(name)
    group = fields
    for part in path:
        group = group.setdefault(part or str(len(group)), {})
        if not isinstance(group, dict):
            raise StripeError(f"Invalid object: {name}", param=name)
    if isinstance(group.get(last), dict):
        raise StripeError(f"Invalid object: {name}", param=name)
    group[last or str(len(group))] = value


def _split(name: str) -> list[str]:
    match = KEY.match(name)
    if not match or name.count("[") > MAX_DEPTH:
        raise StripeError(f"Invalid parameter name: {name[:100]}", param=name[:100])
    return [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
