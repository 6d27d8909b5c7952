"""Run the stand-in for Stripe until Ctrl-C or SIGTERM."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from promos.management import arguments
from promos.standin import server


class Command(BaseCommand):
    help = "Run a small stand-in for Stripe on this machine, for demos and tests."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--port",
            type=arguments.port,
            default=server.DEFAULT_PORT,
            help=f"where it listens ({server.DEFAULT_PORT})",
        )
        parser.add_argument(
            "--store",
            type=Path,
            metavar="FILE",
            default=Path(settings.BASE_DIR) / "var" / "standin.sqlite3",
            help="what it keeps between two runs (var/standin.sqlite3)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_beside_live_key()
        standin = start(options["port"], options["store"])
        stopped = threading.Event()
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, lambda number, frame: stopped.set())
        self.stdout.write(f"Stand-in for Stripe at {standin.url} (Ctrl-C stops it)")
        self.stdout.flush()
        stopped.wait()
        standin.stop()
        self.stdout.write("Stopped; its state is kept.")


def refuse_beside_live_key() -> None:
    """Refuse to run where real money could be meant.

    Raises CommandError.
    """
    key = getattr(settings, "STRIPE_SECRET_KEY", "") or ""
    if key.startswith(("sk_live_", "rk_live_")):
        raise CommandError("STRIPE_SECRET_KEY is a live key: the stand-in for Stripe does not run beside it.")


def start(port: int, store: Path) -> server.Standin:
    """Start the stand-in on a port.

    Raises CommandError in one sentence when the port is taken.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    try:
        return server.start(port, store)
    except OSError as error:
        raise CommandError(
            f"Port {port} is taken: stop what uses it or choose another with --port."
        ) from error
