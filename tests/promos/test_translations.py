"""Every text that a customer reads goes through gettext: in a language of brackets nothing stands outside of them."""

import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from config import languages
from promos.billing.current import STATUSES
from promos.billing.words import NOT_OPENED, REFUSALS
from promos.models import Customer, Subscription
from promos.standin.server import Standin
from tests import shop

pytestmark = pytest.mark.django_db
#: What has a name of its own in every language.
NAMES = re.compile(
    r"Promodesk|Team|Setup|LOYAL|SPRING20|NOSUCH|customer@example\.com|usd|https?://\S+|&\w+;", re.IGNORECASE
)
#: Read aloud or shown, though no text of the page.
ATTRIBUTES = {"aria-label", "placeholder", "title", "alt"}


class Reader(HTMLParser):
    """Collects what somebody reads or hears on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.is_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_code = tag in {"script", "style"}
        self.heard += [value for name, value in attrs if name in ATTRIBUTES and value]

    def handle_data(self, data: str) -> None:
        if not self.is_code:
            self.heard.append(data)


def untranslated(page: str) -> list[str]:
    """Return the words of a page that did not come from gettext."""
    reader = Reader()
    reader.feed(page)
    text = " ".join(reader.heard)
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = inner
    return re.findall(r"[^\W\d_]{2,}", NAMES.sub(" ", text))


@pytest.fixture
def _brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    def bracketed(which: int) -> Callable[..., str]:
        return lambda *messages: f"⟦{messages[which]}⟧"

    for name, which in {"gettext": 0, "pgettext": 1, "ngettext": 1, "npgettext": 2}.items():
        monkeypatch.setattr(translation._trans, name, bracketed(which))


@pytest.fixture
def buyer(client: Client, customer: Customer, standin: Standin, now: datetime) -> Client:
    """A customer with a running subscription, before a shop with a code."""
    team = shop.open_shop()
    shop.give_code("SPRING20", offer={"duration": "repeating", "duration_in_months": 3})
    shop.give_code("LOYAL", offer={"percent_off": 100, "duration": "forever"})
    Subscription.objects.create(
        customer=customer,
        stripe_subscription_id="sub_1",
        status="active",
        plan=team.monthly,
        started_at=now,
        current_period_ends_at=now,
    )
    client.force_login(customer.user)
    return client


@pytest.mark.parametrize(
    "address",
    [
        "/billing/",
        "/billing/?code=SPRING20",
        "/billing/?code=LOYAL",
        "/billing/?code=NOSUCH",
        "/billing/cancelled/",
        "/accounts/email/",
        "/no/such/page",
    ],
)
@pytest.mark.usefixtures("_brackets")
def test_page_for_customers_is_translatable(buyer: Client, address: str) -> None:
    assert untranslated(buyer.get(address).content.decode()) == []


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
@pytest.mark.usefixtures("_brackets")
def test_page_before_login_is_translatable(client: Client, db: None, address: str) -> None:
    assert untranslated(client.get(address).content.decode()) == []


@pytest.mark.usefixtures("_brackets")
def test_messages_are_translatable(buyer: Client) -> None:
    page = buyer.post("/billing/subscription/code/", {"subscription_code": "NOSUCH"}, follow=True)
    assert untranslated(page.content.decode()) == []
    assert untranslated(buyer.post("/billing/check/", {"plan": "price_gone"}).content.decode()) == []


@pytest.mark.usefixtures("_brackets")
def test_reasons_are_translatable() -> None:
    said = [*REFUSALS.values(), *NOT_OPENED.values(), *STATUSES.values()]
    assert [str(text) for text in said if untranslated(str(text))] == []


@pytest.mark.usefixtures("_brackets")
def test_text_past_gettext_is_found() -> None:
    assert untranslated("<p>⟦Plan⟧ bought</p><a title='see it'></a>") == ["bought", "see", "it"]


@pytest.mark.parametrize("address", ["/accounts/login/", "/accounts/signup/", "/no/such/page"])
def test_page_without_a_translation_is_in_one_language(client: Client, db: None, address: str) -> None:
    page = client.get(address, headers={"Accept-Language": "de-DE,de;q=0.9"}).content.decode()
    assert '<html lang="en' in page
    assert "Passwort" not in page


def test_compiled_translation_is_offered(tmp_path: Path) -> None:
    compiled = tmp_path / "pt_BR" / "LC_MESSAGES" / "django.mo"
    compiled.parent.mkdir(parents=True)
    assert languages.offered([tmp_path]) == [("en", "English")]
    compiled.touch()
    assert languages.offered([tmp_path]) == [("en", "English"), ("pt-br", "Brazilian Portuguese")]
