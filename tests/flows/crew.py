"""Real worker processes on the test's database, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from django.conf import settings

from promos.standin.server import Standin
from tests.flows.conftest import database_url

#: As fast as the stand-in can: these tests are about kills, not about the pace.
UNPACED = {"STRIPE_REQUESTS_PER_SECOND": "2000", "STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT": "2000"}


class Crew:
    """So many ``manage.py sync_worker``, each replaced when it is killed; a context manager that ends them."""

    def __init__(self, standin: Standin, log: Path, *, size: int) -> None:
        self.environment = (
            os.environ
            | UNPACED
            | {
                "DATABASE_URL": database_url(),
                "STRIPE_API_HOST": standin.url,
                "STRIPE_TIMEOUT_SECONDS": "2",
                "STRIPE_PUSH_THREADS": "2",
            }
        )
        self.log, self.size = log, size
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Crew:
        self.workers = [self._hire() for _ in range(self.size)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.terminate()
        codes = {worker.wait(30) for worker in self.workers}
        # One that has just started knows the signal in Python's way only.
        assert kind or codes <= {0, -signal.SIGTERM}, f"workers ended with {codes}: {self.words()}"

    def kill_one(self) -> None:
        """``kill -9`` the worker that has been at work longest, and let another start in its place."""
        victim = self.workers.pop(0)
        assert victim.poll() is None, f"a worker stopped by itself: {self.words()}"
        victim.kill()
        victim.wait()
        self.workers.append(self._hire())

    def words(self) -> str:
        """Return the end of what the workers said."""
        return self.log.read_text()[-4000:]

    def _hire(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", "sync_worker"],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
