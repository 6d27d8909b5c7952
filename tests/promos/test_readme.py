import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from drf_spectacular.generators import SchemaGenerator

from promos.webhooks.receivers import REGISTRY

README = (Path(settings.BASE_DIR) / "README.md").read_text()
OURS = {name: app for name, app in get_commands().items() if app in ("analytics", "promos")}
#: They run until they are stopped and have nothing to tell a program.
WITHOUT_JSON = {"demo", "stripe_standin"}


def test_readme_lists_exactly_the_events_that_are_handled() -> None:
    listed = README.split("<!-- events -->")[1].split("<!-- /events -->")[0]
    assert set(re.findall(r"`([a-z_.]+)`", listed)) == set(REGISTRY)


def test_readme_names_the_pinned_api_version() -> None:
    assert settings.STRIPE_API_VERSION in README


def test_readme_lists_exactly_the_commands_there_are() -> None:
    listed = README.split("## Commands")[1].split("```")[0]
    assert set(re.findall(r"^\| `([a-z_]+)", listed, re.MULTILINE)) == set(OURS)


def test_readme_lists_exactly_the_calls_of_the_api() -> None:
    listed = README.split("## The API")[1].split("It takes the session")[0]
    calls = re.findall(r"`([A-Z]+) (\S+)`", listed)
    paths: dict[str, dict[str, object]] = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    assert {(method.lower(), "/api/promo-codes/" + path.removeprefix("./")) for method, path in calls} == {
        (method, path) for path, operations in paths.items() for method in operations
    }


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_says_what_its_arguments_are(name: str) -> None:
    command = load_command_class(OURS[name], name)
    for parser in _with_subparsers(command.create_parser("manage.py", name)):
        silent = [each.dest for each in parser._actions if not each.help and not _is_explained(each)]
        assert silent == []
        is_leaf = not any(isinstance(each, _SubParsersAction) for each in parser._actions)
        if is_leaf and name not in WITHOUT_JSON:
            assert "--json" in parser._option_string_actions


def _with_subparsers(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            yield from action.choices.values()


def _is_explained(action: object) -> bool:
    """A subcommand, or one of a choice of words, is explained by the command's own help."""
    return isinstance(action, _SubParsersAction) or bool(getattr(action, "choices", None))
