"""The pay page of a session, as HTML."""

from html import escape

from promos.standin.currencies import money
from promos.standin.kinds import Document
from promos.standin.messages import Request
from promos.standin.page_frame import alert, row, sent

#: Countries that the form offers; Stripe's has all.
COUNTRIES = ("US", "AT", "AU", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "NL", "PL", "SE")


def checkout(session: Document, request: Request, problem: str = "") -> str:
    """Return the order, the code's field and the payment form of an open session."""
    return (
        f"{alert(problem)}<section><h1>Your order</h1>{_order(session)}{_code_form(session)}</section>"
        f"<section>{_payment_form(session, request)}</section>{back(session)}"
    )


def _order(session: Document) -> str:
    currency = session["currency"]
    rows = "".join(
        row(_item_label(item), item["amount_subtotal"], currency) for item in session["line_items"]["data"]
    )
    off = session["total_details"]["amount_discount"]
    totals = row("Subtotal", session["amount_subtotal"], currency)
    if session["discounts"]:
        totals += row("Discount", -off, currency, "discount")
    totals += row("Total due today", session["amount_total"], currency, "total")
    return f"<table><tbody>{rows}</tbody><tfoot>{totals}</tfoot></table>"


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
    email = known_email(session)
    fields = f"<p>Paying as {escape(email)}</p>" if email else _field("email", "Email", "email", request)
    if needs_card(session):
        fields += _field("card", "Card number", "cc-number", request)
        fields += '<p class="soft">Test cards: 4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined.</p>'
    else:
        fields += '<p class="soft">Nothing is due, and no card is needed.</p>'
    fields += _country(request)
    label = (
        f"Pay {money(session['amount_total'], session['currency'])}"
        if session["amount_total"]
        else "Complete order"
    )
    button = f'<button class="pay" name="action" value="pay">{label}</button>{_bank(session)}'
    return f'<h1>Payment</h1><form method="post">{fields}{button}</form>'


def _country(request: Request) -> str:
    chosen = sent(request, "country")
    options = "".join(
        f"<option{' selected' if country == chosen else ''}>{country}</option>" for country in COUNTRIES
    )
    return (
        '<label for="country">Country</label>'
        f'<select id="country" name="country" autocomplete="country">{options}</select>'
    )


def _bank(session: Document) -> str:
    if not takes_bank(session):
        return ""
    return (
        '<button class="pay other" name="action" value="bank" formnovalidate>Use a bank debit</button>'
        '<p class="soft">A bank debit needs no card here; it settles, or fails, later.</p>'
    )


def outcome(session: Document) -> str:
    """Return the page of a complete checkout whose money is still to come: both ways it may turn out."""
    return (
        "<section><h1>Waiting for the bank</h1><p>This checkout is complete, its payment on the way.</p>"
        '<form method="post"><div class="row"><button name="action" value="settle">The bank pays</button>'
        f'<button name="action" value="fail">The bank refuses</button></div></form></section>{back(session)}'
    )


def _field(name: str, label: str, autocomplete: str, request: Request) -> str:
    kind = 'type="email"' if name == "email" else 'type="text" inputmode="numeric"'
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" {kind} autocomplete="{autocomplete}"'
        f' value="{escape(sent(request, name))}" required>'
    )


def back(session: Document) -> str:
    """Return the link to the shop for somebody who does not pay."""
    return _link(session["cancel_url"], "Cancel and go back")


def leave(session: Document) -> str:
    """Return the link to the shop from a checkout that is over: to what became of it."""
    url = success_url(session) if session["status"] == "complete" else session["cancel_url"]
    return _link(url, "Go back to the shop")


def success_url(session: Document) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _link(url: str | None, words: str) -> str:
    return f'<p><a href="{escape(url)}">{words}</a></p>' if url else ""


def needs_card(session: Document) -> bool:
    """Tell whether a card is asked for: always for money, and for a free subscription unless told otherwise."""
    return bool(session["amount_total"]) or session["payment_method_collection"] == "always"


def takes_bank(session: Document) -> bool:
    """Tell whether there is money to pay and a bank debit may pay it."""
    return bool(session["amount_total"]) and session["payment_method_types"] != ["card"]


def known_email(session: Document) -> str:
    """Return the email that the opener of the session gave, if any."""
    return (session["customer_details"] or {}).get("email") or ""
