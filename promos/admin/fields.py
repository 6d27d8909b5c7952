"""Form fields that several pages of the admin share."""

from datetime import datetime, time
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from promos import history


class WhyField(forms.CharField):
    """The reason of a change, for the history."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=history.REASON_LENGTH,
            label="Why",
            widget=UnfoldAdminTextInputWidget,
            help_text="Kept in the history. May be left empty.",
        )


class StartField(forms.SplitDateTimeField):
    """A moment from which something holds; a date alone means its first."""

    without_time = time.min
    told = "A date without a time: from midnight, {zone}."

    def compress(self, data_list: Any) -> datetime | None:
        # Each of the two is None where its box was left empty, which the stubs do not know.
        if data_list and data_list[0] and not data_list[1]:
            data_list = (data_list[0], self.without_time)
        return super().compress(data_list)


class EndField(StartField):
    """A moment until which something holds; a date alone means the whole day."""

    without_time = time(23, 59, 59)
    told = "A date without a time: until the end of that day, {zone}."
