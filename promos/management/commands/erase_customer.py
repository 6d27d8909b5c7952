"""Forget a customer's address and keep the money."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos import erasure
from promos.erasure import Erased

WORDS = {
    "customers": "customers",
    "accounts": "logins",
    "webhook_events": "events",
    "mirrored_events": "events of dj-stripe",
    "mirrored_bodies": "stored requests of dj-stripe",
    "log_entries": "entries of the admin's log",
    "reasons": "reasons in the history",
}


class Command(BaseCommand):
    help = (
        "Remove an address in every spelling, and what events say of the person, from all tables; orders and figures "
        "stay. Exits 1 when nothing is known of the address, or it still stands somewhere."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address, in any spelling")
        parser.add_argument("--account", action="store_true", help="close the login with this address too")
        parser.add_argument("--dry-run", action="store_true", help="count only, change nothing")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        dry_run = options["dry_run"]
        erased = erasure.erase(email, now=timezone.now(), with_account=options["account"], dry_run=dry_run)
        left = {} if dry_run else erasure.places(email)
        if options["json"]:
            data = asdict(erased) | {"dry_run": dry_run, "left": left}
            self.stdout.write(json.dumps(data, indent=2))
        else:
            self._print(erased, dry_run=dry_run)
        if left:
            raise CommandError(_left(left))
        if not any(getattr(erased, name) for name in WORDS):
            raise CommandError(f"Nothing is known of {email}.")

    def _print(self, erased: Erased, *, dry_run: bool) -> None:
        did = "would be cleared" if dry_run else "cleared"
        for name, words in WORDS.items():
            if count := getattr(erased, name):
                self.stdout.write(f"{count} {words} {did}.")
        for stripe_customer_id in erased.stripe_customer_ids:
            self.stdout.write(f"Stripe still has {stripe_customer_id}: delete the customer there.")


def _left(left: dict[str, int]) -> str:
    places = ", ".join(f"{place} ({count})" for place, count in left.items())
    return f"The address still stands in {places}. --account closes a login; the rest was typed by hand."
