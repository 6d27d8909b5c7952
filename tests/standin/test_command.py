"""`manage.py stripe_standin`, as a process."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from django.core.management import CommandError, call_command

from promos.standin import server

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_command_runs_until_told_to_stop(tmp_path, signal_number):
    store = tmp_path / "new" / "standin.sqlite3"
    command = [sys.executable, str(MANAGE), "stripe_standin", "--port", "0", "--store", str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        line = process.stdout.readline()
        url = line.split(" at ")[1].split()[0]
        answer = requests.get(f"{url}/v1/account", auth=("sk_test_abc", ""), timeout=10)
        process.send_signal(signal_number)
        rest = process.stdout.read()

    assert answer.status_code == 200
    assert "Stopped" in rest
    assert process.returncode == 0
    assert store.exists()


def test_command_on_a_taken_port_says_so(tmp_path):
    holder = server.start()
    port = holder.listener.server_port

    with pytest.raises(CommandError, match=f"Port {port} is taken"):
        call_command("stripe_standin", port=port, store=tmp_path / "standin.sqlite3")
    holder.stop()


@pytest.mark.parametrize("command", ["stripe_standin", "demo"])
@pytest.mark.parametrize("port", ["99999", "abc"])
def test_command_refuses_what_is_no_port(command, port):
    with pytest.raises(CommandError, match=f"{port} is no port"):
        call_command(command, "--port", port)


@pytest.mark.parametrize("key", ["sk_live_" + "a" * 24, "rk_live_" + "a" * 24])
def test_command_refuses_to_run_beside_a_live_key(settings, tmp_path, key):
    settings.STRIPE_SECRET_KEY = key

    with pytest.raises(CommandError, match="live key"):
        call_command("stripe_standin", port=0, store=tmp_path / "standin.sqlite3")

    assert not (tmp_path / "standin.sqlite3").exists()
