"""The roles that every installation begins with, as groups. Rights of your own making go into groups of your own.

Made and completed after every migration: a new version may bring new rights.

- Owner: everything, people included; approves what others set.
- Marketer: codes, campaigns, offers and batches.
- Support: looks at everything of customers, and gives goodwill codes.
- Viewer: looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission, User
from django.db import router
from django.db.models import Q, QuerySet

#: The apps in which roles have rights.
APPS = frozenset({"promos", "analytics", "auth", "account", "mfa", "djstripe"})
#: The apps whose rows every role may look at.
OURS = frozenset({"promos", "analytics"})
OWNER, MARKETER, SUPPORT, VIEWER = "Owner", "Marketer", "Support", "Viewer"

#: What the roles are for, in the words of those who give them.
TOLD = (
    "Owner: everything, people included. Marketer: codes, campaigns, offers and batches. "
    "Support: looks at customers, and gives goodwill codes. Viewer: looks."
)

_MADE_BY_MARKETERS = ("promocode", "offer", "campaign", "codebatch")
_MARKETERS = frozenset(f"{verb}_{model}" for verb in ("add", "change") for model in _MADE_BY_MARKETERS)


def _may_look(app: str, codename: str) -> bool:
    is_owners = codename.endswith("_apitoken")
    return app in OURS and codename.startswith("view_") and not is_owners


def _may_own(app: str, codename: str) -> bool:
    if app in {"djstripe", "analytics"}:
        return codename.startswith("view_")
    return app in {"promos", "auth", "account", "mfa"}


#: Who has which permission, by app and codename.
RIGHTS: dict[str, Callable[[str, str], bool]] = {
    OWNER: _may_own,
    MARKETER: lambda app, codename: _may_look(app, codename) or (app == "promos" and codename in _MARKETERS),
    SUPPORT: lambda app, codename: _may_look(app, codename) or (app, codename) == ("promos", "give_goodwill"),
    VIEWER: _may_look,
}


def owners() -> QuerySet[User]:
    """Return the people who own the installation: active staff with the role, and superusers."""
    staff = User.objects.filter(is_active=True, is_staff=True)
    return staff.filter(Q(is_superuser=True) | Q(pk__in=User.objects.filter(groups__name=OWNER)))


def grant_after_migrate(*, app_config: AppConfig, using: str, **_: Any) -> None:
    """Give the roles what they may do in one app; nothing that was given otherwise is taken away."""
    if not router.allow_migrate(using, "auth") or app_config.label not in APPS:
        return
    # Django's own receiver may come after this one.
    create_permissions(app_config, verbosity=0, using=using)
    permissions = list(
        Permission.objects.using(using)
        .filter(content_type__app_label=app_config.label)
        .exclude(codename__contains="_historical")
    )
    for role, may in RIGHTS.items():
        group, _created = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*(each for each in permissions if may(app_config.label, each.codename)))
