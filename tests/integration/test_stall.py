# SPDX-License-Identifier: MIT
"""A disk that stalls for 5 s in fsync delays nobody but the message that waits for it."""
import os
import select
import subprocess
import time

import pytest

from .dialogue import Dialogue, message, print_page, stuff, subject_of

SECONDS = 5


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    path = tmp_path_factory.mktemp("stall") / "stall.so"
    source = os.path.join(os.path.dirname(__file__), "stall.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(path), source, "-ldl"], check=True)
    return str(path)


def timed(function, *arguments):
    began = time.monotonic()
    result = function(*arguments)
    return time.monotonic() - began, result


def test_stalled_fsync(sandbox, make_relay, release, preload, tmp_path):
    stall, fifo = tmp_path / "stall", tmp_path / "fifo"
    os.mkfifo(fifo)
    announced = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    one = make_relay(sandbox, program=release, env={
        "LD_PRELOAD": preload, "STALL_FILE": str(stall), "STALL_FIFO": str(fifo)})
    sandbox.fault("greeting", "stall")
    print_page(one.port, message("waiting upstream"))
    sandbox.wait(stalled=1)
    bystander = Dialogue(one.port)
    bystander.hello()
    stall.touch()
    victim = Dialogue(one.port)
    victim.hello()
    victim.envelope()
    victim.expect(354, "DATA")
    victim.send(stuff(message("victim")) + b".\r\n")
    assert select.select([announced], [], [], 10)[0], "fsync was never called"
    end, worst, rounds = time.monotonic() + SECONDS, 0.0, 0
    while time.monotonic() < end:
        for command in ("NOOP", "MAIL FROM:<a@b.c>", "RCPT TO:<b@x.org>", "RSET"):
            took, _ = timed(bystander.expect, 250, command)
            worst = max(worst, took)
        took, new = timed(Dialogue, one.port)
        worst = max(worst, took)
        new.close()
        took, status = timed(one.cli, "status")
        assert status.returncode == 0
        worst = max(worst, took)
        rounds += 1
    # All of that while the victim was still waiting for its disk.
    assert rounds > 5 and not select.select([victim.socket], [], [], 0)[0]
    print(f"fsync stalled for {SECONDS} s: {rounds} rounds of four commands, a new connection and "
          f"`status` meanwhile, the slowest answer after {worst * 1000:.0f} ms")
    # A whole other message gets as far as its own commit.
    other = Dialogue(one.port)
    other.hello()
    other.envelope()
    other.expect(354, "DATA")
    other.send(stuff(message("other")) + b".\r\n")
    stall.unlink()
    assert victim.reply().startswith("250") and other.reply().startswith("250")
    sandbox.release()
    sandbox.wait(messages=3)
    assert {subject_of(r) for r in sandbox.messages()} == {"waiting upstream", "victim", "other"}
    for talk in (bystander, victim, other):
        talk.close()
    os.close(announced)
