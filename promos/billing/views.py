"""The customers' pages: read the request, ask the domain once, answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from promos import customers, plans, stripe_gateway
from promos.billing import (
    bill,
    checkout,
    code_checks,
    current,
    given,
    links,
    outcome,
    unfinished,
    visitors,
    words,
)
from promos.billing.bill import Bill, PlanCard
from promos.billing.code_checks import Entry
from promos.billing.forms import OrderForm
from promos.eligibility import Verdict
from promos.models import Customer
from promos.plans import Plan


class CustomerRequest(HttpRequest):
    """A request of somebody signed in, as the middleware leaves it."""

    user: User
    htmx: HtmxDetails


#: The success page asks this many times, ever more slowly, before it leaves the asking to the customer.
MOST_POLLS = 12


def for_customers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Send anybody who is not signed in to the login and from there to the page they wanted.

    A form cannot be sent again after a login, so it leads to the plans; htmx
    would put the login page into the middle of ours, so it is told to leave.
    """

    @wraps(view)
    def wrapped(request: CustomerRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            with stripe_gateway.hurried(settings.STRIPE_PAGE_SECONDS):
                return view(request, *args, **kwargs)
        wanted = request.get_full_path() if request.method == "GET" else reverse("billing:plans")
        if request.htmx:
            query = urlencode({"next": reverse("billing:plans")})
            return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}?{query}")
        return redirect_to_login(wanted)

    return never_cache(wrapped)


def posted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Lead whoever comes to the address of a form by themselves, from the address bar say, to the plans."""

    @wraps(view)
    def wrapped(request: CustomerRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        return redirect("billing:plans")

    return wrapped


@require_safe
@never_cache
def plans_page(request: CustomerRequest) -> HttpResponse:
    """Show the plans, with the code of the link that led here.

    ``?plan=`` and ``?code=`` fill the form; ``?promo=`` is a link like /p/CODE.
    """
    if "promo" in request.GET:
        return _follow(request, request.GET["promo"])
    return _plans_for_customer(request)


@for_customers
def _plans_for_customer(request: CustomerRequest) -> HttpResponse:
    customer = customers.for_user(request.user)
    linked = "" if "code" in request.GET else links.code(request)
    form, verdict = _begun_order(request, customer, linked or request.GET.get("code", ""))
    is_dead = bool(linked and verdict and verdict.is_neutral)
    if is_dead:
        form = OrderForm(plans=list(form.plans.values()), initial={**form.initial, "code": ""})
    # Whoever has a subscription may have been sent the code for that.
    linked_code = "" if is_dead else linked
    response = _plans_page(
        request, form, None if is_dead else verdict, is_link_dead=is_dead, linked_code=linked_code
    )
    if is_dead:
        links.drop_code(response)
    links.claim_journey(request, response, customer)
    return response


def _begun_order(request: CustomerRequest, customer: Customer, text: str) -> tuple[OrderForm, Verdict | None]:
    """Return the form with a code filled in, on the plan asked for or else the first that it covers, and its verdict."""
    on_sale = plans.active()
    verdicts = _verdicts(request, text, customer, on_sale)
    every = request.GET.get("every", "")
    begin_with = [plan for plan in on_sale if plan.interval == every] if every else on_sale
    covered = [plan for plan in begin_with if plan in verdicts and verdicts[plan].is_accepted]
    first = next(iter([*covered, *begin_with]), None)
    wanted = request.GET.get("plan") or (first.price_id if first else "")
    form = OrderForm(plans=on_sale, initial={"code": text, "plan": wanted})
    return form, verdicts.get(form.chosen_plan) if form.chosen_plan else None


def _verdicts(
    request: CustomerRequest, text: str, customer: Customer, on_sale: list[Plan]
) -> dict[Plan, Verdict]:
    if not text or not on_sale:
        return {}
    return code_checks.check_plans(
        text,
        customer=customer,
        plans=on_sale,
        now=timezone.now(),
        visitor=visitors.of_request(request),
        entry=Entry.BROUGHT,
    )


@posted
@for_customers
def check(request: CustomerRequest) -> HttpResponse:
    """Show the price with the code: a part of the page for htmx, all of it without JavaScript."""
    form = OrderForm(request.POST, plans=plans.active())
    plan = form.chosen_plan
    # The button names itself; a keystroke or a change of plan is no entry by itself.
    entry = Entry.TYPED if request.htmx and request.htmx.trigger != "apply" else Entry.APPLIED
    verdict = None
    if form.is_valid() and plan and form.cleaned_data["code"]:
        verdict = code_checks.check(
            form.cleaned_data["code"],
            customer=customers.for_user(request.user),
            plan=plan,
            now=timezone.now(),
            visitor=visitors.of_request(request),
            entry=entry,
        )
    if request.htmx:
        return render(request, "billing/_quote.html", _order(form, verdict))
    return _plans_page(request, form, verdict)


@posted
@for_customers
def open_checkout(request: CustomerRequest) -> HttpResponse:
    """Send the customer to Checkout, or back to the plans with the reason why not."""
    form = OrderForm(request.POST, plans=plans.active())
    plan = form.chosen_plan
    if not form.is_valid() or plan is None:
        return _plans_page(request, form, status=422)
    try:
        url = checkout.open(
            customers.for_user(request.user),
            plan=plan,
            code_text=form.cleaned_data["code"],
            now=timezone.now(),
            visitor=visitors.of_request(request),
        )
    except checkout.CodeRefused as refused:
        return _plans_page(request, form, refused.verdict, status=422)
    except checkout.NotOpened as failed:
        # What is shown beside the code is the full price, since nothing was said of the code.
        unasked = Verdict(failed.reason, is_unasked=True) if form.cleaned_data["code"] else None
        return _plans_page(request, form, unasked, problem=str(words.NOT_OPENED[failed.reason]), status=422)
    # 303: the browser must follow with GET, and a reload must not send the order again.
    return HttpResponseRedirect(url, status=303)


@posted
@for_customers
def give_code(request: CustomerRequest) -> HttpResponse:
    """Give a code to a running subscription and say what became of it: a refusal beside what was typed."""
    customer = customers.for_user(request.user)
    subscription = current.find(customer, request.POST.get("subscription", ""))
    text = request.POST.get("subscription_code", "")
    if subscription is None or not text.strip():
        return redirect("billing:plans")
    plan = plans.find(subscription.plan)
    try:
        verdict = given.give(
            customer, subscription, text, visitor=visitors.of_request(request), now=timezone.now()
        )
    except given.AlreadyDiscounted:
        messages.error(request, _("A discount is running already; another one would take its place."))
        return redirect("billing:plans")
    if not verdict.is_accepted:
        refusal = words.refusal_while_running(verdict, plan)
        form = OrderForm(plans=plans.active())
        return _plans_page(request, form, status=422, given_refusal=refusal, refused_number=subscription.pk)
    messages.success(request, _("Your code is applied to your next payments."))
    return redirect("billing:plans")


@posted
@for_customers
def open_portal(request: CustomerRequest) -> HttpResponse:
    """Send the customer to Stripe's portal, where cards, invoices and the end of a subscription are."""
    customer = customers.for_user(request.user)
    back = f"{settings.SITE_URL}{reverse('billing:plans')}"
    try:
        session = stripe_gateway.create_portal_session(
            {"customer": customer.stripe_customer_id or "", "return_url": back}
        )
    except stripe_gateway.StripeError:
        messages.error(request, _("The portal could not be opened just now. Please try again in a moment."))
        return redirect("billing:plans")
    return HttpResponseRedirect(str(session["url"]), status=303)


@require_safe
@for_customers
def success(request: CustomerRequest) -> HttpResponse:
    """Say what became of the checkout the customer comes back from; asks again by itself while that is unknown."""
    customer = customers.for_user(request.user)
    session_id = request.GET.get("session_id", "")
    found = outcome.of_session(session_id, customer=customer)
    if found is None:
        raise Http404
    polls = _polls(request) + 1
    again = urlencode({"session_id": session_id, "polls": str(polls)}) if polls <= MOST_POLLS else ""
    context = {"outcome": found, "again": again, "delay_seconds": min(polls * 2, 15)}
    template = "billing/_outcome.html" if request.htmx else "billing/success.html"
    response = render(request, template, context)
    if not found.is_waiting:
        links.drop_code(response)
    return response


@require_safe
@for_customers
def cancelled(request: CustomerRequest) -> HttpResponse:
    """Say that nothing was charged, and offer the way back to the same order."""
    left = unfinished.latest_unsettled(customers.for_user(request.user), now=timezone.now())
    code = left.promo_code.code if left and left.promo_code else ""
    query = urlencode({"plan": left.plan, "code": code}) if left else ""
    return render(request, "billing/cancelled.html", {"code": code, "query": query})


@require_safe
@never_cache
def code_link(request: CustomerRequest, code: str) -> HttpResponse:
    """Lead a shared link to the plans, whether there is such a code or not."""
    return _follow(request, code)


def _follow(request: CustomerRequest, text: str) -> HttpResponse:
    kept = urlencode({"plan": request.GET["plan"]}) if "plan" in request.GET else ""
    response = redirect(f"{reverse('billing:plans')}?{kept}" if kept else "billing:plans")
    # Whoever only asks whether a link is alive, as mail scanners do, is no visitor.
    return response if request.method == "HEAD" else links.follow(request, response, text)


def _polls(request: HttpRequest) -> int:
    polls = request.GET.get("polls", "0")
    return int(polls) if polls.isascii() and polls.isdigit() and len(polls) < 4 else 0


def _plans_page(
    request: CustomerRequest,
    form: OrderForm,
    verdict: Verdict | None = None,
    *,
    status: int = 200,
    **said: str | int,
) -> HttpResponse:
    """Show the plans, with what is ``said`` on them: ``problem``, ``is_link_dead``, ``linked_code``, ``given_refusal``."""
    on_sale, chosen = form.plans.values(), form.chosen_plan
    shown = bill.on_this_side(on_sale, chosen) if chosen else []
    cards, sides = [PlanCard.of(plan) for plan in shown], bill.choices(on_sale, chosen) if chosen else []
    context = {
        **_order(form, verdict),
        "running": current.all_of(customers.for_user(request.user), now=timezone.now()),
        "cards": cards,
        "sides": sides,
        "is_answer": request.method == "POST",
        **said,
    }
    return render(request, "billing/plans.html", context, status=status)


def _order(form: OrderForm, verdict: Verdict | None = None) -> dict[str, object]:
    """What the priced part of the page needs."""
    plan = form.chosen_plan
    priced = Bill.of(plan, verdict, on_sale=form.plans.values()) if plan else None
    errors = [str(error) for field_errors in form.errors.values() for error in field_errors]
    return {"form": form, "chosen": plan and plan.price_id, "bill": priced, "form_errors": errors}
