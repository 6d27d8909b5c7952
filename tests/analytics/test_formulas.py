import pytest

from analytics.formulas import Ratio


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (Ratio(0, 0), "—"),
        (Ratio(29, 29), "too few"),
        (Ratio(0, 30), "0.0 %"),
        (Ratio(1, 30), "3.3 %"),
        (Ratio(1, 32), "3.1 %"),
        (Ratio(30, 30), "100.0 %"),
        (Ratio(125, 100_000), "0.1 %"),
        (Ratio(2_000, 10_000, cases=0), "too few"),
        (Ratio(2_000, 10_000, cases=29), "too few"),
        (Ratio(2_000, 10_000, cases=30), "20.0 %"),
        (Ratio(0, 0, cases=30), "—"),
        (Ratio(-206, 1_000), "−20.6 %"),
        (Ratio(-4, 10_000), "0.0 %"),
    ],
)
def test_ratio_says_when_it_says_nothing(ratio: Ratio, shown: str) -> None:
    assert str(ratio) == shown


def test_ratio_rounds_half_up() -> None:
    assert str(Ratio(5, 10_000)) == "0.1 %"  # 0.05, which Python's float would show as 0.1 or 0.0 by chance
