"""How gunicorn serves the site: a few processes with threads, since most of a request is waiting for the database."""

import gc
import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

# Read before Django's settings are, from the same file.
_env = environ.Env()
_env.read_env(os.environ.get("ENV_FILE") or Path(__file__).resolve().parent.parent / ".env")

bind = _env.str("WEB_BIND", default="") or "127.0.0.1:8000"
worker_class = "gthread"
_workers = _env.str("WEB_CONCURRENCY", default="") or "2"
if not _workers.isdecimal() or int(_workers) < 1:
    sys.exit(f"WEB_CONCURRENCY must be a whole number, at least 1, not {_workers!r}.")
workers = int(_workers)
threads = 8
timeout = 60
graceful_timeout = 20
# Behind a proxy that keeps connections, as Stripe does.
keepalive = 30
accesslog = None
# Nothing here is controlled through a socket in the home directory.
control_socket_disable = True


def on_starting(server: object) -> None:
    """Stop at wrong settings before there is a process that serves, each of which would stop by itself."""
    # In a process of its own: what is imported here would be served by all that come, after an upgrade too.
    trial = multiprocessing.get_context("fork").Process(target=_read_settings)
    trial.start()
    trial.join()
    if trial.exitcode:
        sys.exit(1)


def _read_settings() -> None:
    try:
        import_module("config.settings")
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def post_worker_init(worker: object) -> None:
    """Keep what serving needs out of searches for garbage: one through all of it holds a request up for 90 ms."""
    gc.collect()
    gc.freeze()
