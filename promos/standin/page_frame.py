"""What the hosted pages have in common: their frame, and how their forms are read."""

from html import escape

from promos.standin.currencies import money
from promos.standin.messages import Request, Response
from promos.standin.pay_style import STYLE


def page(title: str, body: str, *, name: str = "Checkout", status: int = 200) -> Response:
    """Return a hosted page around a body that is HTML already."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} · Stand-in for Stripe {name}</title><style>{STYLE}</style></head><body>"
        f'<div class="banner">Stand-in for Stripe {name} — no real money</div>'
        f"<main>{body}</main></body></html>"
    )
    return Response(status, html, {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})


def redirect(url: str) -> Response:
    """Return where a form that was sent leads on to."""
    return Response(303, "", {"Location": url})


def sent(request: Request, name: str) -> str:
    """Return one field of a form, empty when it is not there."""
    value = request.params.get(name, "")
    return value if isinstance(value, str) else ""


def alert(problem: str) -> str:
    """Return what went wrong as a reader is told it."""
    return f'<p role="alert">{escape(problem)}</p>' if problem else ""


def row(label: str, amount: int, currency: str, style: str = "") -> str:
    """Return a row of a table of amounts."""
    return f'<tr class="{style}"><th scope="row">{escape(label)}</th><td>{money(amount, currency)}</td></tr>'
