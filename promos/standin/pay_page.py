"""The hosted pay page, where a person enters a code and a test card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promos.standin import checkout, completion, delayed, errors, page_frame, pay_form
from promos.standin.errors import StripeError
from promos.standin.kinds import Document
from promos.standin.messages import Request, Response

if TYPE_CHECKING:
    from promos.standin.api import Api
    from promos.standin.call import Call

PATH = "/c/pay/"
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
STATUS_WORDS = {
    "complete": "This checkout is complete. There is nothing more to pay.",
    "failed": "This checkout is complete, but the bank refused its payment.",
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
    if delayed.is_waiting(session):
        return _decide(call, session, request)
    if session["status"] != "open":
        words = STATUS_WORDS["failed" if session.get("_failed") else session["status"]]
        return page_frame.page("Checkout", f"<p>{words}</p>{pay_form.leave(session)}")
    if request.method != "POST":
        return page_frame.page("Pay", pay_form.checkout(session, request))
    actions = {"code": _enter_code, "remove": _remove_code, "pay": _pay, "bank": _pay_by_bank}
    return actions.get(page_frame.sent(request, "action"), _pay)(call, session, request)


def _refused(call: Call, identifier: str, request: Request, error: StripeError) -> Response:
    session = call.store.get("checkout.session", identifier)
    if session is None:
        return page_frame.page("Checkout", "<p>There is no such checkout.</p>", status=404)
    return page_frame.page("Pay", pay_form.checkout(session, request, error.message), status=error.status)


def _enter_code(call: Call, session: Document, request: Request) -> Response:
    if not session["allow_promotion_codes"]:
        raise StripeError("This checkout takes no codes.")
    checkout.enter_code(call, session, page_frame.sent(request, "promotion_code"))
    return page_frame.redirect(f"{PATH}{session['id']}")


def _remove_code(call: Call, session: Document, request: Request) -> Response:
    if session["allow_promotion_codes"]:
        checkout.remove_code(call, session)
    return page_frame.redirect(f"{PATH}{session['id']}")


def _pay(call: Call, session: Document, request: Request) -> Response:
    email = _email(session, request)
    if pay_form.needs_card(session):
        _check_card(page_frame.sent(request, "card"))
    return _finish(completion.complete(call, session, email=email, country=_country(request)))


def _pay_by_bank(call: Call, session: Document, request: Request) -> Response:
    if not pay_form.takes_bank(session):
        raise StripeError("This checkout takes no bank debits.")
    email, country = _email(session, request), _country(request)
    return _finish(completion.complete(call, session, email=email, country=country, pays_later=True))


def _finish(session: Document) -> Response:
    return page_frame.redirect(pay_form.success_url(session))


def _email(session: Document, request: Request) -> str:
    email = pay_form.known_email(session) or page_frame.sent(request, "email").strip()
    if "@" not in email:
        raise StripeError("Please enter your email address.", param="email")
    return email


def _country(request: Request) -> str:
    country = page_frame.sent(request, "country") or pay_form.COUNTRIES[0]
    if country not in pay_form.COUNTRIES:
        raise StripeError("Please choose a country.", param="country")
    return country


def _decide(call: Call, session: Document, request: Request) -> Response:
    """Play the bank."""
    action = page_frame.sent(request, "action")
    if action in ("settle", "fail"):
        (delayed.settle if action == "settle" else delayed.fail)(call, session["id"])
        return page_frame.redirect(f"{PATH}{session['id']}")
    return page_frame.page("Waiting", pay_form.outcome(session))


def _check_card(number: str) -> None:
    digits = number.replace(" ", "")
    if digits == DECLINED_CARD:
        raise errors.declined()
    if digits != GOOD_CARD:
        raise StripeError("Use the test card 4242 4242 4242 4242.", status=402, kind="card_error")
