"""Forgetting a person: the address and what else events say of them goes, the money stays.

What a customer bought stays under a row without a name. Events are kept as well,
without what describes the person, so that none is taken in twice. What somebody
typed into a description by hand is found, not changed; Stripe has its own copy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import CharField, JSONField, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast
from djstripe.models import Event, WebhookEventTrigger

from promos.models import Customer, Journey, Offer, PromoCode, WebhookEvent
from promos.models.customers import email_key

#: What describes a person in Stripe's objects, wherever it stands.
PERSONAL_KEYS = frozenset(
    {
        "billing_details",
        "collected_information",
        "customer_address",
        "customer_details",
        "customer_email",
        "customer_name",
        "customer_phone",
        "customer_shipping",
        "email",
        "receipt_email",
        "shipping",
        "shipping_details",
    }
)


@dataclass
class Erased:
    """How many rows of each kind were, or would be, cleared, and the customers that Stripe still has."""

    customers: int = 0
    accounts: int = 0
    webhook_events: int = 0
    mirrored_events: int = 0
    mirrored_bodies: int = 0
    log_entries: int = 0
    reasons: int = 0
    stripe_customer_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Person:
    """The spellings of an address, and all names under which events know the person."""

    spellings: set[str]
    names: list[str]


def erase(email: str, *, now: datetime, with_account: bool = False, dry_run: bool = False) -> Erased:
    """Remove an address, in every spelling known of it, from all tables, and return what that touched.

    Stopped in between it can be run again: the customer goes last.
    """
    people = (
        Customer.objects.filter(email_key=email_key(email)) if email_key(email) else Customer.objects.none()
    )
    spellings = {email.strip(), *people.values_list("email", flat=True)} - {""}
    ids = tuple(customer.stripe_customer_id for customer in people if customer.stripe_customer_id)
    person = _Person(spellings, [*spellings, *ids])
    erased = Erased(customers=people.count(), stripe_customer_ids=ids)
    erased.webhook_events = _clear_events(WebhookEvent.objects.all(), ("payload",), person, dry_run)
    erased.mirrored_events = _clear_events(Event.objects.all(), ("stripe_data", "data"), person, dry_run)
    erased.mirrored_bodies = _empty_bodies(person.names, dry_run)
    erased.log_entries = _clear_log(spellings, dry_run)
    erased.reasons = sum(_clear_reasons(model, spellings, dry_run) for model in (Offer, PromoCode))
    if with_account:
        erased.accounts = _clear_accounts(spellings, dry_run)
    if not dry_run:
        Journey.objects.filter(customer__in=people).delete()
        people.update(email="", email_key="", country="", erased_at=now)
    return erased


def places(email: str) -> dict[str, int]:
    """Return where an address stands in the whole database: column → number of rows. Reads every table through."""
    found: dict[str, int] = {}
    for model in apps.get_models() if email.strip() else ():
        for field in model._meta.concrete_fields:
            if model._meta.managed and isinstance(field, CharField | TextField | JSONField):
                rows = model._default_manager.annotate(as_text=Cast(field.name, TextField()))
                if count := rows.filter(_any("as_text", _forms([email.strip()]))).count():
                    found[f"{model._meta.db_table}.{field.column}"] = count
    return found


def without_person(value: Any, spellings: Iterable[str]) -> Any:
    """Return a Stripe object without what describes a person, and without the address wherever else it stands."""
    lowered = [spelling.casefold() for spelling in spellings]
    if isinstance(value, dict):
        return {
            key: None if key in PERSONAL_KEYS else without_person(child, lowered)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [without_person(child, lowered) for child in value]
    if isinstance(value, str) and any(spelling in value.casefold() for spelling in lowered):
        return ""
    return value


def _clear_events(rows: QuerySet[Any], fields: tuple[str, ...], person: _Person, dry_run: bool) -> int:
    found = 0
    for row in _naming(rows, fields[0], person.names):
        cleared = {field: without_person(getattr(row, field), person.spellings) for field in fields}
        if all(value == getattr(row, field) for field, value in cleared.items()):
            continue
        found += 1
        if not dry_run:
            rows.filter(pk=row.pk).update(**cleared)
    return found


def _empty_bodies(names: list[str], dry_run: bool) -> int:
    """Empty what an older installation of dj-stripe stored of requests; a body alone cannot be cleared in part."""
    found = [row.pk for row in _naming(WebhookEventTrigger.objects, "body", names)]
    if not dry_run:
        emptied = {"body": "", "headers": {}, "exception": "", "traceback": ""}
        WebhookEventTrigger.objects.filter(pk__in=found).update(**emptied)
    return len(found)


def _clear_log(spellings: set[str], dry_run: bool) -> int:
    """Take the address out of the admin's log, which names rows as they were called at the time."""
    entries = LogEntry.objects.filter(_any("object_repr", spellings) | _any("change_message", spellings))
    count: int = entries.count()
    if count and not dry_run:
        entries.update(object_repr="Erased", change_message="")
    return count


def _clear_reasons(model: type[Offer | PromoCode], spellings: set[str], dry_run: bool) -> int:
    """Take the address out of "Goodwill for jane@example.com", which an earlier version gave as a reason."""
    written = model.history.filter(history_change_reason__startswith="Goodwill for ")
    named = written.filter(_any("history_change_reason", spellings))
    count: int = named.count()
    if count and not dry_run:
        named.update(history_change_reason="Goodwill")
    return count


@transaction.atomic
def _clear_accounts(spellings: set[str], dry_run: bool) -> int:
    """Close the logins of the address and leave them nameless; what they did stays attributed to them."""
    accounts = list(_accounts(spellings))
    for account in [] if dry_run else accounts:
        EmailAddress.objects.filter(user=account).delete()
        account.username = f"erased-{account.pk}"
        account.email = account.first_name = account.last_name = ""
        account.is_active = account.is_staff = account.is_superuser = False
        account.set_unusable_password()
        account.save()
    return len(accounts)


def _accounts(spellings: set[str]) -> QuerySet[User]:
    wanted = Q(pk__in=[])
    for spelling in spellings:
        wanted |= Q(email__iexact=spelling) | Q(username__iexact=spelling)
        wanted |= Q(emailaddress__email__iexact=spelling)
    return User.objects.filter(wanted).distinct()


def _naming(rows: Any, field: str, names: list[str]) -> Iterator[Model]:
    """Return the rows whose field holds one of the names as text; it is read through as a whole."""
    if not names:
        return iter(())
    holding = rows.annotate(as_text=Cast(field, TextField())).filter(_any("as_text", _forms(names)))
    return iter(holding.order_by("pk").iterator(500))


def _forms(names: Iterable[str]) -> set[str]:
    """Return names as they may stand in JSON as well, where a letter beyond ASCII may be an escape."""
    return {form for name in names for form in (name, json.dumps(name)[1:-1])}


def _any(field: str, texts: Iterable[str]) -> Q:
    wanted = Q(pk__in=[])
    for text in texts:
        wanted |= Q(**{f"{field}__icontains": text})
    return wanted
