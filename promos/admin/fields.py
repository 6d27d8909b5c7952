"""Form fields that several pages of the admin share."""

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
