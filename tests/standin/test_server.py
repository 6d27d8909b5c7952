"""Starting, stopping and going on."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stripe

from promos.standin import server
from tests.standin.dashboard import KEY, Dashboard


def test_start_listens_on_loopback_only(standin):
    host, port = standin.listener.server_address

    assert host == "127.0.0.1"
    assert standin.url == f"http://127.0.0.1:{port}"


def test_start_goes_on_with_the_same_store(tmp_path):
    path = tmp_path / "standin.sqlite3"
    first = server.start(store_path=path)
    Dashboard(first.url).create_coupon(id="KEPT", percent_off=10)
    first.stop()

    second = server.start(store_path=path)
    kept = Dashboard(second.url).v1.coupons.retrieve("KEPT")
    second.stop()

    assert kept.percent_off == 10


def test_start_without_a_path_begins_empty(dashboard):
    assert dashboard.v1.coupons.list().data == []


def test_request_whose_sender_dies_halfway_is_not_carried_out(standin, dashboard):
    head = (
        f"POST /v1/coupons HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 99\r\n\r\n"
    )
    with socket.create_connection(standin.listener.server_address) as sender:
        sender.sendall(f"{head}percent_off=10&duration=once".encode())
        sender.shutdown(socket.SHUT_WR)
        answer = sender.recv(1000)

    assert answer == b""
    assert dashboard.v1.coupons.list().data == []


def test_start_on_a_taken_port_raises(standin):
    with pytest.raises(OSError, match="in use"):
        server.start(port=standin.listener.server_port)


def test_stop_ends_idle_connections_at_once():
    standin = server.start()
    port = standin.listener.server_port
    session = requests.Session()
    session.get(f"{standin.url}/v1/account")
    began = time.monotonic()

    standin.stop()

    assert time.monotonic() - began < 2
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    session.close()


def test_stop_leaves_the_sdk_without_an_answer(tmp_path):
    standin = server.start()
    dashboard = Dashboard(standin.url)
    dashboard.create_coupon()
    standin.stop()

    with pytest.raises(stripe.APIConnectionError):
        dashboard.create_coupon()


def test_recorder_counts_what_went_out(standin, dashboard):
    coupon = dashboard.create_coupon()
    dashboard.v1.coupons.retrieve(coupon.id)

    assert standin.api.count("POST", "/v1/coupons") == 1
    assert standin.api.count("GET") == 1
    assert standin.api.count("POST", "/v1/promotion_codes") == 0


def at_once(times, work):
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(work, range(times)))


def test_of_many_callers_with_one_key_one_is_first(v1):
    terms, options = {"percent_off": 5}, {"idempotency_key": "k"}

    made = at_once(8, lambda number: v1.coupons.create(terms, options).id)

    assert len(set(made)) == 1
    assert len(v1.coupons.list().data) == 1


def test_of_many_callers_with_one_text_one_gets_it(v1, dashboard):
    promotion = {"type": "coupon", "coupon": dashboard.create_coupon().id}

    def create(number):
        try:
            return v1.promotion_codes.create({"promotion": promotion, "code": "SPRING"}).id
        except stripe.InvalidRequestError:
            return None

    made = at_once(8, create)

    assert len([one for one in made if one]) == 1


def test_many_callers_lose_nothing(v1):
    at_once(8, lambda number: [v1.customers.create({"name": f"{number}-{turn}"}) for turn in range(5)])

    assert len(v1.customers.list({"limit": 100}).data) == 40
    assert len(v1.events.list({"type": "customer.created", "limit": 100}).data) == 40
