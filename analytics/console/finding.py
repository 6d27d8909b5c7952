"""Codes and campaigns by the names that people type."""

from __future__ import annotations

from django.core.management.base import CommandError

from promos import codes
from promos.models import Campaign, PromoCode


def open_codes(texts: list[str]) -> list[PromoCode]:
    """Return the codes with these texts that are not archived, in this order; all of them or none."""
    return [_open_code(text) for text in dict.fromkeys(map(codes.normalise, texts))]


def ids_of(text: str) -> tuple[int, ...]:
    """Return the keys of every code that has or had this text, archived and personal ones included."""
    found = tuple(PromoCode.objects.filter(code=codes.normalise(text)).values_list("pk", flat=True))
    if not found:
        raise CommandError(f"There is no code {text}.")
    return found


def latest_ids_of(text: str) -> tuple[int, ...]:
    """Return the keys of the codes that bear this text now, or if none does, of the archived ones."""
    found = ids_of(text)
    current = PromoCode.objects.not_archived().filter(pk__in=found).values_list("pk", flat=True)
    return tuple(current) or found


def campaign(name: str) -> Campaign:
    found = Campaign.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no campaign {name}.")
    return found


def _open_code(text: str) -> PromoCode:
    found = list(PromoCode.objects.not_archived().filter(code=text).select_related("campaign")[:2])
    if len(found) > 1:
        raise CommandError(f"Several customers have a code {text} of their own; use the admin for these.")
    if not found:
        was = PromoCode.objects.filter(code=text).exists()
        raise CommandError(f"{text} is archived, which is final." if was else f"There is no code {text}.")
    return found[0]
