"""The demo's processes: the stand-in for Stripe, the web and the worker, started and stopped together."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.conf import settings

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class NotStarted(Exception):
    """A process did not come up; the message says which and where its log is."""


class Processes:
    """Child processes by name, each with its log; stopped in the reverse order of their start."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment = {**os.environ, **environment}
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, *command: str) -> None:
        with (self.logs / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, *command],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the demo alone, which then stops its children in order.
                start_new_session=True,
            )

    def wait_for(self, name: str, url: str) -> None:
        """Wait until a process answers at an address. Raises NotStarted when it ends first or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.running[name].poll() is None:
            with suppress(requests.RequestException):
                requests.get(url, timeout=5)
                return
            time.sleep(0.1)
        raise NotStarted(f"The {name} did not start; {self.logs / name}.log says why.")

    def take_ended(self) -> str | None:
        """Return the name of a process that has ended by itself, once for each, or None."""
        ended = next((name for name, process in self.running.items() if process.poll() is not None), None)
        if ended:
            del self.running[ended]
        return ended

    def stop(self) -> None:
        for process in reversed(self.running.values()):
            process.terminate()
        for process in reversed(self.running.values()):
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_taken(port: int) -> bool:
    """Say whether something on this machine already listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def port_of(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
