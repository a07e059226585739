# SPDX-License-Identifier: MIT
"""queue list, queue show, status: what the running relay says of itself."""
import json
import os
import stat

import pytest

from .dialogue import message, print_page


def flat(data):
    """All strings and numbers of some JSON, as text."""
    if isinstance(data, dict):
        return [word for item in data.values() for word in flat(item)]
    if isinstance(data, list):
        return [word for item in data for word in flat(item)]
    return [str(data)]


def ok(result):
    assert result.returncode == 0, result
    return result.stdout


@pytest.fixture
def waiting(relay, sandbox):
    """A relay with two messages it cannot deliver, and their ids."""
    sandbox.off()
    one = relay()
    numbers = [print_page(one.port, message("first"), rcpts=["a@x.org", "b@x.org"]),
               print_page(one.port, message("second"), rcpts=["c@x.org"])]
    one.wait_setback()
    return one, numbers


def test_queue_list(waiting):
    one, numbers = waiting
    text = ok(one.cli("queue", "list"))
    for number in numbers:
        assert number in text
    data = json.loads(ok(one.cli("queue", "list", "--json")))
    words = flat(data)
    assert set(numbers) <= set(words) and "scan@printer.local" in words


def test_queue_show(waiting):
    one, numbers = waiting
    for arguments in (("queue", "show", numbers[0]), ("queue", "show", numbers[0], "--json")):
        text = ok(one.cli(*arguments))
        assert "a@x.org" in text and "b@x.org" in text and "c@x.org" not in text
        assert numbers[0] in text and "scanner" in text
    assert json.loads(ok(one.cli("queue", "show", numbers[0], "--json")))


def test_queue_show_of_nothing(waiting):
    one, _ = waiting
    missing = one.cli("queue", "show", "0" * 32)
    assert missing.returncode == 1 and "0" * 32 in missing.stderr and missing.stdout == ""
    for bad in ("../../etc/passwd", "zz", ""):
        result = one.cli("queue", "show", bad)
        assert result.returncode in (1, 2) and result.stderr
    assert one.cli("queue", "show").returncode == 2


def test_status(waiting, sandbox):
    one, numbers = waiting
    text = ok(one.cli("status"))
    assert "scanner" in text and "2" in text
    data = json.loads(ok(one.cli("status", "--json")))
    assert isinstance(data, dict) and "2" in flat(data)
    sandbox.on()
    for number in numbers:
        one.wait_event("removed", msg=number)
    assert numbers[0] not in ok(one.cli("queue", "list"))
    assert json.loads(ok(one.cli("queue", "list", "--json"))) is not None


def test_status_names_a_held_account_first(relay, sandbox):
    sandbox.fault("token", "aadsts", code=7000215, count=0)
    one = relay()
    print_page(one.port)
    one.wait_event("account-held")
    text = ok(one.cli("status"))
    assert "AADSTS7000215" in text and "held" in text.lower()
    assert sandbox.secret not in text


def test_nobody_is_running(relay):
    one = relay(start=False)
    for command in (("queue", "list"), ("status",), ("queue", "show", "0" * 32)):
        result = one.cli(*command)
        assert result.returncode == 1
        assert one.socket_path in result.stderr


def test_control_socket_is_private(relay):
    one = relay()
    assert stat.S_IMODE(os.stat(one.socket_path).st_mode) & 0o007 == 0


def test_hostile_names_do_not_reach_the_terminal(relay, sandbox):
    sandbox.off()
    one = relay()
    number = print_page(one.port, message("\x1b[2Jred\x07"))
    for command in (("queue", "list"), ("queue", "show", number), ("status",)):
        assert "\x1b" not in ok(one.cli(*command))


def test_many_are_listed(relay, sandbox):
    """Lists are paged; --json and totals are exact."""
    sandbox.off()
    one = relay()
    for _ in range(60):
        print_page(one.port)
    assert "60" in ok(one.cli("queue", "list"))
    assert "60" in ok(one.cli("status"))
