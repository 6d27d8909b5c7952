"""One customer with a script: however fast it guesses, and over several web processes, it learns next to nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from analytics.demo import catalogue
from analytics.demo.visitor import Visitor
from promos import codes
from tests import factories
from tests.conftest import PASSWORD
from tests.flows.conftest import House

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

GUESSES, CLIENTS = 10_000, 4
#: What is said to a code that cannot be used, and to somebody who tries too many.
ANSWER, BRAKED = "This code cannot be used", "These were many codes"


@pytest.fixture
def second_house(house: House, settings: object) -> Iterator[House]:
    """Another web server on the same database, as on a second machine."""
    port = int(house.bind.rpartition(":")[2]) + 1
    built = House(house.standin, port)
    built.open()
    yield built
    built.close()


def guess(visitor: Visitor, plan: str, times: int) -> Counter[str]:
    """Try random codes and count what is said; anything unknown counts under its status."""
    said: Counter[str] = Counter()
    visitor.session.headers.update({"HX-Request": "true", "HX-Trigger": "apply"})
    for _ in range(times):
        answer = visitor.post("/billing/check/", {"plan": plan, "code": codes.generate(6)})
        known = [text for text in (ANSWER, BRAKED) if text in answer.text]
        said[known[0] if known else str(answer.status_code)] += 1
    return said


def test_ten_thousand_guesses_get_thirty_answers(
    house: House, second_house: House, shop: catalogue.Catalogue
) -> None:
    user = factories.user("guesser@example.com", PASSWORD)
    visitors = [place.sign_in(user) for place in (house, second_house) for _ in range(CLIENTS // 2)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        tried = [pool.submit(guess, who, shop.monthly_price, GUESSES // CLIENTS) for who in visitors]
        said: Counter[str] = sum((each.result() for each in tried), Counter())
    assert said[ANSWER] <= 30
    assert said == {ANSWER: said[ANSWER], BRAKED: GUESSES - said[ANSWER]}
