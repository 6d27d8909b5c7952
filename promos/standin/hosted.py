"""Everything that is served to browsers rather than to the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promos.standin import pay_page, portal_page
from promos.standin.messages import Request, Response

if TYPE_CHECKING:
    from promos.standin.api import Api

PAGES = {pay_page.PATH: pay_page.handle, portal_page.PATH: portal_page.handle}


def respond(api: Api, request: Request) -> Response | None:
    """Return a hosted page, or None when the address is the API's."""
    if request.path == "/favicon.ico":
        # Browsers ask without being told to; no icon is no error.
        return Response(204, "")
    for prefix, handle in PAGES.items():
        if request.path.startswith(prefix):
            return handle(api, request)
    return None
