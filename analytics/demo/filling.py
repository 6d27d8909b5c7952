"""Filling a demo installation whose processes run: step by step, each done once, so that a second run continues."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings

from analytics.demo import catalogue, history, story
from analytics.demo.visitor import Stuck, Visitor

#: How many times ``fill`` yields when nothing goes wrong.
STEPS = 8 + history.ORDERS


def fill(site: str, environment: dict[str, str], *, today: datetime) -> Iterator[str]:
    """Connect to the stand-in, make plans, codes, a redemption and the history; yields what is being done.

    Raises:
        visitor.Stuck: something did not do what a person would expect.
    """
    yield "Connecting to Stripe's stand-in"
    _connect(environment)
    story.make_people()
    yield "Making plans at Stripe"
    made = catalogue.ensure()
    story.wait_for_plans(made)
    owner = Visitor(site)
    yield "Signing in as the owner"
    owner.sign_in(story.OWNER, story.PASSWORD)
    yield "Making a campaign"
    campaign = story.make_campaign(owner)
    for code, form in story.codes_of(made).items():
        yield f"Making the code {code}"
        story.make_code(owner, code, form, campaign if code == story.CAMPAIGN_CODE else None)
    yield "Redeeming SOFTWAREOWNER"
    story.redeem(owner, "SOFTWAREOWNER", made.monthly_price)
    for order in history.record(made, today=today):
        yield f"Writing history: {order.at:%d %B}"


def _connect(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "connect_stripe"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Stuck(f"connect_stripe failed:\n{done.stdout}{done.stderr}")
