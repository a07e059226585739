# SPDX-License-Identifier: MIT
"""Names and routes: several addresses, IPv6 that goes nowhere, a nameserver that is silent."""
import time

import pytest

from sandbox.client import Sandbox

from .dialogue import message, print_page, subject_of
from .namespace import namespace

RATE = {"settings": {"per_minute": 100000}}


@pytest.fixture
def inside(make_relay):
    """inside(**namespace arguments) -> (sandbox, make) in a namespace of their own."""
    import contextlib
    stack = contextlib.ExitStack()

    def enter(**arguments):
        stack.enter_context(namespace(**arguments))
        box = stack.enter_context(Sandbox(config=RATE))

        def make(**keywords):
            one = make_relay(box, start=False, **keywords)
            stack.callback(one.stop)
            return one
        return box, make

    yield enter
    stack.close()


def host(one, name, smtp=True, token=True, index=0):
    account = one.config["accounts"][index]
    if smtp:
        account["host"] = name
    if token:
        account["token_endpoint"] = account["token_endpoint"].replace("localhost", name)
    one.write_config()


@pytest.mark.parametrize("smtp, token", [(True, False), (False, True), (True, True)])
def test_dead_ipv6_does_not_stall(inside, smtp, token):
    box, make = inside(hosts="2001:db8:1::99 smtp.sandbox.test\n127.0.0.1 smtp.sandbox.test\n",
                       dead_ipv6=True)
    one = make()
    host(one, "smtp.sandbox.test", smtp, token)
    one.start()
    began = time.monotonic()
    print_page(one.port, message("v6"))
    box.wait(messages=1, timeout=20)
    assert time.monotonic() - began < 5
    assert box.violations() == []


def test_refused_address_is_passed_over(inside):
    """Of three addresses two refuse; the third serves."""
    box, make = inside(hosts="127.0.0.7 smtp.sandbox.test\n127.0.0.8 smtp.sandbox.test\n"
                             "127.0.0.1 smtp.sandbox.test\n")
    one = make()
    host(one, "smtp.sandbox.test")
    one.start()
    print_page(one.port, message("third"))
    box.wait(messages=1, timeout=10)
    assert "[127.0.0.1]" in one.wait_event("connected")["relay"]
    assert box.violations() == []


def two_accounts(one, box):
    one.config["accounts"].append(one.account(
        "fabrikam", client="66666666-7777-8888-9999-aaaaaaaaaaaa", mailbox="scanner@fabrikam.com"))
    one.config.pop("allow")
    one.config["devices"] = [{"name": "a", "address": "127.0.0.1", "account": "scanner"},
                             {"name": "b", "address": "127.0.0.2", "account": "fabrikam"}]
    host(one, "login.sandbox.test", smtp=False, index=1)
    host(one, "smtp.sandbox.test", token=False, index=1)


@pytest.mark.parametrize("smtp, token", [(True, False), (False, True), (True, True)])
def test_silent_nameserver(inside, smtp, token):
    """Names of one account cannot be resolved: mail is taken, the other account delivers."""
    box, make = inside(hosts="127.0.0.1 smtp.sandbox.test login.sandbox.test\n",
                       silent_nameserver=True)
    one = make()
    two_accounts(one, box)
    host(one, "nowhere.sandbox.test", smtp, token)
    began = time.monotonic()
    one.start()
    assert time.monotonic() - began < 5
    for number in range(5):
        stuck = print_page(one.port, message(f"stuck {number}"))
        assert int(one.wait_event("accepted", msg=stuck)["took_ms"]) < 1000
    for number in range(3):
        print_page(one.port, message(f"free {number}"), source="127.0.0.2")
    box.wait(messages=3, timeout=8)
    assert {subject_of(r)[:4] for r in box.messages()} == {"free"}
    assert box.violations() == []


def test_many_stuck_accounts_leave_room_for_one(inside):
    """Ten names that nobody resolves do not use up whatever resolves names."""
    box, make = inside(hosts="127.0.0.1 smtp.sandbox.test login.sandbox.test\n",
                       silent_nameserver=True)
    one = make()
    base = one.config["accounts"][0]
    one.config["accounts"] = [
        one.account(f"a{n}", mailbox="scanner@contoso.com", host=f"n{n}.nowhere.test")
        for n in range(10)]
    one.config.pop("allow")
    one.config["devices"] = [{"name": f"d{n}", "address": f"127.0.1.{n + 1}", "account": f"a{n}"}
                             for n in range(10)]
    one.config["accounts"].append({**base, "name": "good", "host": "smtp.sandbox.test"})
    one.config["devices"].append({"name": "g", "address": "127.0.0.1", "account": "good"})
    one.write_config()
    one.start()
    for number in range(10):
        print_page(one.port, message(f"stuck {number}"), source=f"127.0.1.{number + 1}")
    box.wait(event="token", count=10)       # all of them now look for their server
    print_page(one.port, message("free"))
    box.wait(messages=1, timeout=8)
    assert subject_of(box.messages()[0]) == "free"
