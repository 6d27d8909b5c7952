"""A person with a browser, as far as the demo needs one: signs in, opens pages, sends forms."""

from __future__ import annotations

from urllib.parse import urljoin

import requests

TIMEOUT_SECONDS = 20


class Stuck(Exception):
    """A page did not do what a person would expect."""


class Visitor:
    def __init__(self, site: str) -> None:
        self.site = site
        self.session = requests.Session()

    def sign_in(self, email: str, password: str) -> None:
        """Raises Stuck when the login is refused."""
        self.get("/accounts/login/")
        answer = self.post("/accounts/login/", {"login": email, "password": password})
        if not answer.is_redirect:
            raise Stuck(f"{email} could not sign in.")

    def get(self, path: str) -> requests.Response:
        return self.session.get(urljoin(self.site, path), timeout=TIMEOUT_SECONDS)

    def post(self, path: str, form: dict[str, str | list[str]]) -> requests.Response:
        """Send a form of our own pages; the answer's redirect is not followed."""
        url = urljoin(self.site, path)
        token = self.session.cookies.get("csrftoken", "")
        return self.session.post(
            url,
            data={"csrfmiddlewaretoken": token, **form},
            headers={"Referer": url},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )

    def pay(self, checkout_url: str) -> requests.Response:
        """Pay on the hosted page with the test card; return where it leads afterwards."""
        form = {"action": "pay", "card": "4242 4242 4242 4242"}
        return self.session.post(checkout_url, data=form, timeout=TIMEOUT_SECONDS)
