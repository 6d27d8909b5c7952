import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from promos.models import PromoCode

pytestmark = pytest.mark.django_db


def file_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "codes.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_command_imports_and_says_what_it_did(tmp_path: Path) -> None:
    out = StringIO()
    path = file_of(tmp_path, "Voucher,Off,Colour\nA,20%,red\nB,10%,blue\n")

    call_command("import_promo_codes", path, "--map", "value=Off", stdout=out)

    assert out.getvalue().splitlines() == [
        "Columns: value = “Off”, code = “Voucher”",
        "Not used: “Colour”",
        "2 imported",
    ]
    assert PromoCode.objects.count() == 2


def test_command_names_bad_rows_and_exits_with_1(tmp_path: Path) -> None:
    out = StringIO()
    path = file_of(tmp_path, "code,percent_off\nA,20\nB,200\n")

    with pytest.raises(CommandError, match="1 of 2 rows cannot be imported") as caught:
        call_command("import_promo_codes", path, "--dry-run", stdout=out)

    assert caught.value.returncode == 1
    assert "Line 3: B refused: percent_off: The percentage must be at most 100." in out.getvalue()


def test_command_answers_in_json(tmp_path: Path) -> None:
    out = StringIO()
    path = file_of(tmp_path, "code,amount_off\nA,5\n")

    call_command("import_promo_codes", path, "--set", "currency=usd", "--json", stdout=out)

    answer = json.loads(out.getvalue())
    assert answer["ok"] is True
    assert answer["rows"] == [{"line": 2, "code": "A", "outcome": "imported", "reason": ""}]


@pytest.mark.parametrize("arguments", [["nowhere.csv"], ["pyproject.toml", "--map", "code"]])
def test_command_refuses_what_it_cannot_use(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("import_promo_codes", *arguments, stdout=StringIO())
