# SPDX-License-Identifier: MIT
"""Idle connections, half of them TLS: what each costs the relay, and whether others are served.

The relay is the release build, on two cores, with an account that cannot be reached: nothing leaves
this machine. Clients come from 127.0.0.2 upwards, as many from each as limits.connections_per_address
lets in by default. A client says EHLO (and STARTTLS, and EHLO again), and then nothing more.
"""
import ipaddress
import os
import re
import resource
import statistics
import sys
import time

from integration.dialogue import Dialogue, message, quiet
from integration.relay import Relay, free_port

PLAIN_MAX = 16 * 1024       # bytes for each connection
TLS_MAX = 64 * 1024
CORES = 2
PER_ADDRESS = 50            # the default of limits.connections_per_address
WARM_UP = 10                # connections of each kind made before anything is measured
WARM_UP_FIRST = 50000       # their numbers: other addresses than those of the idle ones
NEW_CLIENTS = 100
DESCRIPTORS_SPARE = 200
FIRST_ADDRESS = int(ipaddress.ip_address("127.0.0.2"))
NEW_ADDRESS = "127.1.0.1"


def config(connections):
    def change(base):
        base["accounts"] = [{
            "name": "nowhere", "provider": "smtp", "host": "127.0.0.1", "port": free_port(),
            "tls": "none", "auth": "none", "mailbox": "scanner@contoso.com"}]
        base["limits"] = {"connections": connections + DESCRIPTORS_SPARE}
        base["log"] = {"level": "info"}
    return change


def descriptors(connections):
    """As many as the system lets us have; the relay inherits it, as from LimitNOFILE."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < connections + DESCRIPTORS_SPARE:
        raise SystemExit(f"bench: {connections} connections need more than the {hard} descriptors "
                         "a process may have here (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Usage:
    """What the process takes now."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            sizes = dict(re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M))
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            times = file.read().rpartition(")")[2].split()
        self.resident = int(sizes["Rss"]) * 1024
        self.dirty = int(sizes["Private_Dirty"]) * 1024
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        self.cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def connect(port, number, tls):
    source = str(ipaddress.ip_address(FIRST_ADDRESS + number // PER_ADDRESS))
    talk = Dialogue(port, source=source, timeout=60)
    talk.hello()
    if tls:
        talk.starttls()
        talk.hello()
    return talk


class Kind:
    """Idle connections of one kind, and what they cost."""

    def __init__(self, name, limit):
        self.name, self.limit = name, limit
        self.talks, self.seconds = [], 0.0
        self.resident = self.dirty = 0.0        # bytes for each

    def open(self, relay, count, first):
        before, began = Usage(relay.pid), time.monotonic()
        self.talks = [connect(relay.port, first + n, self.name == "TLS") for n in range(count)]
        self.seconds = time.monotonic() - began
        after = Usage(relay.pid)
        self.resident = (after.resident - before.resident) / count
        self.dirty = (after.dirty - before.dirty) / count

    def alive(self):
        return sum(talk.ask("NOOP").startswith("250") for talk in self.talks)

    def ok(self):
        return max(self.resident, self.dirty) <= self.limit

    def row(self):
        return (f"{self.name:<6} {len(self.talks):>11} {self.seconds:>8.1f} s {self.resident:>14,.0f}"
                f" {self.dirty:>14,.0f} {self.limit:>9,} {self.alive():>9}"
                f"  {'ok' if self.ok() else 'OVER'}")


def warm_up(relay):
    """What is loaded and made once is no connection's."""
    before = Usage(relay.pid).descriptors
    talks = [connect(relay.port, WARM_UP_FIRST + n, n % 2 == 0) for n in range(2 * WARM_UP)]
    for talk in talks:
        talk.close()
    relay.wait_until(lambda: Usage(relay.pid).descriptors <= before + 5, timeout=30)


def send_one(port):
    """Seconds from the connection to the 250 behind a message; None where it was not served."""
    began = time.monotonic()
    try:
        with Dialogue(port, source=NEW_ADDRESS, timeout=30) as talk:
            talk.hello()
            talk.envelope()
            if not talk.data(message()).startswith("250"):
                return None
            talk.expect(221, "QUIT")
    except (OSError, EOFError, AssertionError):
        return None
    return time.monotonic() - began


def run(connections, hold, program):
    """Prints the table; True when every bound is kept."""
    descriptors(connections)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    relay = Relay(config=config(connections), program=program)
    kinds = [Kind("plain", PLAIN_MAX), Kind("TLS", TLS_MAX)]
    try:
        relay.start()
        warm_up(relay)
        began = Usage(relay.pid)
        for n, kind in enumerate(kinds):
            kind.open(relay, connections // 2, n * (connections // 2))
        full = Usage(relay.pid)
        if not quiet([talk.socket for kind in kinds for talk in kind.talks], hold):
            print("a connection that idles was told something, or ended", file=sys.stderr)
            return False
        idle_cpu = Usage(relay.pid).cpu - full.cpu
        served = [took for took in (send_one(relay.port) for _ in range(NEW_CLIENTS)) if took]
        print(f"{'kind':<6} {'connections':>11} {'opened in':>10} {'resident each':>14}"
              f" {'private each':>14} {'limit':>9} {'answering':>9}")
        for kind in kinds:
            print(kind.row())
        print(f"relay: {began.resident / 2**20:.1f} MiB resident before, "
              f"{full.resident / 2**20:.1f} MiB with all; {full.descriptors} descriptors; "
              f"{idle_cpu:.2f} s of processor time in {hold:g} s of idling")
        print(f"new clients while they idle: {len(served)} of {NEW_CLIENTS} served"
              + (f", median {statistics.median(served) * 1000:.1f} ms, slowest "
                 f"{max(served) * 1000:.1f} ms" if served else ""))
        return all(kind.ok() and kind.alive() == len(kind.talks) for kind in kinds) and \
            len(served) == NEW_CLIENTS
    finally:
        for kind in kinds:
            for talk in kind.talks:
                talk.close()
        relay.close()
        relay.remove()
