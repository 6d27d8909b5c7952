"""Pause, resume, archive, push again."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q

from analytics.console import finding, status
from analytics.console.answer import Answer
from promos import promo_codes
from promos.models import PromoCode

HELP = {
    "pause": "Stop codes until they are resumed.",
    "resume": "Take back a pause.",
    "archive": "End codes for good; their texts are free again, their redemptions stay.",
    "retry": "Have the worker push codes now; all that Stripe refused or did not get, if none is named.",
}
_ENDING = " Exits 1, with nothing done, when a code is unknown."
_FAILED = Q(sync_status=PromoCode.SyncStatus.ERROR) | (
    Q(sync_status=PromoCode.SyncStatus.PENDING) & ~Q(sync_error="")
)


def help_of(action: str) -> str:
    return HELP[action] + _ENDING


def add_arguments(parser: ArgumentParser, *, action: str) -> None:
    is_optional = action == "retry"
    parser.add_argument(
        "code",
        nargs="*" if is_optional else "+",
        help="all that failed if left out" if is_optional else "one or more",
    )


def run(action: str, options: dict[str, Any], *, now: datetime) -> Answer:
    """Do it to every named code; those where there was nothing to do are skipped, and what is refused fails."""
    if options["code"]:
        found = finding.open_codes(options["code"])
    else:
        found = list(PromoCode.objects.not_archived().filter(_FAILED).order_by("code"))
    changed, refused = _done(_acts(now)[action], found)
    answer = status.report(PromoCode.objects.filter(pk__in=[code.pk for code in found]), now=now)
    told = answer.shown if found else []
    done = [code for code, was_done in changed.items() if was_done]
    skipped = [code for code, was_done in changed.items() if not was_done]
    # A code's trouble with Stripe is not this action's failure.
    return replace(
        answer,
        data={**answer.data, "done": done, "skipped": skipped},
        shown=[*told, f"{action}: {len(done)} done, {len(skipped)} with nothing to do."],
        failure=" ".join(refused),
    )


def _done(act: Callable[[PromoCode], bool], found: list[PromoCode]) -> tuple[dict[str, bool], list[str]]:
    """Return whether each code was changed, and in a sentence each, which could not be."""
    changed, refused = {}, []
    for code in found:
        try:
            changed[code.code] = act(code)
        except ValidationError as error:
            refused.append(f"{code}: {' '.join(error.messages)}.")
    return changed, refused


def _acts(now: datetime) -> dict[str, Callable[[PromoCode], bool]]:
    return {
        "pause": lambda code: promo_codes.pause(code, now=now),
        "resume": promo_codes.resume,
        "archive": lambda code: promo_codes.archive(code, now=now),
        "retry": promo_codes.retry,
    }
