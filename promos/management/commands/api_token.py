"""Make, list and revoke the keys to the JSON API."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos import api_tokens
from promos.models import ApiToken

#: For a program, and in lines for a person.
Outcome = tuple[dict[str, Any], list[str]]


def days(text: str) -> int:
    # Ten years are longer than any program lives; far more would leave the calendar.
    if not text.isdecimal() or not 0 < int(text) <= 3_650:
        raise ArgumentTypeError("Take from 1 to 3650 days, or leave it out: good until it is revoked.")
    return int(text)


def name(text: str) -> str:
    longest = ApiToken._meta.get_field("name").max_length or 0
    if not text.strip() or len(text) > longest:
        raise ArgumentTypeError(f"Say in at most {longest} letters what uses it.")
    return text


class Command(BaseCommand):
    help = "Make a key to the JSON API for a user (shown once), list the keys there are, or revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        issue = deeds.add_parser("issue", help="make a key and print it")
        issue.add_argument("email", help="of the user as whom the program acts")
        issue.add_argument("--name", type=name, required=True, help="what uses it")
        issue.add_argument(
            "--days", type=days, help="for how long it is good; until it is revoked if left out"
        )
        listed = deeds.add_parser("list", help="list a user's keys, or everybody's")
        listed.add_argument("email", nargs="?", help="of the user; everybody's keys if left out")
        revoke = deeds.add_parser("revoke", help="end a key for good")
        revoke.add_argument("id", type=int, help="its number in the list")
        for deed in (issue, listed, revoke):
            deed.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        if options["deed"] == "revoke":
            answer, lines = self._revoke(options["id"], now)
        elif options["deed"] == "issue":
            answer, lines = self._issue(_user(options["email"]), options, now)
        else:
            answer, lines = self._list(options["email"], now)
        self.stdout.write(json.dumps(answer, indent=2, default=str) if options["json"] else "\n".join(lines))

    def _issue(self, user: User, options: dict[str, Any], now: datetime) -> Outcome:
        expires_at = now + timedelta(days=options["days"]) if options["days"] else None
        token, key = api_tokens.issue(user, name=options["name"], now=now, expires_at=expires_at)
        return {"id": token.pk, "key": key, "expires_at": expires_at}, [key]

    def _list(self, email: str | None, now: datetime) -> Outcome:
        tokens = ApiToken.objects.select_related("user").order_by("pk")
        if email:
            tokens = tokens.filter(user=_user(email))
        found = [(token, api_tokens.state(token, now=now).lower()) for token in tokens]
        answer = [
            {
                "id": token.pk,
                "name": token.name,
                "user": token.user.email,
                "state": state,
                "expires_at": token.expires_at,
                "used_at": token.used_at,
            }
            for token, state in found
        ]
        lines = [
            f"{token.pk}  {token}  {token.user.email}  {state}, last used {token.used_at or 'never'}"
            for token, state in found
        ]
        return {"tokens": answer}, lines or [f"{email} has no key." if email else "There is no key."]

    def _revoke(self, token_id: int, now: datetime) -> Outcome:
        token = ApiToken.objects.filter(pk=token_id).first()
        if token is None or not api_tokens.revoke(token, now=now):
            raise CommandError(f"There is no key {token_id} to revoke.")
        return {"revoked": token_id}, [f"{token} is revoked."]


def _user(email: str) -> User:
    user = User.objects.filter(email__iexact=email).first()
    if user is None:
        raise CommandError(f"Nobody here has the address {email}.")
    return user
