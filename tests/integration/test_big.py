# SPDX-License-Identifier: MIT
"""A message of 150 MB: memory grows by less than 8 MiB, in and out."""
import hashlib
import re

from .dialogue import Dialogue, stuff

LINES = 150_000_000 // 78
MIB = 1024 * 1024


def resident(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(rf"{key}:\s+(\d+) kB", file.read())[1]) * 1024


def pieces():
    """150 MB in lines of 78 octets, no two pieces the same, some with a leading dot."""
    for first in range(0, LINES, 10_000):
        yield b"".join(b".%075d\r\n" % number
                       for number in range(first, min(first + 10_000, LINES)))


def test_150_megabytes(sandbox, make_relay, release):
    sandbox.set(message_size=157286400)
    one = make_relay(sandbox, {"limits": {"message_size": "150M"}}, start=False, program=release)
    one.config["accounts"][0]["limits"]["message_size"] = "150M"
    one.write_config()
    one.start()
    with Dialogue(one.port, timeout=120) as talk:      # a small one first: everything is loaded
        talk.hello()
        talk.envelope()
        assert talk.data(b"From: a@b.c\r\nSubject: small\r\n\r\nx\r\n").startswith("250")
        sandbox.wait(messages=1)
        one.wait_event("removed")
        before = resident(one.pid, "VmRSS")
        with open(f"/proc/{one.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")                             # forget the high-water mark
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(b"From: a@b.c\r\nSubject: big\r\n\r\n")
        whole = hashlib.sha256()
        for block in pieces():
            whole.update(block)
            talk.send(stuff(block))
        talk.send(b".\r\n")
        assert talk.reply().startswith("250")
    sandbox.wait(messages=2, timeout=180)
    one.wait_event("removed", count=2, timeout=60)
    grown = resident(one.pid, "VmHWM") - before
    record = sandbox.messages()[1]
    assert record["body_sha256"] == whole.hexdigest()
    assert record["size"] > 149_000_000
    print(f"{record['size']:,} bytes through a relay of {before / MIB:.1f} MiB: "
          f"grew by {grown / MIB:.1f} MiB")
    assert grown < 8 * MIB, f"grew by {grown / MIB:.1f} MiB"
