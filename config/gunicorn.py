"""How gunicorn serves the site: a few processes with threads, since most of a request is waiting for the database."""

import gc
import os

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
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
