# SPDX-License-Identifier: MIT
"""Microsoft is away for a while, under traffic: everything accepted, everything delivered."""
import os
import threading

import pytest

from .dialogue import message, print_page
from .traffic import Traffic

SECONDS = float(os.environ.get("OAUTHRELAY_OUTAGE_SECONDS", "3"))


@pytest.mark.parametrize("what", [("smtp", "token"), ("smtp",), ("token",)],
                         ids=["both", "smtp", "token"])
def test_off_and_on_under_traffic(relay, sandbox, what):
    one = relay()
    clock = threading.Event()
    with Traffic(one.port, clients=3, sizes=(200, 3000), pause=0.02) as traffic:
        traffic.wait_accepted(10)
        sandbox.off(*what)
        before = len(traffic.accepted)
        clock.wait(SECONDS if len(what) == 2 else SECONDS / 2)     # the outage itself
        assert len(traffic.accepted) > before
        sandbox.on(*what)
    twice = traffic.check_soon(sandbox, one)
    print(f"away for {SECONDS if len(what) == 2 else SECONDS / 2:.0f} s: "
          f"{len(traffic.accepted)} accepted, all delivered, {len(twice)} twice")
    assert len(twice) <= 4          # in flight when the connections were cut


def test_off_at_the_start(relay, sandbox):
    sandbox.off()
    one = relay()
    print_page(one.port, message("early"))
    one.restart()
    print_page(one.port, message("later"))
    sandbox.on()
    sandbox.wait(messages=2)


def test_cut_connections_are_not_counted_as_attempts(relay, sandbox):
    """UPS-15: Exchange closes an idle session; the next message goes out at once."""
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    sandbox.off("smtp")
    sandbox.on("smtp")
    number = print_page(one.port)
    sandbox.wait(messages=2)
    assert one.wait_event("delivery", msg=number)["attempts"] == "1"
