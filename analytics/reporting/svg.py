"""Bar charts as SVG, drawn here because a mail runs no script. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

#: No wider than that a phone can show its words: a mail scales pictures to its width.
WIDTH, HEIGHT = 480, 220
#: Room for the title and legend above, for the labels below, in pixels.
TOP, BOTTOM, SIDE = 44, 24, 8
INK, RULE, GROUND = "#374151", "#d1d5db", "#ffffff"


@dataclass(frozen=True)
class Series:
    """One bar for each label."""

    name: str
    values: Sequence[int]
    colour: str


def bars(title: str, labels: Sequence[str], series: Sequence[Series], *, highest: str) -> str:
    """Draw series side by side over their labels; ``highest`` is the largest value in words.

    Values below zero hang from the line of zero.
    """
    values = [value for each in series for value in each.values]
    top, bottom = max([0, *values]), min([0, *values])
    scale = (HEIGHT - TOP - BOTTOM) / ((top - bottom) or 1)
    zero = TOP + top * scale
    parts = [
        _text(SIDE, 16, title, weight="bold"),
        *_legend(series),
        _text(WIDTH - SIDE, 36, f"highest {highest}", anchor="end"),
        *(part for place, each in enumerate(series) for part in _bars(each, place, len(series), zero, scale)),
        f'<line x1="{SIDE}" y1="{zero:.1f}" x2="{WIDTH - SIDE}" y2="{zero:.1f}" stroke="{RULE}"/>',
        *_ends(labels),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{GROUND}"/>{"".join(parts)}</svg>'
    )


def _bars(series: Series, place: int, beside: int, zero: float, scale: float) -> Iterator[str]:
    step = (WIDTH - 2 * SIDE) / max(len(series.values), 1)
    width = min(step * 0.8, 60) / beside
    for number, value in enumerate(series.values):
        if value:
            middle = SIDE + step * (number + 0.5)
            x, height = middle + (place - beside / 2) * width, abs(value) * scale
            y = zero - height if value > 0 else zero
            yield (
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                f'fill="{series.colour}"/>'
            )


def _legend(series: Sequence[Series]) -> Iterator[str]:
    for number, each in enumerate(series):
        x = SIDE + number * 150
        yield f'<rect x="{x}" y="27" width="10" height="10" fill="{each.colour}"/>'
        yield _text(x + 16, 36, each.name)


def _ends(labels: Sequence[str]) -> Iterator[str]:
    """Name the first and the last bar; more would not fit on a phone."""
    if labels:
        yield _text(SIDE, HEIGHT - 8, labels[0])
    if len(labels) > 1:
        yield _text(WIDTH - SIDE, HEIGHT - 8, labels[-1], anchor="end")


def _text(x: int, y: int, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="12" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'
    )
