"""Make, list and revoke the keys to the JSON API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from promos import api_tokens
from promos.models import ApiToken


class Command(BaseCommand):
    help = "Make a key to the JSON API for a user (shown once), list a user's keys, or revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        deeds = parser.add_subparsers(dest="deed", required=True)
        issue = deeds.add_parser("issue", help="make a key and print it")
        issue.add_argument("email")
        issue.add_argument("--name", required=True, help="what uses it")
        issue.add_argument("--days", type=int, help="for how long it is good; without it for ever")
        deeds.add_parser("list", help="list a user's keys").add_argument("email")
        deeds.add_parser("revoke", help="end a key for good").add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["deed"] == "revoke":
            self._revoke(options["id"])
            return
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {options['email']}.")
        if options["deed"] == "issue":
            self._issue(user, options)
        else:
            self._list(user)

    def _issue(self, user: User, options: dict[str, Any]) -> None:
        now = timezone.now()
        expires_at = now + timedelta(days=options["days"]) if options["days"] else None
        _token, key = api_tokens.issue(user, name=options["name"], now=now, expires_at=expires_at)
        self.stdout.write(key)

    def _list(self, user: User) -> None:
        for token in ApiToken.objects.filter(user=user).order_by("pk"):
            state = "revoked" if token.revoked_at else "good"
            self.stdout.write(f"{token.pk}  {token}  {state}, last used {token.used_at or 'never'}")

    def _revoke(self, token_id: int) -> None:
        token = ApiToken.objects.filter(pk=token_id).first()
        if token is None or not api_tokens.revoke(token, now=timezone.now()):
            raise CommandError(f"There is no key {token_id} to revoke.")
