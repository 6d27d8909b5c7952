"""What goes in and out, with no server around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request with its parameters decoded (see forms) and its header names in lower case."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """An answer; `body` is text in the type the headers say."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
