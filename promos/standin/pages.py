"""The hosted pay page, where a person enters a code and a test card."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from promos.standin import checkout, completion
from promos.standin.currencies import money
from promos.standin.errors import StripeError
from promos.standin.kinds import Document
from promos.standin.messages import Request, Response
from promos.standin.pay_style import STYLE

if TYPE_CHECKING:
    from promos.standin.api import Api
    from promos.standin.call import Call

PATH = "/c/pay/"
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
STATUS_WORDS = {
    "complete": "This checkout is complete. There is nothing more to pay.",
    "expired": "This checkout has expired. Please go back to the shop and start again.",
}


def handle(api: Api, request: Request) -> Response:
    """Show a session's page, or do what its form asks for."""
    identifier = request.path.removeprefix(PATH)
    api.sweep()
    try:
        with api.store.transaction():
            return _respond(api.call(), identifier, request)
    except StripeError as error:
        with api.store.transaction():
            return _refused(api.call(), identifier, request, error)


def _respond(call: Call, identifier: str, request: Request) -> Response:
    session = call.get("checkout.session", identifier, status=404)
    if session["status"] != "open":
        return _page("Checkout", f"<p>{STATUS_WORDS[session['status']]}</p>{_back(session)}")
    if request.method != "POST":
        return _page("Pay", _checkout(session, request, ""))
    actions = {"code": _enter_code, "remove": _remove_code, "pay": _pay}
    return actions.get(_sent(request, "action"), _pay)(call, session, request)


def _refused(call: Call, identifier: str, request: Request, error: StripeError) -> Response:
    session = call.store.get("checkout.session", identifier)
    if session is None:
        return _page("Checkout", "<p>There is no such checkout.</p>", status=404)
    return _page("Pay", _checkout(session, request, error.message), status=error.status)


def _enter_code(call: Call, session: Document, request: Request) -> Response:
    if not session["allow_promotion_codes"]:
        raise StripeError("This checkout takes no codes.")
    checkout.enter_code(call, session, _sent(request, "promotion_code"))
    return _redirect(f"{PATH}{session['id']}")


def _remove_code(call: Call, session: Document, request: Request) -> Response:
    if session["allow_promotion_codes"]:
        checkout.remove_code(call, session)
    return _redirect(f"{PATH}{session['id']}")


def _pay(call: Call, session: Document, request: Request) -> Response:
    email = _known_email(session) or _sent(request, "email").strip()
    if "@" not in email:
        raise StripeError("Please enter your email address.", param="email")
    if needs_card(session):
        _check_card(_sent(request, "card"))
    session = completion.complete(call, session, email=email)
    return _redirect(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _check_card(number: str) -> None:
    digits = number.replace(" ", "")
    if digits == DECLINED_CARD:
        raise StripeError("Your card was declined.", status=402, kind="card_error", code="card_declined")
    if digits != GOOD_CARD:
        raise StripeError("Use the test card 4242 4242 4242 4242.", status=402, kind="card_error")


def needs_card(session: Document) -> bool:
    """Tell whether a card is asked for: always for money, and for a free subscription unless told otherwise."""
    return bool(session["amount_total"]) or session["payment_method_collection"] == "always"


def _known_email(session: Document) -> str:
    return (session["customer_details"] or {}).get("email") or ""


def _sent(request: Request, name: str) -> str:
    value = request.params.get(name, "")
    return value if isinstance(value, str) else ""


def _redirect(url: str) -> Response:
    return Response(303, "", {"Location": url})


def _checkout(session: Document, request: Request, problem: str) -> str:
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return (
        f"{alert}<section><h1>Your order</h1>{_order(session)}{_code_form(session)}</section>"
        f"<section>{_payment_form(session, request)}</section>{_back(session)}"
    )


def _order(session: Document) -> str:
    currency = session["currency"]
    rows = "".join(
        _row(_item_label(item), item["amount_subtotal"], currency) for item in session["line_items"]["data"]
    )
    off = session["total_details"]["amount_discount"]
    totals = _row("Subtotal", session["amount_subtotal"], currency)
    if session["discounts"]:
        totals += _row("Discount", -off, currency, "discount")
    totals += _row("Total due today", session["amount_total"], currency, "total")
    return f"<table><tbody>{rows}</tbody><tfoot>{totals}</tfoot></table>"


def _row(label: str, amount: int, currency: str, style: str = "") -> str:
    return f'<tr class="{style}"><th scope="row">{escape(label)}</th><td>{money(amount, currency)}</td></tr>'


def _item_label(item: Document) -> str:
    recurring = item["price"]["recurring"]
    times = f" × {item['quantity']}" if item["quantity"] > 1 else ""
    if not recurring:
        return f"{item['description']}{times}"
    count = recurring["interval_count"]
    every = f"{count} {recurring['interval']}s" if count > 1 else recurring["interval"]
    return f"{item['description']}{times}, every {every}"


def _code_form(session: Document) -> str:
    if not session["allow_promotion_codes"]:
        return ""
    if session["discounts"]:
        return (
            '<form method="post"><button name="action" value="remove">Remove promotion code</button></form>'
        )
    return (
        '<form method="post"><label for="promotion_code">Promotion code</label><div class="row">'
        '<input id="promotion_code" name="promotion_code" autocomplete="off" autocapitalize="characters" required>'
        '<button name="action" value="code">Apply</button></div></form>'
    )


def _payment_form(session: Document, request: Request) -> str:
    email = _known_email(session)
    fields = f"<p>Paying as {escape(email)}</p>" if email else _field("email", "Email", "email", request)
    if needs_card(session):
        fields += _field("card", "Card number", "cc-number", request)
        fields += '<p class="soft">Test cards: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined.</p>'
    else:
        fields += '<p class="soft">Nothing is due, and no card is needed.</p>'
    label = (
        f"Pay {money(session['amount_total'], session['currency'])}"
        if session["amount_total"]
        else "Complete order"
    )
    button = f'<button class="pay" name="action" value="pay">{label}</button>'
    return f'<h1>Payment</h1><form method="post">{fields}{button}</form>'


def _field(name: str, label: str, autocomplete: str, request: Request) -> str:
    kind = 'type="email"' if name == "email" else 'type="text" inputmode="numeric"'
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" {kind} autocomplete="{autocomplete}"'
        f' value="{escape(_sent(request, name))}" required>'
    )


def _back(session: Document) -> str:
    url = session["cancel_url"]
    return f'<p><a href="{escape(url)}">Cancel and go back</a></p>' if url else ""


def _page(title: str, body: str, status: int = 200) -> Response:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · Stand-in for Stripe Checkout</title><style>{STYLE}</style></head><body>"
        '<div class="banner">Stand-in for Stripe Checkout — no real money</div>'
        f"<main>{body}</main></body></html>"
    )
    return Response(status, html, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})
