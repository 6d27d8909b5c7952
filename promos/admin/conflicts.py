"""Conflicts with Stripe on a code's page: both sides in a table, and the two answers."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.decorators import display

from promos import stripe_gateway
from promos.admin.actions import Deed, Skipped, WhyForm, Words, action
from promos.models import PromoCode
from promos.sync import conflicts

KEEP = Words(
    title="Keep ours",
    past="Settled for ours:",
    explanation="What is set here goes before what Stripe has; the table on the code's page says what that means.",
    icon="home",
    form=WhyForm,
    asks=True,
)
TAKE = Words(
    title="Take Stripe's",
    past="Settled for Stripe's:",
    explanation="What Stripe has goes before what is set here; the table on the code's page says what that means.",
    icon="cloud_done",
    form=WhyForm,
    asks=True,
)
#: The names of the actions, which are offered where there is a conflict.
ANSWERS = ("keep_ours", "take_stripes")
CONFLICT = ("In conflict with Stripe", {"fields": ("conflict",)})
NO_CONFLICT = "it is not in conflict with Stripe"


class ConflictMixin:
    """The two answers, and the field that shows what they are about; for the page of a code."""

    @display(description="What differs")
    def conflict(self, obj: PromoCode) -> SafeString | str:
        found = conflicts.of(obj)
        return render_to_string("admin/promos/conflict.html", {"conflict": found}) if found else ""

    @action(KEEP)
    def keep_ours(self, code: PromoCode, deed: Deed) -> None:
        try:
            if not conflicts.keep_ours(code, now=deed.now):
                raise Skipped(NO_CONFLICT)
        except stripe_gateway.StripeError as error:
            raise ValidationError(f"Stripe: {error}") from error

    @action(TAKE)
    def take_stripes(self, code: PromoCode, deed: Deed) -> None:
        try:
            if not conflicts.take_stripes(code, now=deed.now):
                raise Skipped(NO_CONFLICT)
        except stripe_gateway.StripeError as error:
            raise ValidationError(f"Stripe: {error}") from error
