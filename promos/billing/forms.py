"""What a customer sends: a plan and, maybe, a code."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from promos.plans import Plan


class OrderForm(forms.Form):
    """The order on /billing/; the plan must be one on sale now."""

    plan = forms.ChoiceField(
        label=_("Plan"),
        error_messages={
            "required": _("Choose a plan first."),
            "invalid_choice": _("This plan is no longer on sale. Please choose another."),
        },
    )
    code = forms.CharField(label=_("Promo code"), required=False)

    def __init__(self, *args: Any, plans: Sequence[Plan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plans = {plan.price_id: plan for plan in plans}
        self.fields["plan"].choices = [(plan.price_id, plan.name) for plan in plans]  # type: ignore[attr-defined]

    @property
    def chosen_plan(self) -> Plan | None:
        """The plan that was asked for, or the first one while none was."""
        asked = self.data.get("plan") or self.initial.get("plan") or ""
        return self.plans.get(asked) or next(iter(self.plans.values()), None)

    @property
    def typed_code(self) -> str:
        """The code as it stands in the field, to be shown again."""
        typed = self.data["code"] if "code" in self.data else self.initial.get("code")
        return str(typed or "")
