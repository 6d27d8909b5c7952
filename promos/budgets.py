"""What a campaign's codes gave away, promised and hold, when codes move from one campaign to another.

The figures of a campaign are those of the redemptions and open checkouts of its
codes in its own currency; redemptions keep them (promos.redemptions.counters).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet, Sum

from promos.models import Campaign, CheckoutAttempt, PromoCode, PromoCodeUsage

#: Their keys, or a query for them.
Codes = Collection[int] | QuerySet[PromoCode]

UNSETTLED = (CheckoutAttempt.State.OPENING, CheckoutAttempt.State.OPEN)


def carry(codes: Collection[int], *, to: Campaign | None) -> None:
    """Move what these codes gave away, promised and hold to another campaign, or to none; in a transaction.

    Call it before the codes are locked: it locks open checkouts, campaigns and codes, in the order of redemptions.

    Raises:
        ValidationError: somebody else has just moved one of them.
    """
    _open_checkouts(codes).select_for_update().order_by("pk").in_bulk()
    moved = PromoCode.objects.filter(pk__in=codes).exclude(campaign=to)
    affected = set(moved.exclude(campaign=None).values_list("campaign", flat=True))
    affected |= {to.pk} if to else set()
    campaigns = Campaign.objects.select_for_update().filter(pk__in=affected).order_by("pk").in_bulk()
    # An order under way of a code without a campaign is waited for only here.
    sources = dict(moved.select_for_update().order_by("pk").values_list("pk", "campaign"))
    leaving: dict[int, list[int]] = defaultdict(list)
    for code, source in sources.items():
        if source is not None:
            leaving[source].append(code)
    if not leaving.keys() <= campaigns.keys():
        raise ValidationError("it was moved by somebody else just now, so look at it and try again")
    for pk, codes_of_source in leaving.items():
        _move(campaigns[pk], codes_of_source, sign=-1)
    _let_go_of_other_currencies(sources.keys(), to)
    if to is not None:
        _move(campaigns[to.pk], sources.keys(), sign=1)


def wait_for_checkouts(campaign: Campaign) -> None:
    """Lock what ``recount`` lets go of: an order locks its checkout before the campaign, and so must who does both."""
    _in_other_currencies(_codes_of(campaign), campaign).select_for_update().order_by("pk").in_bulk()


def recount(campaign: Campaign) -> None:
    """Say anew what the campaign's codes gave away, promised and hold, after its currency changed; it is locked."""
    codes = _codes_of(campaign)
    _let_go_of_other_currencies(codes, campaign)
    Campaign.objects.filter(pk=campaign.pk).update(**_amounts(codes, campaign.currency))


def _codes_of(campaign: Campaign) -> QuerySet[PromoCode]:
    return PromoCode.objects.filter(campaign=campaign)


def _move(campaign: Campaign, codes: Collection[int], *, sign: int) -> None:
    amounts = _amounts(codes, campaign.currency)
    if any(amounts.values()):
        Campaign.objects.filter(pk=campaign.pk).update(
            **{name: F(name) + sign * amount for name, amount in amounts.items()}
        )


def _amounts(codes: Codes, currency: str) -> dict[str, int]:
    usages = PromoCodeUsage.objects.filter(promo_code__in=codes, currency=currency)
    kept = usages.aggregate(
        spent=Sum("discount_amount", default=0), promised=Sum("promised_amount", default=0)
    )
    held = _open_checkouts(codes).filter(currency=currency).aggregate(held=Sum("held_amount", default=0))
    return {
        "spent_amount": kept["spent"],
        "promised_amount": kept["promised"],
        "held_amount": held["held"],
    }


def _let_go_of_other_currencies(codes: Codes, campaign: Campaign | None) -> None:
    """Open checkouts hold nothing of a budget that is kept in another currency, or of none."""
    _in_other_currencies(codes, campaign).update(held_amount=0, promised_amount=0)


def _in_other_currencies(codes: Codes, campaign: Campaign | None) -> QuerySet[CheckoutAttempt]:
    return _open_checkouts(codes).exclude(currency=campaign.currency if campaign else "")


def _open_checkouts(codes: Codes) -> QuerySet[CheckoutAttempt]:
    return CheckoutAttempt.objects.filter(promo_code__in=codes, state__in=UNSETTLED)
