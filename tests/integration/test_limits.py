# SPDX-License-Identifier: MIT
"""Microsoft never has to throttle us: connections and messages a minute (design.md, promise 3)."""
from .dialogue import print_page


def burst(one, count):
    for _ in range(count):
        print_page(one.port)


def test_connections_stay_below_the_limit(relay, sandbox):
    one = relay()
    sandbox.fault("eod", "stall", seconds=0.2, count=0)
    burst(one, 20)
    sandbox.wait(messages=20, timeout=60)
    assert 1 <= sandbox.limits()["most_open"]["scanner@contoso.com"] <= 2
    assert sandbox.events("limit") == []


def test_three_connections_if_configured(relay, sandbox):
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["connections"] = 3
    one.write_config()
    one.start()
    sandbox.fault("eod", "stall", count=3)
    burst(one, 6)
    sandbox.wait(stalled=3)
    sandbox.release()
    sandbox.wait(messages=6)
    assert sandbox.limits()["most_open"]["scanner@contoso.com"] == 3


def test_rate_of_the_preset(relay, sandbox):
    """More than a minute's worth: what is above waits here, Exchange sees no excess."""
    sandbox.set(per_minute=30)
    one = relay(start=False)
    one.config["accounts"][0].pop("limits")
    one.write_config()
    one.start()
    burst(one, 35)
    one.wait_event("accepted", count=35)
    sandbox.wait(event="connect")
    # The window of the preset is 28 or less; an unknown past may count as full.
    if sandbox.messages():
        assert len(sandbox.messages()) <= 28
    assert sandbox.events("limit") == []
    assert len(one.spool_files()) >= 7


def test_432_is_survived(relay, sandbox):
    """Somebody else uses the mailbox too: 432 at the end of DATA."""
    sandbox.fault("eod", "reply", text="432 4.3.2 Concurrent connections limit exceeded. Visit "
                  "https://aka.ms/concurrent_sending for more information. [Hostname=X]")
    one = relay()
    number = print_page(one.port)
    deferred = one.wait_event("delivery", msg=number, status="deferred")
    assert deferred["reply"].startswith("432 4.3.2")
    one.wait_event("removed", msg=number, timeout=75)
    assert len(sandbox.messages()) == 1
