import re
from pathlib import Path

from django.conf import settings

from promos.webhooks.receivers import REGISTRY

README = (Path(settings.BASE_DIR) / "README.md").read_text()


def test_readme_lists_exactly_the_events_that_are_handled() -> None:
    listed = README.split("<!-- events -->")[1].split("<!-- /events -->")[0]
    assert set(re.findall(r"`([a-z_.]+)`", listed)) == set(REGISTRY)


def test_readme_names_the_pinned_api_version() -> None:
    assert settings.STRIPE_API_VERSION in README
