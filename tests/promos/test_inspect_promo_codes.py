import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.factories import PromoCodeFactory, SyncedPromoCodeFactory

pytestmark = pytest.mark.django_db


def test_inspect_says_that_all_is_sound() -> None:
    out = StringIO()
    PromoCodeFactory()
    call_command("inspect_promo_codes", "inspect", stdout=out)
    assert out.getvalue() == "All offers and codes are sound.\n"


def test_inspect_names_what_is_wrong_and_exits_with_1() -> None:
    out = StringIO()
    SyncedPromoCodeFactory(code="SUMMER", max_redemptions=5, used_count=7)
    with pytest.raises(CommandError, match="1 thing is wrong") as caught:
        call_command("inspect_promo_codes", "inspect", stdout=out)
    assert caught.value.returncode == 1
    assert out.getvalue() == (
        "Code SUMMER: It allows 5 uses and was used 7 times. → "
        "Raise the limit to 7; the code stays used up. (fix does this)\n"
    )


def test_fix_prints_before_and_after() -> None:
    out = StringIO()
    SyncedPromoCodeFactory(code="SUMMER", max_redemptions=5, used_count=7)
    call_command("inspect_promo_codes", "fix", stdout=out)
    assert out.getvalue() == "Code SUMMER: max_redemptions 5 → 7\nAll offers and codes are sound.\n"


def test_fix_dry_run_in_json_leaves_all_as_it_was() -> None:
    out = StringIO()
    code = SyncedPromoCodeFactory(max_redemptions=5, used_count=7)
    with pytest.raises(CommandError):
        call_command("inspect_promo_codes", "fix", "--dry-run", "--json", stdout=out)
    code.refresh_from_db()
    answer = json.loads(out.getvalue())
    assert (answer["ok"], answer["findings"][0]["kind"]) == (False, "cap_below_uses")
    assert (answer["mended"][0]["after"], code.max_redemptions) == ({"max_redemptions": 7}, 5)
