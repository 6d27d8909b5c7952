"""Who calls: a session of the site, or a key in the Authorization header."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from promos import api_tokens
from promos.models import ApiToken

SCHEME = b"bearer"


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer pdk_…``; see promos.api_tokens."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, key = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME:
            return None
        token = api_tokens.find(key.strip().decode("latin-1"), now=timezone.now())
        if token is None:
            raise AuthenticationFailed(gettext("This key is unknown, over or revoked."))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        # The first class of the list answers for all: with it a missing login is 401 and not 403.
        return "Bearer"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made with `manage.py api_token issue`.",
        }
