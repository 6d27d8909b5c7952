"""The code field takes anything at all without a failure: random bytes, lookalikes, marks, floods, injections."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from promos import brake
from promos.models import Customer
from promos.standin.server import Standin
from tests import factories, shop

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

#: Parts, each with its own texts, and how many of them: 20,000 in all.
PARTS, INPUTS = 16, 1_250
HTMX = {"HX-Request": "true", "HX-Trigger": "apply"}
NASTY = [
    *("\0", "\t", "-", "\ud7ff\ue000", "\u202e", "\u200b", "\ufeff", "\U0001f4a5", "\U0010ffff"),
    *("\u00df", "\u0131", "\u0130", "\ufb01", "\uff21", "\u0410", "K" + "\u0301" * 40, "A" * 300),
    *("' OR 1=1 --", '"><script>', "{{7*7}}", "%00", "%s%n", "../", "\r\nX: y"),
]
GOOD = ["good", " GOOD ", "\uff27\uff2f\uff2f\uff24", "g\u043e\u043ed", "GOOD\0", "GO OD"]


def texts(part: int) -> Iterator[str]:
    chance = random.Random(part)  # noqa: S311
    for _ in range(INPUTS):
        match chance.randrange(4):
            case 0:
                yield "".join(chance.choice(NASTY) for _ in range(chance.randrange(6)))
            case 1:
                points = (chance.randrange(0x110000) for _ in range(chance.randrange(30)))
                yield "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
            case 2:
                yield chance.randbytes(chance.randrange(40)).decode("latin-1")
            case _:
                yield chance.choice(GOOD) + chance.choice(["", *NASTY])


@pytest.mark.parametrize("part", range(PARTS))
def test_code_field_answers_anything(
    client: Client, customer: Customer, standin: Standin, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    plan = shop.open_shop().monthly
    factories.PromoCodeFactory(code="GOOD")
    monkeypatch.setattr(brake, "PERSON", brake.Limit(freely=INPUTS, most=INPUTS, per_hour=1))
    monkeypatch.setattr(brake, "ALL_REFUSALS", brake.PERSON)
    monkeypatch.setattr("promos.billing.even_time.STEP_SECONDS", timedelta.resolution.total_seconds())
    client.force_login(customer.user)
    for number, text in enumerate(texts(part)):
        address = "/billing/checkout/" if number % 20 == 0 else "/billing/check/"
        answer = client.post(address, {"plan": plan, "code": text}, headers=HTMX)
        assert answer.status_code < 500, (address, text)
