# SPDX-License-Identifier: MIT
"""Refresh tokens that change with each use (TOK-11): whatever happens, one that works is on disk.

The sandbox is strict: the old one dies as soon as the new one is used. So neither a new one that is
used before it is durable, nor an old one that is kept too long, would do.
"""
import collections
import os
import random
import subprocess
import time

import pytest

from . import namespace, sealed
from .dialogue import message, print_page

LIFE = 60               # seconds a token lives; it is renewed at the half of that


@pytest.fixture
def strict(sandbox, make_relay, release):
    """strict(env) makes a relay with an account that somebody has signed in to; not started."""
    def make(env=None):
        # Each kill may leave a refused login behind, and we kill more often than anybody is locked out.
        sandbox.set(strict_rotation=True, lockout_after=10**6)
        one = make_relay(sandbox, program=release, start=False, env=env)
        one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
        sealed.sign_in(one)
        return one
    return make


def stored(relay):
    return sealed.read(relay)["refresh_token"]


def usable(relay, sandbox):
    """Does the provider still take what is in the file?"""
    value = stored(relay)
    return [one["died_of"] for one in sandbox.refresh_tokens() if one["value"] == value] == [None]


class Kills:
    """Kills a relay again and again, and looks each time at what is left."""

    def __init__(self, relay, sandbox):
        self.relay, self.sandbox = relay, sandbox
        # A share in each run of the tests; all of them when asked for.
        self.count = int(os.environ.get("OAUTHRELAY_KILLS", "20"))
        self.dice = random.Random(int(os.environ.get("OAUTHRELAY_SEED", "1")))
        self.found = collections.Counter()
        self.first = stored(relay)

    def each(self, event):
        """Starts it, and comes back when the sandbox has seen this event."""
        for number in range(self.count):
            self.sandbox.revoke()       # so that each run needs a token of its own
            before, known = stored(self.relay), len(self.sandbox.refresh_tokens())
            seen = len(self.sandbox.events(event))
            self.relay.start()
            print_page(self.relay.port, message(f"page {number}"))
            self.sandbox.wait(event=event, count=seen + 1)
            yield number
            self.relay.kill9()
            assert usable(self.relay, self.sandbox), f"after kill {number}: {self.found}"
            self.found[self._stage(before, known)] += 1

    def _stage(self, before, known):
        tokens = self.sandbox.refresh_tokens()
        if len(tokens) == known:
            return "nothing issued"
        if stored(self.relay) == tokens[-1]["value"]:
            return "the newest durable"
        return "issued, not durable" if stored(self.relay) == before else "an older one durable"

    def end(self, capsys):
        """Everything is delivered in the end, nobody had to sign in, and no litter is left."""
        self.relay.start()
        self.relay.wait_drained()
        self.relay.wait_until(lambda: stored(self.relay) != self.first)
        self.relay.stop()
        assert self.relay.events("account-held") == [] and usable(self.relay, self.sandbox)
        assert os.listdir(os.path.dirname(sealed.path(self.relay))) == ["scanner"]
        with capsys.disabled():
            print(f" {self.count} kills: {dict(self.found)} ", end="")


def test_killed_around_the_first_use(strict, sandbox, capsys):
    """At any moment from the request on: the answer, the write, the login, the mail."""
    one = strict()
    kills = Kills(one, sandbox)
    for _ in kills.each("token-connect"):
        time.sleep(kills.dice.uniform(0, 0.02))         # the moment, not a wait for anything
    kills.end(capsys)


def test_killed_while_it_changes_all_the_time(strict, sandbox, fast_clock, capsys):
    """One rotation after the other, several times a second, in each run."""
    sandbox.set(token_lifetime=LIFE)
    one = strict(fast_clock(200))
    kills = Kills(one, sandbox)
    for _ in kills.each("token"):
        time.sleep(kills.dice.uniform(0, 0.5))
    kills.end(capsys)


@pytest.fixture
def small_state(strict):
    """small_state(env) makes a relay whose state lies on a disk of its own, of 256 KiB."""
    def make(env=None):
        one = strict(env)
        kept = {}
        for name in ("seal.key", "accounts/scanner"):
            with open(os.path.join(one.state, name), "rb") as file:
                kept[name] = file.read()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "none", one.state],
                       check=True)
        os.mkdir(os.path.join(one.state, "accounts"), 0o700)
        for name, content in kept.items():
            path = os.path.join(one.state, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)
        return one
    with namespace.namespace(network=False):
        yield make


def fill(relay):
    path = os.path.join(relay.state, "ballast")
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def test_no_room_for_the_new_one(small_state, sandbox, fast_clock):
    """Mail flows, it is said once, the durable one is used and never lost, the new one stored later."""
    sandbox.set(token_lifetime=LIFE)
    one = small_state(fast_clock(200))
    durable = stored(one)
    ballast = fill(one)
    one.start()
    print_page(one.port)
    refused = one.wait_event("token-record-refused", account="scanner")
    assert refused.level == "error" and "No space left" in refused["error"]
    one.wait_event("token", status="fetched", count=5)
    assert stored(one) == durable and usable(one, sandbox)
    assert len(one.events("token-record-refused")) == 1
    print_page(one.port)
    sandbox.wait(messages=2)
    one.restart(kill=True)              # all the new ones are lost
    print_page(one.port)
    sandbox.wait(messages=3)
    assert stored(one) == durable and usable(one, sandbox)
    os.unlink(ballast)
    one.wait_until(lambda: stored(one) != durable)
    one.restart()
    print_page(one.port)
    sandbox.wait(messages=4)
    assert one.events("account-held") == [] and usable(one, sandbox)


def test_the_reply_with_the_new_one_is_lost(strict, sandbox):
    """The provider has changed it and we do not know: the old one still works, this once."""
    one = strict()
    sandbox.fault("token", "drop")
    one.start()
    print_page(one.port)
    sandbox.wait(messages=1)
    one.wait_until(lambda: stored(one) == sandbox.refresh_tokens()[-1]["value"])
    assert len(sandbox.refresh_tokens()) == 3 and usable(one, sandbox)
