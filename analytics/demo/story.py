"""What happens in the demo through the real pages: the owner makes a campaign and three codes, and redeems one."""

from __future__ import annotations

import time
from collections.abc import Callable

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.demo.catalogue import Catalogue
from analytics.demo.visitor import Stuck, Visitor
from promos import plans
from promos.models import Campaign, PromoCode, PromoCodeUsage

OWNER, CUSTOMER, PASSWORD = "owner@example.com", "customer@example.com", "promodesk"
PATIENCE_SECONDS = 90.0
#: The code whose campaign has results to look at.
CAMPAIGN_CODE = "LAUNCH50"
CAMPAIGN = {"name": "Launch", "currency": "usd", "budget_amount": "25000.00", "fixed_cost_amount": "500.00"}


def make_people() -> None:
    """Make the logins of the owner and a customer; never beside a live key (the command sees to that)."""
    for email, is_owner in ((OWNER, True), (CUSTOMER, False)):
        user, is_new = User.objects.get_or_create(
            username=email, defaults={"email": email, "is_staff": is_owner, "is_superuser": is_owner}
        )
        if is_new:
            user.set_password(PASSWORD)
            user.save()
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)


def codes_of(catalogue: Catalogue) -> dict[str, dict[str, str | list[str]]]:
    """Return the admin's form of each code that the owner makes."""
    return {
        "TESTCLIENT70": {
            "kind": "fixed_price",
            "list_price_id": catalogue.monthly_price,
            "fixed_price_amount": "70.00",
            "duration": "forever",
            "name": "Pay $70 a month",
            "description": "For test clients: $70 instead of $99.50, each month",
        },
        "SOFTWAREOWNER": {
            "kind": "free",
            "duration": "forever",
            "name": "Free for the owner",
            "description": "For the owner's own testing",
            "max_redemptions": "5",
        },
        "LAUNCH50": {
            "kind": "percent",
            "percent_off": "50",
            "product_ids": [catalogue.setup_product],
            "duration": "once",
            "name": "Half the setup fee",
            "description": "Launch offer: 50% off the setup fee only",
        },
    }


def wait_for_plans(catalogue: Catalogue) -> None:
    """Wait until the webhooks have brought the plans here."""
    _wait(lambda: plans.get(catalogue.monthly_price) and plans.get(catalogue.annual_price), "The plans")


def make_campaign(owner: Visitor) -> Campaign:
    """Fill in the admin's form, once."""
    campaigns = Campaign.objects.filter(name=CAMPAIGN["name"])
    if not campaigns.exists():
        owner.get("/admin/promos/campaign/add/")
        if not owner.post("/admin/promos/campaign/add/", {**CAMPAIGN}).is_redirect:
            raise Stuck("The admin did not take the campaign.")
    return campaigns.earliest("pk")


def make_code(owner: Visitor, code: str, form: dict[str, str | list[str]], campaign: Campaign | None) -> None:
    """Fill in the admin's form and wait until the worker has brought the code to Stripe."""
    form = {"code": code, **form, "campaign": str(campaign.pk) if campaign else ""}
    if not PromoCode.objects.filter(code=code).exists():
        owner.get("/admin/promos/promocode/add/")
        answer = owner.post("/admin/promos/promocode/add/", form)
        if not answer.is_redirect:
            raise Stuck(f"The admin did not take the code {code}.")
    _wait(
        lambda: PromoCode.objects.filter(code=code, sync_status="synced").exists(),
        f"The code {code} at Stripe",
    )


def redeem(buyer: Visitor, code: str, plan: str) -> None:
    """Redeem a code on the billing page, pay, and wait until the webhook has recorded it; once."""
    used = PromoCodeUsage.objects.filter(promo_code__code=code)
    if used.exists():
        return
    buyer.get("/billing/")
    answer = buyer.post("/billing/checkout/", {"plan": plan, "code": code})
    if not answer.is_redirect:
        raise Stuck(f"The billing page did not take the code {code}.")
    buyer.pay(answer.headers["Location"])
    _wait(used.exists, f"The redemption of {code}")


def _wait(is_there: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_there():
        if time.monotonic() > deadline:
            raise Stuck(
                f"{what} did not arrive within {PATIENCE_SECONDS:.0f} seconds ({timezone.now():%H:%M:%S} UTC)."
            )
        time.sleep(0.05)
