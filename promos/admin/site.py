"""What surrounds every admin page: the mode badge, the menu and the search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from unfold.dataclasses import SearchResult

from promos import codes
from promos.models import Customer, PromoCode, PromoCodeUsage

#: The menu: groups of entries, each a title, an icon and the model whose list it opens.
MENU = (
    (
        "Promo codes",
        ("Codes", "sell", "promos.PromoCode"),
        ("Campaigns", "campaign", "promos.Campaign"),
        ("Offers", "percent", "promos.Offer"),
        ("Batches", "dynamic_feed", "promos.CodeBatch"),
    ),
    (
        "Usage",
        ("Redemptions", "redeem", "promos.PromoCodeUsage"),
        ("Customers", "person", "promos.Customer"),
        ("Ledger", "receipt_long", "promos.LedgerEntry"),
        ("Checkouts", "shopping_cart", "promos.CheckoutAttempt"),
        ("Code checks", "fact_check", "promos.CodeCheck"),
        ("Code views", "ads_click", "promos.CodeView"),
        ("Journeys", "route", "promos.Journey"),
    ),
    (
        "In Stripe",
        ("Promotion codes", "confirmation_number", "promos.StripePromotionCode"),
        ("Coupons", "local_offer", "promos.StripeCoupon"),
        ("Webhook events", "webhook", "promos.WebhookEvent"),
        ("Differences", "difference", "promos.DriftFinding"),
    ),
    (
        "Alerts",
        ("Alerts", "notifications", "analytics.Alert"),
        ("Messages", "outgoing_mail", "analytics.AlertMessage"),
    ),
    (
        "Stripe mirror",
        ("Products", "inventory_2", "djstripe.Product"),
        ("Prices", "payments", "djstripe.Price"),
        ("Coupons", "local_offer", "djstripe.Coupon"),
        ("Promotion codes", "confirmation_number", "djstripe.PromotionCode"),
        ("Events", "bolt", "djstripe.Event"),
        ("Accounts", "account_balance", "djstripe.Account"),
        ("API keys", "key", "djstripe.APIKey"),
        ("Webhook endpoints", "webhook", "djstripe.WebhookEndpoint"),
    ),
    (
        "People",
        ("Users", "group", "auth.User"),
        ("Groups", "shield_person", "auth.Group"),
        ("Email addresses", "mail", "account.EmailAddress"),
        ("Second factors", "phonelink_lock", "mfa.Authenticator"),
        ("API tokens", "vpn_key", "promos.ApiToken"),
    ),
)
#: Pages that are no model's list, with the permission that each needs.
PAGES = (
    ("promos.view_codecheck", ("Why was it refused?", "support_agent", "admin:promos_codecheck_why")),
    ("promos.view_webhookevent", ("Health", "ecg_heart", "admin:promos_webhookevent_health")),
)
#: Groups that are folded until one of their pages is open.
FOLDED = frozenset(["Stripe mirror", "People"])

#: Searched by Ctrl+K, most wanted first.
SEARCHED = (
    "promos.PromoCode",
    "promos.Campaign",
    "promos.Customer",
    "promos.PromoCodeUsage",
    "promos.StripePromotionCode",
    "promos.WebhookEvent",
)
#: Of each kind; a search for "a" over a million codes must stay a search.
FOUND_AT_MOST = 10


#: Views of the list of codes, shown as its tabs: what is filtered for each.
VIEWS: tuple[tuple[str, dict[str, str]], ...] = (
    ("All", {}),
    ("Active", {"status": "active"}),
    ("Scheduled", {"status": "scheduled"}),
    ("Paused", {"status": "paused"}),
    ("Waiting for approval", {"status": "waiting"}),
    ("Refused by Stripe", {"sync_status__exact": "error"}),
    ("In conflict", {"sync_status__exact": "conflict"}),
    ("Used up", {"status": "used_up"}),
    ("Expired", {"status": "expired"}),
    ("Archived", {"status": "archived"}),
)


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the tabs above the list of codes, as Unfold's ``tab_list`` takes them."""
    address = reverse("admin:promos_promocode_changelist")
    # Which page or order one looks at is no other view.
    asked = {name: value for name, value in request.GET.items() if name not in {"p", "o", "q"}}
    items = [
        {
            "title": title,
            "link": f"{address}?{urlencode(query)}",
            "active": asked == query,
            "has_permission": True,
        }
        for title, query in VIEWS
    ]
    return [{"models": ["promos.promocode"], "items": items}]


def environment(request: HttpRequest) -> list[str]:
    """Return the badge that says which Stripe this is: short, for phones."""
    return ["LIVE", "danger"] if settings.STRIPE_LIVE_MODE else ["TEST", "info"]


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the entries that somebody may open, as Unfold's sidebar takes them."""
    home = {"items": [_page("Dashboard", "monitoring", "admin:index")]}
    pages = (entry for permission, entry in PAGES if request.user.has_perm(permission))
    home["items"] += [_page(*entry) for entry in pages]
    groups = [
        {
            "title": title,
            "collapsible": title in FOLDED,
            "items": [_entry(*entry) for entry in entries if _may_view(request, entry[2])],
        }
        for title, *entries in MENU
    ]
    return [home, *groups]


def _page(title: str, icon: str, name: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(name)}


def _entry(title: str, icon: str, label: str) -> dict[str, str]:
    return {"title": title, "icon": icon, "link": _url(apps.get_model(label), "changelist")}


def _may_view(request: HttpRequest, label: str) -> bool:
    return bool(admin.site._registry[apps.get_model(label)].has_view_permission(request))


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Return the rows that Ctrl+K finds for somebody, of the kinds that they may view."""
    return [_result(row) for label in SEARCHED for row in _found(label, request, term)]


def _found(label: str, request: HttpRequest, term: str) -> Iterator[Model]:
    if not _may_view(request, label):
        return
    if label == "promos.PromoCodeUsage":
        yield from _usages(term)
        return
    page: Any = admin.site._registry[apps.get_model(label)]
    rows, _ = page.get_search_results(request, page.get_queryset(request), term)
    yield from rows[:FOUND_AT_MOST]


def _usages(term: str) -> QuerySet[PromoCodeUsage]:
    """Find redemptions by an id of Stripe's, or by whose or which they are: over ten millions only indexes answer."""
    found_codes = PromoCode.objects.filter(code__startswith=codes.normalise(term)).values("pk")
    found_people = Customer.objects.filter(email_key__startswith=term.strip().casefold()).values("pk")
    wanted = (
        Q(redemption_key=term)
        | Q(stripe_session_id=term)
        | Q(promo_code__in=list(found_codes.values_list("pk", flat=True)[:FOUND_AT_MOST]))
        | Q(customer__in=list(found_people.values_list("pk", flat=True)[:FOUND_AT_MOST]))
    )
    rows = PromoCodeUsage.objects.filter(wanted).select_related("promo_code", "customer")
    return rows.order_by("-pk")[:FOUND_AT_MOST]


def _result(row: Model) -> SearchResult:
    kind = capfirst(str(row._meta.verbose_name))
    return SearchResult(title=str(row), description=kind, link=_url(row, "change", row.pk), icon="sell")


def _url(model: type[Model] | Model, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)
