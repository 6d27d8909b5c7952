"""How gunicorn serves the site: a few processes with threads, since most of a request is waiting for the database."""

import gc
from pathlib import Path

import environ

# Read before Django's settings are, from the same file.
_env = environ.Env()
_env.read_env(Path(__file__).resolve().parent.parent / ".env")

bind = _env.str("WEB_BIND", default="127.0.0.1:8000")
worker_class = "gthread"
workers = _env.int("WEB_CONCURRENCY", default=2)
threads = 8
timeout = 60
graceful_timeout = 20
# Behind a proxy that keeps connections, as Stripe does.
keepalive = 30
accesslog = None
# Nothing here is controlled through a socket in the home directory.
control_socket_disable = True


def post_worker_init(worker: object) -> None:
    """Keep what serving needs out of searches for garbage: one through all of it holds a request up for 90 ms."""
    gc.collect()
    gc.freeze()
