"""What every view of the API is: who may call, how often, and which permission it takes."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from promos import stripe_gateway
from promos.api.versions import Versioned


class Burst(UserRateThrottle):
    scope = "burst"


class Sustained(UserRateThrottle):
    scope = "sustained"


class ApiView(Versioned, APIView):
    """A view for anybody who is signed in or has a key."""

    throttle_classes = (Burst, Sustained)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        with stripe_gateway.hurried(settings.STRIPE_PAGE_SECONDS):
            return super().dispatch(request, *args, **kwargs)


class HasPermissions(BasePermission):
    """Staff with the view's permission for the method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        wanted = view.permissions.get(request.method)
        user = request.user
        return isinstance(user, User) and user.is_staff and (wanted is None or user.has_perm(wanted))


class StaffView(ApiView):
    """A view for staff; ``permissions`` names for each method the permission it takes."""

    permissions: ClassVar[dict[str, str]] = {}
    permission_classes = (HasPermissions,)
