"""For staff: the codes, what can be done with one, who used it, and its funnel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from promos import codes as code_rules
from promos import funnel, promo_codes
from promos.api import code_serializers as shapes
from promos.api.base import StaffView
from promos.models import PromoCode, PromoCodeUsage

VIEW, ADD, CHANGE = (f"promos.{deed}_promocode" for deed in ("view", "add", "change"))
FUNNEL_DAYS = 30


class CodesView(StaffView):
    permissions = {"GET": VIEW, "POST": ADD}

    @extend_schema(
        operation_id="list_codes",
        parameters=[shapes.CodeFilterSerializer],
        responses=shapes.CodePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return codes, the newest first."""
        asked = read(shapes.CodeFilterSerializer, request.query_params.dict())
        found = PromoCode.objects.select_related("offer", "campaign")
        if "code" in asked:
            found = found.filter(code=code_rules.normalise(asked["code"]))
        if "status" in asked:
            found = found.in_status(asked["status"], timezone.now())
        return Response(page(found, asked, name="codes", serializer=shapes.CodeSerializer))

    @extend_schema(
        operation_id="create_code",
        request=shapes.NewCodeSerializer,
        responses={201: shapes.CodeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a code; the worker pushes it to Stripe."""
        asked = shapes.NewCodeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = promo_codes.create(
            asked.promo_code(), offer=asked.offer(), now=timezone.now(), by=request.user
        )
        return Response(shapes.CodeSerializer(made).data, status=201)


class CodeView(StaffView):
    permissions = {"GET": VIEW, "PATCH": CHANGE}

    @extend_schema(operation_id="retrieve_code", responses=shapes.CodeSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return one code."""
        return Response(shapes.CodeSerializer(find(pk)).data)

    @extend_schema(
        operation_id="update_code", request=shapes.LimitsSerializer, responses=shapes.CodeSerializer
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change a code's limits; the worker takes the change to Stripe."""
        asked = read(shapes.LimitsSerializer, request.data)
        with transaction.atomic():
            code = find(pk, locked=True)
            for name, value in asked.items():
                setattr(code, name, value)
            promo_codes.change(code, offer=code.offer, now=timezone.now(), by=request.user)
        return Response(shapes.CodeSerializer(find(pk)).data)


class _Deed(StaffView):
    """Something done with one code; repeated, it changes nothing."""

    permissions = {"POST": CHANGE}
    do: Callable[[PromoCode], object]

    def _done(self, pk: int) -> Response:
        with transaction.atomic():
            type(self).do(find(pk, locked=True))
        return Response(shapes.CodeSerializer(find(pk)).data)


class PauseView(_Deed):
    do = staticmethod(lambda code: promo_codes.pause(code, now=timezone.now()))

    @extend_schema(operation_id="pause_code", request=None, responses=shapes.CodeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Stop a code until it is resumed."""
        return self._done(pk)


class ResumeView(_Deed):
    do = staticmethod(promo_codes.resume)

    @extend_schema(operation_id="resume_code", request=None, responses=shapes.CodeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Take back a pause."""
        return self._done(pk)


class ArchiveView(_Deed):
    do = staticmethod(lambda code: promo_codes.archive(code, now=timezone.now()))

    @extend_schema(operation_id="archive_code", request=None, responses=shapes.CodeSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """End a code for good."""
        return self._done(pk)


class UsagesView(StaffView):
    permissions = {"GET": "promos.view_promocodeusage"}

    @extend_schema(
        operation_id="list_usages", parameters=[shapes.PageSerializer], responses=shapes.UsagePageSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return the redemptions of a code, the newest first."""
        asked = read(shapes.PageSerializer, request.query_params.dict())
        found = PromoCodeUsage.objects.filter(promo_code=find(pk)).select_related("promo_code")
        return Response(page(found, asked, name="usages", serializer=shapes.UsageSerializer))


class FunnelView(StaffView):
    permissions = {"GET": VIEW}

    @extend_schema(
        operation_id="code_funnel", parameters=[shapes.SpanSerializer], responses=shapes.FunnelSerializer
    )
    def get(self, request: Request, pk: int) -> Response:
        """Count the steps from the link to the payment; of the last 30 days, if no time is given."""
        asked = read(shapes.SpanSerializer, request.query_params.dict())
        end = asked.get("end") or timezone.now()
        start = asked.get("start") or end - timedelta(days=FUNNEL_DAYS)
        return Response(shapes.FunnelSerializer(funnel.steps(find(pk), start=start, end=end)).data)


def find(pk: int, *, locked: bool = False) -> PromoCode:
    found = PromoCode.objects.select_related("offer", "campaign")
    return get_object_or_404(found.select_for_update(of=("self",)) if locked else found, pk=pk)


def read(serializer_class: Any, sent: Any) -> dict[str, Any]:
    serializer = serializer_class(data=sent)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


def page(found: QuerySet[Any], asked: dict[str, Any], *, name: str, serializer: Any) -> dict[str, Any]:
    """Return one page of rows, the newest first, and where the next begins; never counts them all."""
    if "after" in asked:
        found = found.filter(pk__lt=asked["after"])
    rows = list(found.order_by("-pk")[: asked["limit"] + 1])
    shown = rows[: asked["limit"]]
    return {
        name: serializer(shown, many=True).data,
        "next": shown[-1].pk if len(rows) > len(shown) else None,
    }
