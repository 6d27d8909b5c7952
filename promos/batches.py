"""Batches: many unique codes of one offer, made by the worker block by block.

A block is one transaction that also moves the batch's counter: whatever stops the
worker, the next one goes on with the block after the last one that is saved.
"""

from __future__ import annotations

import math
import os
import re
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Field, QuerySet

from promos import approval, codes, promo_codes
from promos.models import CodeBatch, Offer, PromoCode
from promos.models.limits import Limits

#: Letters and digits that nobody mistakes for one another: no 0 and O, 1, I and L.
ALPHABET = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ"
PLACE = "#"
PATTERN = re.compile(r"[A-Z0-9#-]{1,60}")
CODES_AT_MOST = 1_000_000
#: Fewer random bits can be guessed by trying.
SAFE_BITS = 50
#: Of the texts that a pattern can make, at most one in so many is used: more would collide.
SPARSENESS = 20
BLOCK_SIZE = {"postgresql": 20_000}
SMALL_BLOCK_SIZE = 2_000
#: So many draws in a row without a text that is free: earlier batches of the pattern have used it up.
VAIN_DRAWS = 200
#: Bytes from here on would make the first letters likelier than the last.
_UNEVEN = bytes(range(256 - 256 % len(ALPHABET), 256))
_LETTERS = bytes(ALPHABET[byte % len(ALPHABET)] for byte in range(256))
_LIMITS = tuple(field.name for field in Limits._meta.get_fields())


class _UsedUp(Exception):
    """Hardly a text of the pattern is free."""


def bits(pattern: str) -> float:
    """Return how many random bits a pattern has: the logarithm of how many texts it can make."""
    return pattern.count(PLACE) * math.log2(len(ALPHABET))


def check(batch: CodeBatch, *, offer: Offer, now: datetime, is_guessable_fine: bool = False) -> None:
    """Normalise the batch and raise ValidationError, by field, for what is wrong with it or its offer."""
    batch.prefix, batch.pattern = codes.normalise(batch.prefix), codes.normalise(batch.pattern)
    errors = _errors(batch, is_guessable_fine=is_guessable_fine)
    sample = PromoCode(
        code=_texts(batch, 1)[0] if "pattern" not in errors else "SAMPLE",
        campaign=batch.campaign,
        **{name: getattr(batch, name) for name in _LIMITS},
    )
    try:
        promo_codes.check(sample, offer=offer, made_at=now)
    except ValidationError as error:
        errors |= {name: each for name, each in error.error_dict.items() if name != "code"}
    if errors:
        raise ValidationError(errors)


@transaction.atomic
def create(
    batch: CodeBatch,
    *,
    offer: Offer,
    now: datetime,
    by: User | None = None,
    is_guessable_fine: bool = False,
) -> CodeBatch:
    """Save a new batch with its offer; the worker makes its codes.

    Raises:
        ValidationError: by field of the batch or of the offer; nothing is saved.
    """
    check(batch, offer=offer, now=now, is_guessable_fine=is_guessable_fine)
    offer.save()
    batch.offer, batch.created_by = offer, by
    batch.save()
    return batch


def stop(batch: CodeBatch, *, now: datetime) -> bool:
    """Make no more codes of a batch for now; return False when there was nothing to stop."""
    return bool(_unfinished().filter(pk=batch.pk).update(stopped_at=now))


def go_on(batch: CodeBatch) -> bool:
    """Take back a stop; return False when the batch was not stopped or is complete."""
    stopped = CodeBatch.objects.filter(pk=batch.pk, generated__lt=F("requested"), stopped_at__isnull=False)
    return bool(stopped.update(stopped_at=None, error=""))


def work(now: datetime) -> int:
    """Make the next block of codes of an unfinished batch that no other worker has; return how many."""
    # A look without a lock first: an idle worker must not take SQLite's one write lock twice a second.
    if not _unfinished().exists():
        return 0
    with transaction.atomic():
        rows = _unfinished().select_for_update(skip_locked=True, of=("self",)).select_related("offer")
        batch = rows.order_by("pk").first()
        return _make_block(batch, now) if batch else 0


def _unfinished() -> QuerySet[CodeBatch]:
    return CodeBatch.objects.filter(generated__lt=F("requested"), stopped_at__isnull=True)


def _errors(batch: CodeBatch, *, is_guessable_fine: bool) -> dict[str, list[ValidationError]]:
    errors: dict[str, str] = {}
    if not 1 <= (batch.requested or 0) <= CODES_AT_MOST:
        errors["requested"] = f"Ask for 1 to {CODES_AT_MOST:,} codes."
    if batch.prefix and not codes.is_allowed(batch.prefix):
        errors["prefix"] = "Use letters A to Z, digits and hyphens only."
    if not PATTERN.fullmatch(batch.pattern) or PLACE not in batch.pattern:
        errors["pattern"] = "Use letters, digits, hyphens, and # where a random character goes."
    elif bits(batch.pattern) < math.log2(SPARSENESS * (batch.requested or 1)):
        errors["pattern"] = "The pattern makes too few different codes; add more #."
    elif bits(batch.pattern) < SAFE_BITS and not is_guessable_fine:
        places = math.ceil(SAFE_BITS / math.log2(len(ALPHABET)))
        errors["pattern"] = (
            f"With fewer than {places} # somebody could guess codes by trying; add more, or insist."
        )
    return {name: [ValidationError(message)] for name, message in errors.items()}


def _make_block(batch: CodeBatch, now: datetime) -> int:
    size = BLOCK_SIZE.get(connection.vendor, SMALL_BLOCK_SIZE)
    try:
        texts = _new_texts(batch, min(size, batch.requested - batch.generated))
    except _UsedUp:
        why = "Nearly all texts of this pattern are taken: make a batch with more #."
        CodeBatch.objects.filter(pk=batch.pk).update(stopped_at=now, error=why)
        return 0
    template = PromoCode(
        offer=batch.offer,
        campaign_id=batch.campaign_id,
        batch=batch,
        submitted_at=now,
        approved_at=None if approval.code_needs_it(batch.offer) else now,
        terms_changed_by_id=batch.created_by_id,
        **{name: getattr(batch, name) for name in _LIMITS},
    )
    save = _copy if connection.vendor == "postgresql" else _insert
    save(template, texts)
    CodeBatch.objects.filter(pk=batch.pk).update(generated=F("generated") + len(texts))
    return len(texts)


def _new_texts(batch: CodeBatch, count: int) -> list[str]:
    """Return texts that no open code has, in order: an index grows faster where it grows in one place.

    Raises:
        _UsedUp: there are hardly any left.
    """
    found: set[str] = set()
    vain = 0
    while len(found) < count:
        drawn = set(_texts(batch, count - len(found))) - found
        free = drawn - _taken(drawn)
        found |= free
        vain = 0 if free else vain + 1
        if vain == VAIN_DRAWS:
            raise _UsedUp
    return sorted(found)


def _texts(batch: CodeBatch, count: int) -> list[str]:
    """Return random texts of the batch's pattern; two may be the same."""
    shape = (batch.prefix + batch.pattern).replace(PLACE, "{}")
    places = batch.pattern.count(PLACE)
    letters = _letters(count * places)
    return [shape.format(*letters[start : start + places]) for start in range(0, len(letters), places)]


def _letters(count: int) -> str:
    letters = b""
    while len(letters) < count:
        letters += os.urandom(count - len(letters)).translate(_LETTERS, _UNEVEN)
    return letters.decode("ascii")


def _taken(texts: set[str]) -> set[str]:
    found: set[str] = set()
    ordered = sorted(texts)
    for start in range(0, len(ordered), 5_000):
        part = ordered[start : start + 5_000]
        found |= set(PromoCode.objects.not_archived().filter(code__in=part).values_list("code", flat=True))
    return found


def _columns() -> list[Field[Any, Any]]:
    return [field for field in PromoCode._meta.concrete_fields if not field.primary_key]


def _insert(template: PromoCode, texts: list[str]) -> None:
    fields = {field.attname: getattr(template, field.attname) for field in _columns()}
    PromoCode.objects.bulk_create((PromoCode(**fields | {"code": text}) for text in texts), batch_size=1_000)


def _copy(template: PromoCode, texts: list[str]) -> None:
    """Write the rows in one COPY: twelve times as fast as INSERTs."""
    fields = _columns()
    row = [field.get_db_prep_save(field.pre_save(template, add=True), connection) for field in fields]
    place = next(place for place, field in enumerate(fields) if field.name == "code")
    names = ", ".join(connection.ops.quote_name(field.column or "") for field in fields)
    table = connection.ops.quote_name(PromoCode._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for text in texts:
            row[place] = text
            copy.write_row(row)
