"""Keys to the JSON API: made, found and revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q

from promos.models import ApiToken

PREFIX = "pdk_"
#: Noting every use would be a write for each request.
NOTED_EVERY = timedelta(minutes=5)


def issue(
    user: User, *, name: str, now: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token for a user and return it with the key, which can never be seen again."""
    key = f"{PREFIX}{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(
        user=user,
        name=name,
        hint=key[: len(PREFIX) + 4],
        digest=_digest(key),
        created_at=now,
        expires_at=expires_at,
    )
    return token, key


def find(key: str, *, now: datetime) -> ApiToken | None:
    """Return the token of a key that is good now, and note that it was used."""
    good = Q(expires_at=None) | Q(expires_at__gt=now)
    token = (
        ApiToken.objects.select_related("user")
        .filter(good, digest=_digest(key), revoked_at=None, user__is_active=True)
        .first()
    )
    if token and (token.used_at is None or now - token.used_at > NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token


def state(token: ApiToken, *, now: datetime) -> str:
    """Say in a word whether a token can still be used: Good, Revoked or Over."""
    if token.revoked_at:
        return "Revoked"
    return "Over" if token.expires_at and token.expires_at <= now else "Good"


def revoke(token: ApiToken, *, now: datetime) -> bool:
    """End a token for good; return False when it was revoked before."""
    return ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now) == 1


def _digest(key: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(key.encode()).hexdigest()
