"""Run Promodesk with demo data, on this machine and without a Stripe account."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any, cast

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from analytics.demo import filling, processes, story
from analytics.demo.processes import NotStarted, Processes
from analytics.demo.visitor import Stuck
from promos import database
from promos.management import arguments

VAR = Path(settings.BASE_DIR) / "var"
STORE = VAR / "standin.sqlite3"
STANDIN = "stand-in"


class Command(BaseCommand):
    help = (
        "Prepare a database, start the stand-in for Stripe, the web and the worker, and fill them with demo "
        "data through the real flows. Ctrl-C stops everything; run again, it continues."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=arguments.port, default=8000, help="of the web (8000)")
        parser.add_argument("--reset", action="store_true", help="delete the data of an earlier run first")
        parser.add_argument("--no-serve", action="store_true", help="prepare and fill, then stop")

    def handle(self, *, port: int, reset: bool, no_serve: bool, **options: Any) -> None:
        self.console = Console(file=cast("IO[str]", self.stdout))
        self.site = f"http://127.0.0.1:{port}"
        _refuse_real_stripe()
        starts_standin = _needs_standin()
        _refuse_taken_ports(port, starts_standin=starts_standin)
        if reset:
            _delete_everything()
        stop = _stopped_by_signal()
        children = Processes(self._environment(port), VAR / "log")
        try:
            self._prepare(children, stop, starts_standin=starts_standin)
            if not no_serve:
                self._serve(children, stop)
        except (NotStarted, Stuck) as error:
            raise CommandError(str(error)) from error
        finally:
            children.stop()

    def _environment(self, port: int) -> dict[str, str]:
        return {
            "SITE_URL": self.site,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "WEB_BIND": f"127.0.0.1:{port}",
            "PYTHONWARNINGS": "ignore",
        }

    def _prepare(self, children: Processes, stop: threading.Event, *, starts_standin: bool) -> None:
        with Progress(console=self.console, transient=True) as progress:
            task = progress.add_task("Preparing the database", total=filling.STEPS + 2)
            for _, run in database.steps():
                run()
            progress.update(task, advance=1, description="Starting the processes")
            _start(children, self.site, starts_standin=starts_standin)
            progress.advance(task)
            for what in filling.fill(self.site, children.environment, today=timezone.now()):
                progress.update(task, advance=1, description=what)
                if stop.is_set():
                    raise Stuck("Stopped; run it again to continue.")
        self.stdout.write("The demo is ready: three codes, one redemption and ninety days of history.")

    def _serve(self, children: Processes, stop: threading.Event) -> None:
        self._print_addresses()
        while not stop.wait(0.5):
            self._look_after(children)
        self.stdout.write("\nStopped. Run it again to continue where you left off.")

    def _look_after(self, children: Processes) -> None:
        """Go on without the stand-in, as a site goes on without Stripe; without the web or worker, stop."""
        ended = children.take_ended()
        if ended == STANDIN:
            port = processes.port_of(settings.STRIPE_HOST)
            self.stdout.write(
                f"\nThe stand-in for Stripe has stopped: codes and webhooks wait until it is back "
                f"(manage.py stripe_standin --port {port})."
            )
            self.stdout.flush()
        elif ended:
            raise NotStarted(f"The {ended} has stopped; {children.logs / ended}.log says why.")

    def _print_addresses(self) -> None:
        self.stdout.write(
            f"\n  Owner's admin      {self.site}/admin/     {story.OWNER} / {story.PASSWORD}"
            f"\n  Customer's billing {self.site}/billing/   {story.CUSTOMER} / {story.PASSWORD}"
            f"\n  Stripe's stand-in  {settings.STRIPE_HOST}"
            f"\n\nPay with the card 4242 4242 4242 4242. Logs are in {VAR / 'log'}. Ctrl-C stops everything."
        )
        self.stdout.flush()


def _refuse_real_stripe() -> None:
    if settings.STRIPE_LIVE_MODE:
        raise CommandError("STRIPE_SECRET_KEY is a live key: the demo never runs beside one.")
    if not settings.STRIPE_HOST:
        raise CommandError(
            "STRIPE_SECRET_KEY leads to Stripe: unset it, the demo uses a stand-in of its own."
        )


def _needs_standin() -> bool:
    """Whether the demo starts its own stand-in: not when STRIPE_API_HOST names another server that runs."""
    port = processes.port_of(settings.STRIPE_HOST)
    return settings.STRIPE_HOST == settings.STANDIN_HOST or not processes.is_taken(port)


def _refuse_taken_ports(port: int, *, starts_standin: bool) -> None:
    if processes.is_taken(port):
        raise CommandError(f"Port {port} is taken: stop what uses it, or choose another with --port.")
    standin_port = processes.port_of(settings.STRIPE_HOST)
    if starts_standin and processes.is_taken(standin_port):
        raise CommandError(
            f"Port {standin_port}, where the stand-in for Stripe belongs, is taken: is another demo running? "
            "STRIPE_API_HOST=http://127.0.0.1:PORT moves it."
        )


def _delete_everything() -> None:
    """Empty the database and the stand-in's store."""
    for path in VAR.glob(f"{STORE.name}*"):
        path.unlink()
    if connection.vendor == "sqlite":
        connection.close()
        database_file = Path(connection.settings_dict["NAME"])
        for path in database_file.parent.glob(f"{database_file.name}*"):
            path.unlink()
    elif connection.introspection.table_names():
        call_command("flush", interactive=False, verbosity=0)


def _start(children: Processes, site: str, *, starts_standin: bool) -> None:
    if starts_standin:
        port = str(processes.port_of(settings.STRIPE_HOST))
        children.start(STANDIN, "manage.py", "stripe_standin", "--port", port, "--store", str(STORE))
        children.wait_for(STANDIN, settings.STRIPE_HOST)
    children.start("web", "-m", "gunicorn", "config.wsgi", "--config", "config/gunicorn.py")
    children.start("worker", "manage.py", "sync_worker")
    children.wait_for("web", f"{site}/healthz")


def _stopped_by_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
