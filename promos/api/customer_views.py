"""For customers: the plans, what a code would do, and the way to the checkout."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from promos import customers, plans
from promos.api import customer_serializers as shapes
from promos.api.base import ApiView
from promos.api.errors import Braked, Refused, Unavailable
from promos.billing import checkout, code_checks, visitors, words
from promos.brake import Visitor
from promos.eligibility import Reason, Verdict
from promos.plans import Plan


class PlansView(ApiView):
    @extend_schema(operation_id="list_plans", responses=shapes.PlanSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return the plans on sale."""
        return Response(shapes.PlanSerializer(plans.active(), many=True).data)


class ValidateView(ApiView):
    @extend_schema(
        operation_id="validate_code",
        request=shapes.ValidateSerializer,
        responses=shapes.ValidatedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Say whether the caller may use a code, and what each plan costs with it. Nothing is held."""
        asked = _read(shapes.ValidateSerializer, request)
        on_sale = plans.active()
        wanted = [_plan(asked["plan"], on_sale)] if "plan" in asked else on_sale
        verdicts = code_checks.check_plans(
            asked["code"],
            customer=customers.for_user(request.user),
            plans=wanted,
            now=timezone.now(),
            visitor=_visitor(request),
            entry=code_checks.Entry.BROUGHT,
        )
        _stop_if_braked(verdicts)
        return Response(_validated(asked["code"], verdicts))


class CheckoutView(ApiView):
    @extend_schema(
        operation_id="start_checkout",
        request=shapes.CheckoutSerializer,
        responses={201: shapes.OpenedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Open a checkout at Stripe and return its address; with a code it holds one use of it."""
        asked = _read(shapes.CheckoutSerializer, request)
        plan = _plan(asked["plan"], plans.active())
        try:
            url = checkout.open(
                customers.for_user(request.user),
                plan=plan,
                code_text=asked["code"],
                now=timezone.now(),
                visitor=_visitor(request),
            )
        except checkout.CodeRefused as refused:
            _stop_if_braked({plan: refused.verdict})
            raise Refused(words.refusal(refused.verdict, plan), refused.verdict.public_reason) from refused
        except checkout.NotOpened as failed:
            kind = Unavailable if failed.reason is Reason.TRY_LATER else Refused
            raise kind(str(words.NOT_OPENED[failed.reason]), failed.reason) from failed
        return Response({"url": url}, status=201)


def _read(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    read: dict[str, Any] = serializer.validated_data
    return read


def _plan(price_id: str, on_sale: list[Plan]) -> Plan:
    for plan in on_sale:
        if plan.price_id == price_id:
            return plan
    raise ValidationError({"plan": [_("This plan is not on sale.")]}, "not_on_sale")


def _visitor(request: Request) -> Visitor:
    session = request.session.session_key if request.auth is None else ""
    return Visitor(session=session or "", network=visitors.network(request))


def _stop_if_braked(verdicts: dict[Plan, Verdict]) -> None:
    wait = max((verdict.wait for verdict in verdicts.values()), default=timedelta())
    if wait:
        raise Braked(words.braked(wait), wait=ceil(wait.total_seconds()))


def _validated(text: str, verdicts: dict[Plan, Verdict]) -> dict[str, Any]:
    is_accepted = any(verdict.is_accepted for verdict in verdicts.values())
    reasons = [verdict.public_reason for verdict in verdicts.values()]
    return {
        "code": code_checks.cleaned(text),
        "accepted": is_accepted,
        "reason": None if is_accepted else next(iter(reasons), Reason.TRY_LATER),
        "plans": [_priced(plan, verdict) for plan, verdict in verdicts.items()],
    }


def _priced(plan: Plan, verdict: Verdict) -> dict[str, Any]:
    discount = verdict.quote.discount_amount if verdict.is_accepted and verdict.quote else 0
    return {
        "plan": plan.price_id,
        "currency": plan.currency,
        "accepted": verdict.is_accepted,
        "reason": verdict.public_reason,
        "message": words.refusal(verdict, plan),
        "gross_amount": plan.gross_amount,
        "discount_amount": discount,
        "net_amount": plan.gross_amount - discount,
    }
