"""The stand-in on loopback: `server.start()` opens it, with its HTTP server and its deliveries in the background."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from promos.standin import forms, hosted
from promos.standin.api import Api
from promos.standin.delivery import Courier
from promos.standin.errors import StripeError
from promos.standin.hooks import Hooks
from promos.standin.messages import Request, Response
from promos.standin.store import Store

HOST = "127.0.0.1"
DEFAULT_PORT = 8421
RETRY_DELAYS = (1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class Standin:
    """A running stand-in. `api` may be replaced by anything with the same `handle`, to put faults before it."""

    def __init__(
        self, store: Store, clock: Callable[[], float], port: int, retry_delays: Sequence[float]
    ) -> None:
        self.store = store
        self.api = self.core = Api(store, clock)
        self.hooks = Hooks(self.core)
        self.listener = Listener((HOST, port), self)
        self.url = self.core.base_url = f"http://{HOST}:{self.listener.server_port}"
        self.courier = Courier(store, retry_delays, tick=self.core.sweep)
        self.thread = threading.Thread(target=self.listener.serve_forever, name="standin", daemon=True)
        self.courier.start()
        self.thread.start()

    def stop(self) -> None:
        """Close every connection, finish the deliveries under way and close the store."""
        self.listener.end()
        self.thread.join()
        self.listener.close_connections()
        self.listener.server_close()
        self.courier.stop()
        self.store.close()

    def handle(self, request: Request) -> Response:
        """Answer a request for the API or for a hosted page."""
        response = hosted.respond(self.core, request) or self.api.handle(request)
        self.courier.wake()
        return response


def start(
    port: int = 0,
    store_path: str | Path | None = None,
    clock: Callable[[], float] = time.time,
    webhook_retry_delays: Sequence[float] = RETRY_DELAYS,
) -> Standin:
    """Start a stand-in on loopback; port 0 takes any free one, no store path keeps the state in memory.

    Raises OSError when the port is taken.
    """
    store = Store(store_path)
    try:
        return Standin(store, clock, port, webhook_retry_delays)
    except OSError:
        store.close()
        raise


class Listener(ThreadingHTTPServer):
    """The HTTP server; it knows its open connections, so that stopping ends the idle ones too."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, address: tuple[str, int], standin: Standin) -> None:
        self.standin = standin
        self.connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Handler)

    def end(self) -> None:
        """Stop taking requests; a last connection wakes the server, which looks whether to stop twice a second."""
        ending = threading.Thread(target=self.shutdown)
        ending.start()
        with suppress(OSError):
            socket.create_connection((HOST, self.server_port), timeout=1).close()
        ending.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke off; a fault put before the API may break one on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def close_connections(self) -> None:
        """End every connection still open, as a stopped server does, and wait for their threads."""
        for thread, connection in list(self.connections.items()):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1, kept alive, without Nagle's delay."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def setup(self) -> None:
        super().setup()
        self.server.connections[threading.current_thread()] = self.connection

    def finish(self) -> None:
        self.server.connections.pop(threading.current_thread(), None)
        super().finish()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        received = self.rfile.read(length)
        if len(received) < length:
            # Its sender was killed meanwhile: half a request is none.
            self.close_connection = True
            return
        body = received.decode(errors="replace")
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            fields = forms.decode("&".join(filter(None, (url.query, body))))
            response = self.server.standin.handle(Request(self.command, unquote(url.path), fields, headers))
        except StripeError as error:
            response = Response(error.status, json.dumps(error.body("req_unread")))
        self._send(response)

    def _send(self, response: Response) -> None:
        body = response.body.encode()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Stay quiet: whoever runs the stand-in prints what matters."""
