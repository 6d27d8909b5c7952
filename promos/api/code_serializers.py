"""What staff send and get about codes. Amounts are in minor units beside a currency, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from promos import codes, offers
from promos.api.sent import Sent
from promos.models import Campaign, Offer, PromoCode, PromoCodeUsage
from promos.models.limits import LIMITS

MOST_USES = 2**31 - 1
MOST_AMOUNT = 10**12
CURRENCY = r"^[A-Za-z]{3}\Z"
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
CHANGEABLE = ("description", *LIMITS)
#: What says how much a code gives, and which of it each kind takes; the rest would be passed over in silence.
VALUES = {
    Offer.Kind.PERCENT: {"percent_off"},
    Offer.Kind.AMOUNT: {"amount_off", "currency"},
    Offer.Kind.FREE: set(),
    Offer.Kind.FIXED_PRICE: {"fixed_price_amount", "list_price_id"},
}


class MomentField(serializers.DateTimeField):
    """A time that databases and time zones can bear."""

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if not EARLIEST <= moment <= LATEST:
            raise serializers.ValidationError(_("Give a time between 2000 and 2200."), "out_of_range")
        return moment


class LimitsSerializer(Sent):
    """What can be changed of a code by itself."""

    campaign = serializers.PrimaryKeyRelatedField(
        queryset=Campaign.objects.all(),
        required=False,
        allow_null=True,
        pk_field=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
    )
    description = serializers.CharField(
        required=False, allow_blank=True, max_length=PromoCode._meta.get_field("description").max_length
    )
    starts_at = MomentField(required=False, allow_null=True, default_timezone=UTC)
    expires_at = MomentField(required=False, allow_null=True, default_timezone=UTC)
    max_redemptions = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_USES
    )
    max_redemptions_per_customer = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_USES
    )
    first_time_only = serializers.BooleanField(required=False)
    minimum_amount = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST_AMOUNT
    )
    minimum_amount_currency = serializers.RegexField(CURRENCY, required=False, allow_blank=True)

    def validate_minimum_amount_currency(self, currency: str) -> str:
        """Return the currency as plans and Stripe spell it."""
        return currency.lower()


class NewCodeSerializer(LimitsSerializer):
    """A new code: its terms by ``kind``, and its limits."""

    code = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text="A random one, if not given."
    )
    kind = serializers.ChoiceField([choice for choice in Offer.Kind.choices if choice[0] != Offer.Kind.OTHER])
    percent_off = serializers.DecimalField(
        max_digits=5, decimal_places=2, min_value=Decimal("0.01"), max_value=Decimal(100), required=False
    )
    amount_off = serializers.IntegerField(required=False, min_value=1, max_value=MOST_AMOUNT)
    currency = serializers.RegexField(CURRENCY, required=False)
    fixed_price_amount = serializers.IntegerField(required=False, min_value=0, max_value=MOST_AMOUNT)
    list_price_id = serializers.CharField(required=False, max_length=255)
    duration = serializers.ChoiceField(
        Offer.Duration.choices, required=False, help_text="`once`, if not given."
    )
    duration_in_months = serializers.IntegerField(required=False, min_value=1, max_value=1200)
    product_ids = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, max_length=100
    )

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        """Refuse terms that contradict the kind or the duration, of which only one half would be kept."""
        kind = Offer.Kind(told["kind"])
        strange = set().union(*VALUES.values()) - VALUES[kind]
        if kind == Offer.Kind.FIXED_PRICE:
            # They are those of its price.
            strange |= {"product_ids"}
        errors = {name: [_("This kind of code takes no such value.")] for name in strange & told.keys()}
        if "duration_in_months" in told and told.get("duration") != Offer.Duration.REPEATING:
            errors["duration_in_months"] = [_("Months go with the duration “repeating”.")]
        if errors:
            raise serializers.ValidationError(errors, "contradictory")
        return told

    def offer(self) -> Offer:
        """Return the unsaved offer of the checked terms."""
        told = self.validated_data
        names = (*self.fields.keys() - LimitsSerializer().fields.keys() - {"code"},)
        return Offer(**{name: told[name] for name in names if name in told})

    def promo_code(self) -> PromoCode:
        """Return the unsaved code of the checked limits."""
        told = self.validated_data
        names = ("code", *LimitsSerializer().fields)
        return PromoCode(**{name: told[name] for name in names if name in told})


class OfferSerializer(serializers.ModelSerializer):
    """The terms of a code; what does not belong to its kind is null or empty."""

    product_ids = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Stripe products; none means all."
    )

    class Meta:
        model = Offer
        fields = (
            "kind",
            "percent_off",
            "amount_off",
            "currency",
            "fixed_price_amount",
            "list_price_id",
            "duration",
            "duration_in_months",
            "product_ids",
        )
        read_only_fields = fields


class CodeSerializer(serializers.ModelSerializer):
    """A code as it is now."""

    status = serializers.SerializerMethodField()
    offer = OfferSerializer(read_only=True)
    value = serializers.SerializerMethodField(help_text="In words.")
    campaign = serializers.CharField(
        source="campaign.name", read_only=True, default=None, allow_null=True, help_text="Its name."
    )
    campaign_id = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="What `campaign` takes when a code is made or changed."
    )

    class Meta:
        model = PromoCode
        fields = (
            "id",
            "code",
            "status",
            "value",
            "offer",
            "campaign",
            "campaign_id",
            *CHANGEABLE,
            "used_count",
            "held_count",
            "sync_status",
            "sync_error",
            "synced_at",
            "created_at",
            "paused_at",
            "archived_at",
        )
        read_only_fields = fields

    def get_status(self, code: PromoCode) -> str:
        return str(codes.status(code, timezone.now()))

    def get_value(self, code: PromoCode) -> str:
        return offers.value_in_words(code.offer)


class CodePageSerializer(serializers.Serializer):
    codes = CodeSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Give it as `after` for the next page.")


class UsageSerializer(serializers.ModelSerializer):
    customer = serializers.IntegerField(source="customer_id", allow_null=True)
    code = serializers.CharField(source="promo_code.code")

    class Meta:
        model = PromoCodeUsage
        fields = (
            "id",
            "code",
            "customer",
            "plan",
            "status",
            "is_new_customer",
            "is_over_limit",
            "currency",
            "gross_amount",
            "discount_amount",
            "net_amount",
            "redeemed_at",
        )
        read_only_fields = fields


class UsagePageSerializer(serializers.Serializer):
    usages = UsageSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Give it as `after` for the next page.")


class PageSerializer(Sent):
    """Which part of a list is asked for: the newest first, those before the row ``after``."""

    after = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200, default=50)


class CodeFilterSerializer(PageSerializer):
    code = serializers.CharField(required=False, max_length=255, help_text="Exactly this text.")
    status = serializers.ChoiceField(codes.Status.choices, required=False)


class FunnelSerializer(serializers.Serializer):
    viewed = serializers.IntegerField()
    entered = serializers.IntegerField()
    accepted = serializers.IntegerField()
    refused = serializers.DictField(child=serializers.IntegerField(), help_text="By reason.")
    checkout_started = serializers.IntegerField()
    paid = serializers.IntegerField()
    expired = serializers.IntegerField()


class SpanSerializer(Sent):
    start = MomentField(required=False, default_timezone=UTC)
    end = MomentField(required=False, default_timezone=UTC)

    def validate(self, asked: dict[str, datetime]) -> dict[str, datetime]:
        if "start" in asked and "end" in asked and asked["start"] > asked["end"]:
            raise serializers.ValidationError(
                {"end": [_("The end must not be before the start.")]}, "invalid"
            )
        return asked
