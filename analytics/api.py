"""The figures in JSON, for staff: the same as the dashboard's."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics import periods, reports
from analytics.queries import Scope
from promos.api.base import StaffView
from promos.api.sent import Sent
from promos.models import PromoCode


class AskedSerializer(Sent):
    code = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="The id of a code; all, if not given."
    )
    start_date = serializers.DateField(required=False, help_text="The first day.")
    end_date = serializers.DateField(required=False, help_text="The last day, included.")


class TotalSerializer(serializers.Serializer):
    """What codes did in one currency; ``net = gross − discount − refunded − disputed``."""

    currency = serializers.CharField()
    redemptions = serializers.IntegerField()
    customers = serializers.IntegerField()
    gross_amount = serializers.IntegerField()
    discount_amount = serializers.IntegerField()
    refunded_amount = serializers.IntegerField()
    disputed_amount = serializers.IntegerField()
    net_amount = serializers.IntegerField()


class CodeTotalSerializer(serializers.Serializer):
    code = serializers.CharField()
    promo_code_id = serializers.IntegerField()
    currency = serializers.CharField()
    redemptions = serializers.IntegerField()
    customers = serializers.IntegerField()
    gross_amount = serializers.IntegerField()
    discount_amount = serializers.IntegerField()
    net_amount = serializers.IntegerField()


class FiguresSerializer(serializers.Serializer):
    totals = TotalSerializer(many=True)
    codes = CodeTotalSerializer(many=True)


class AnalyticsView(StaffView):
    permissions = {"GET": "promos.view_promocodeusage"}

    @extend_schema(operation_id="analytics", parameters=[AskedSerializer], responses=FiguresSerializer)
    def get(self, request: Request) -> Response:
        """Return what codes did: totals by currency, and each code. Amounts in minor units."""
        asked = AskedSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        scope = _scope(asked.validated_data)
        totals = [asdict(row.redemptions) | asdict(row.money) for row in reports.figures(scope).values()]
        figures = {"totals": totals, "codes": [asdict(row) for row in reports.codes(scope)]}
        return Response(FiguresSerializer(figures).data)


def _scope(asked: dict[str, Any]) -> Scope:
    first, last = (str(asked[name]) if name in asked else None for name in ("start_date", "end_date"))
    try:
        period = periods.since_until(first, last, zone=timezone.get_default_timezone())
    except ValueError as error:
        raise ValidationError({"start_date": [str(error)]}) from error
    if "code" not in asked:
        return Scope(period)
    if not PromoCode.objects.filter(pk=asked["code"]).exists():
        raise ValidationError({"code": [_("There is no such code.")]})
    return Scope(period, promo_code_ids=(asked["code"],))
