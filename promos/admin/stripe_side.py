"""How a code stands with Stripe, on its page; pushing and pulling it, which the worker does."""

from __future__ import annotations

from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from promos import promo_codes
from promos.admin import code_words, timeline
from promos.admin.actions import Deed, Skipped, action
from promos.models import PromoCode
from promos.sync import pull_queue, terms

SyncStatus = PromoCode.SyncStatus
SYNC_IN_WORDS = {
    SyncStatus.SYNCED: "In step with Stripe",
    SyncStatus.PENDING: "Waits to be pushed to Stripe. {error}",
    SyncStatus.ERROR: "The push to Stripe failed: {error}",
    SyncStatus.CONFLICT: "Waits for your word: {error}",
}
IN_CONFLICT = "it is in conflict with Stripe"
STRIPE = (
    "Stripe",
    {"fields": ("generations", "synced_at", "last_pull", "next_try_at", "sync_attempts")},
)


class StripeSide:
    """For the page of a code."""

    @display(description="Stripe")
    def sync_in_words(self, obj: PromoCode) -> str:
        return SYNC_IN_WORDS[SyncStatus(obj.sync_status)].format(error=obj.sync_error)

    @display(description="Promotion codes")
    def generations(self, obj: PromoCode) -> SafeString | str:
        return timeline.render(obj)

    @display(description="Last pull")
    def last_pull(self, obj: PromoCode) -> str:
        generation = terms.current(obj)
        if generation is None:
            return ""
        if generation.pull_at is not None:
            return "Waits for the worker"
        at = generation.pulled_at
        return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else "Never"

    @action(code_words.PUSH)
    def push_now(self, code: PromoCode, deed: Deed) -> None:
        if not promo_codes.retry(code):
            raise Skipped(IN_CONFLICT)

    @action(code_words.PULL)
    def pull(self, code: PromoCode, deed: Deed) -> None:
        if not pull_queue.ask(code, now=deed.now):
            raise Skipped("Stripe does not have it yet")

    @action(code_words.RETRY)
    def retry(self, code: PromoCode, deed: Deed) -> None:
        if code.sync_status != SyncStatus.ERROR and not code.sync_error:
            raise Skipped("its last push did not fail")
        if not promo_codes.retry(code):
            raise Skipped(IN_CONFLICT)
