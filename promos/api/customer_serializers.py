"""What customers and the shop's pages send and get. Amounts are in minor units."""

from __future__ import annotations

from rest_framework import serializers

from promos.api.sent import Sent
from promos.eligibility import Reason
from promos.plans import Plan


class PlanSerializer(serializers.Serializer):
    id = serializers.CharField(source="price_id")
    name = serializers.CharField()
    currency = serializers.CharField()
    amount = serializers.IntegerField()
    interval = serializers.CharField()
    interval_count = serializers.IntegerField()
    setup_fee_amount = serializers.SerializerMethodField()

    def get_setup_fee_amount(self, plan: Plan) -> int:
        return plan.setup_fee.amount if plan.setup_fee else 0


class ValidateSerializer(Sent):
    code = serializers.CharField(max_length=255)
    plan = serializers.CharField(
        required=False, max_length=255, help_text="Only this plan; all, if not given."
    )


class PricedPlanSerializer(serializers.Serializer):
    plan = serializers.CharField()
    currency = serializers.CharField()
    accepted = serializers.BooleanField()
    reason = serializers.ChoiceField(Reason.choices, allow_null=True)
    message = serializers.CharField(
        help_text="Why not, for the customer; empty when accepted.", allow_blank=True
    )
    gross_amount = serializers.IntegerField(help_text="Due today without the code.")
    discount_amount = serializers.IntegerField()
    net_amount = serializers.IntegerField(help_text="Due today with the code, before tax.")


class ValidatedSerializer(serializers.Serializer):
    code = serializers.CharField()
    accepted = serializers.BooleanField(help_text="For at least one of the plans.")
    reason = serializers.ChoiceField(Reason.choices, allow_null=True)
    plans = PricedPlanSerializer(many=True)


class CheckoutSerializer(Sent):
    plan = serializers.CharField(max_length=255)
    code = serializers.CharField(max_length=255, required=False, allow_blank=True, default="")


class OpenedSerializer(serializers.Serializer):
    url = serializers.URLField(help_text="Where the customer pays.")
