"""What the worker does beside its queues for rooms it knows nothing of; they add themselves when they are ready."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

logger = logging.getLogger(__name__)

#: Does what is due and returns how many things were done.
Round = Callable[[datetime], int]

REGISTRY: dict[str, Round] = {}


def register(name: str, work: Round) -> None:
    """Have ``work`` called about twice a minute, by every worker: it is for ``work`` to see that one does it."""
    REGISTRY[name] = work


def work(now: datetime) -> int:
    """Make every round and return how many things were done; one that fails spares the others."""
    return sum(_make(name, now) for name in REGISTRY)


def _make(name: str, now: datetime) -> int:
    try:
        return REGISTRY[name](now)
    except Exception:
        # Whatever another room raises, the worker goes on.
        logger.exception("The round for %s broke off; it is made again", name)
        return 0
