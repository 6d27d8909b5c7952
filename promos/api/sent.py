"""What callers send: nothing but what an operation takes.

A misspelt limit that were passed over in silence would make a code without it,
a misspelt code a checkout at full price, and a misspelt filter a list of every code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers


class Sent(serializers.Serializer):
    """A body or a query in which every name is known."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, Mapping) else []
        if unknown:
            raise serializers.ValidationError(
                {name: [_("There is nothing of this name here.")] for name in unknown}, "unknown"
            )
        return super().to_internal_value(data)
