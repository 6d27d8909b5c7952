"""The hosted customer portal, where a person sees what they subscribe to, enters a code, cancels."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from promos.standin import discounts, page_frame, payments, renewals, subscriptions
from promos.standin.currencies import money
from promos.standin.errors import StripeError
from promos.standin.kinds import RUNNING, Document
from promos.standin.messages import Request, Response

if TYPE_CHECKING:
    from promos.standin.api import Api
    from promos.standin.call import Call

PATH = "/p/session/"


def handle(api: Api, request: Request) -> Response:
    """Show a customer's portal, or do what one of its forms asks for."""
    identifier = request.path.removeprefix(PATH)
    api.sweep()
    try:
        with api.store.transaction():
            return _respond(api.call(), identifier, request)
    except StripeError as error:
        with api.store.transaction():
            return _shown(api.call(), identifier, error.message, status=error.status)


def _respond(call: Call, identifier: str, request: Request) -> Response:
    if request.method != "POST":
        return _shown(call, identifier)
    session = call.get("billing_portal.session", identifier, status=404)
    subscription = call.get("subscription", page_frame.sent(request, "subscription"))
    if subscription["customer"] != session["customer"]:
        raise StripeError("There is no such subscription.", status=404)
    ACTIONS.get(page_frame.sent(request, "action"), _enter_code)(call, subscription, request)
    return page_frame.redirect(f"{PATH}{identifier}")


def _enter_code(call: Call, subscription: Document, request: Request) -> None:
    text = page_frame.sent(request, "promotion_code")
    subscriptions.redeem(call, subscription, discounts.entered(call, text, subscription["customer"]))


def _cancel(call: Call, subscription: Document, request: Request) -> None:
    subscriptions.update(call, subscription, {"cancel_at_period_end": True})


def _resume(call: Call, subscription: Document, request: Request) -> None:
    subscriptions.update(call, subscription, {"cancel_at_period_end": False})


def _renew(call: Call, subscription: Document, request: Request) -> None:
    renewals.renew(call, subscription["id"])


def _break_card(call: Call, subscription: Document, request: Request) -> None:
    payments.set_declined(call, subscription["customer"], is_declined=True)


def _mend_card(call: Call, subscription: Document, request: Request) -> None:
    payments.set_declined(call, subscription["customer"], is_declined=False)


ACTIONS = {
    "break": _break_card,
    "cancel": _cancel,
    "code": _enter_code,
    "mend": _mend_card,
    "renew": _renew,
    "resume": _resume,
}


def _shown(call: Call, identifier: str, problem: str = "", *, status: int = 200) -> Response:
    session = call.store.get("billing_portal.session", identifier)
    if session is None:
        return _page("<p>There is no such portal session.</p>", status=404)
    mine = call.store.walk("subscription", key=("customer", session["customer"]))
    running = [_subscription(call, one) for one in mine if one["status"] in RUNNING]
    body = "".join(running) or "<section><p>You have no subscription.</p></section>"
    return _page(
        f"{page_frame.alert(problem)}{body}{_invoices(call, session)}{_back(session)}", status=status
    )


def _page(body: str, status: int) -> Response:
    return page_frame.page("Your subscription", body, name="Billing", status=status)


def _subscription(call: Call, subscription: Document) -> str:
    [first, *_] = subscription["items"]["data"]
    name = call.get("product", first["price"]["product"])["name"]
    word = "Ends" if subscription["cancel_at"] else "Renews"
    day = _day(subscription["cancel_at"] or subscriptions.period_end(subscription))
    amount = money(first["price"]["unit_amount"] * first["quantity"], subscription["currency"])
    found = (call.get("discount", identifier) for identifier in subscription["discounts"])
    off = "".join(f'<p class="discount">Discount: {escape(_discount(call, one))}</p>' for one in found)
    return (
        f"<section><h1>{escape(name)}</h1><p>{amount} every {first['price']['recurring']['interval']}."
        f" {word} on {day}.</p>{off}{_forms(subscription)}{_time(call, subscription)}</section>"
    )


def _discount(call: Call, discount: Document) -> str:
    code = discount["promotion_code"] and call.store.get("promotion_code", discount["promotion_code"])
    return str(code["code"] if code else discount["_coupon"]["name"] or discount["_coupon"]["id"])


def _forms(subscription: Document) -> str:
    identifier = subscription["id"]
    hidden = f'<input type="hidden" name="subscription" value="{identifier}">'
    action, label = ("resume", "Do not cancel") if subscription["cancel_at"] else ("cancel", "Cancel plan")
    return (
        f'<form method="post">{hidden}<label for="code-{identifier}">Promotion code</label><div class="row">'
        f'<input id="code-{identifier}" name="promotion_code" autocomplete="off" required>'
        '<button name="action" value="code">Apply</button></div></form>'
        f'<form method="post">{hidden}<p><button name="action" value="{action}">{label}</button></p></form>'
    )


def _time(call: Call, subscription: Document) -> str:
    """Return what no real portal has: buttons to end the period now and to let the card fail."""
    action, label = (
        ("mend", "Card works again")
        if payments.is_declined(call, subscription["customer"])
        else ("break", "Card fails")
    )
    return (
        f'<form method="post"><input type="hidden" name="subscription" value="{subscription["id"]}">'
        '<p class="soft">Only at the stand-in, to see what follows:</p><div class="row">'
        '<button name="action" value="renew">End the period now</button>'
        f'<button name="action" value="{action}">{label}</button></div></form>'
    )


def _invoices(call: Call, session: Document) -> str:
    found = call.store.walk("invoice", key=("customer", session["customer"]))
    rows = "".join(
        page_frame.row(f"{_day(one['created'])} · {one['status']}", one["total"], one["currency"])
        for one in found
    )
    return f"<section><h1>Invoices</h1><table><tbody>{rows}</tbody></table></section>" if rows else ""


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%d %B %Y}"


def _back(session: Document) -> str:
    url = session["return_url"]
    return f'<p><a href="{escape(url)}">Go back</a></p>' if url else ""
