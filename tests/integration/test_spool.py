# SPDX-License-Identifier: MIT
"""Nothing acknowledged is lost: kill -9, restarts, damaged files, a full disk (design.md 3)."""
import os
import random
import stat
import subprocess
import threading
import time

import pytest

from .dialogue import Dialogue, message, print_page, stuff, subject_of
from .namespace import namespace
from .traffic import Traffic

KILLS = 20


def test_kill_9_at_twenty_moments(relay, sandbox):
    """Every 250 arrives, undamaged; twice only what was in flight when the relay was killed."""
    one = relay()
    seed = int(os.environ.get("OAUTHRELAY_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print("seed", seed)             # shown when the test fails
    moment, kills = random.Random(seed), []
    with Traffic(one.port, clients=4) as traffic:
        for _ in range(KILLS):
            traffic.wait_accepted(len(traffic.accepted) + moment.randrange(1, 12))
            traffic.stopping.wait(moment.random() * 0.03)      # anywhere between two messages
            kills.append(time.time())
            one.restart(kill=True)
        traffic.wait_accepted(len(traffic.accepted) + 5)
    twice = traffic.check_soon(sandbox, one)
    print(f"{KILLS} kills, {len(traffic.accepted)} messages answered 250, all arrived, "
          f"{sum(len(copies) - 1 for copies in twice.values())} of them twice")
    # Two connections, at most two transactions in flight on each.
    assert sum(len(copies) - 1 for copies in twice.values()) <= KILLS * 4
    for subject, copies in twice.items():
        for copy in copies[:-1]:
            lag = min((kill - copy["received"] for kill in kills
                       if kill - copy["received"] > -0.2), default=99)
            assert lag < 2, f"{subject} arrived twice, but no kill was near"
    assert one.events("spool-corrupt") == []


def test_kill_9_while_mail_waits(relay, sandbox):
    sandbox.off()
    one = relay()
    numbers = [print_page(one.port, message(f"m{n}", body=b"x" * n * 1000 + b"\r\n"))
               for n in range(20)]
    one.restart(kill=True)
    one.restart(kill=True)
    sandbox.on()
    sandbox.wait(messages=20)
    for number in numbers:
        one.wait_event("removed", msg=number)
    assert sorted(subject_of(r) for r in sandbox.messages()) == sorted(f"m{n}" for n in range(20))


def test_half_received_messages_are_swept(relay, sandbox):
    one = relay()
    talk = Dialogue(one.port)
    talk.hello()
    talk.envelope()
    talk.expect(354, "DATA")
    talk.send(stuff(message("half", body=b"x" * 70 + b"\r\n" * 200_000)))
    with Dialogue(one.port) as other:
        other.expect(250, "NOOP")
    one.restart(kill=True)
    talk.close()
    one.wait_event("recovered")
    assert one.spool_files() == [] and sandbox.messages() == []


def test_files_are_private_and_readable(relay, sandbox):
    sandbox.off()
    one = relay()
    print_page(one.port, message("readable", body=b".dot\r\n"))
    [path] = one.spool_files()
    assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
    with open(path, "rb") as file:
        content = file.read()
    assert b"Subject: readable\r\n" in content and b"\r\n\r\n.dot\r\n" in content
    assert b"b@fabrikam.com" in content


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "garbage"])
def test_damaged_files_are_set_aside(relay, sandbox, damage):
    sandbox.off()
    one = relay()
    bad = print_page(one.port, message("bad"))
    good = print_page(one.port, message("good"))
    [path] = [name for name in one.spool_files() if bad in name]
    one.stop()
    with open(path, "r+b") as file:
        content = file.read()
        if damage == "flip":
            at = content.index(b"A scan.")
            file.seek(at)
            file.write(b"B")
        elif damage == "truncate":
            file.truncate(len(content) - 10)
        elif damage == "empty":
            file.truncate(0)
        else:
            file.seek(0)
            file.write(os.urandom(len(content)))
    sandbox.on()
    one.start()
    sandbox.wait(messages=1)
    one.wait_event("removed", msg=good)
    assert [subject_of(r) for r in sandbox.messages()] == ["good"]
    if damage != "flip":
        event = one.wait_event("spool-corrupt")
        assert bad in event["file"] and os.path.exists(os.path.join(one.spool, event["moved_to"]))
    if damage == "flip":        # found when it is read to be sent; nothing of it was sent
        one.log.wait(lambda events: any(event.level == "error" and "corrupt/" in str(dict(event))
                                        for event in events), 20)
        assert os.listdir(os.path.join(one.spool, "corrupt"))
        assert bad not in one.cli("queue", "list").stdout
    left = [name for name in one.spool_files() if bad in name]
    assert all("corrupt" in name for name in left)


def test_strange_things_in_the_spool(relay, sandbox):
    """SPL: neither a FIFO nor a link nor a folder keeps it from starting."""
    sandbox.off()
    one = relay()
    number = print_page(one.port, message("real"))
    [path] = one.spool_files()
    one.stop()
    folder = os.path.dirname(path)
    os.mkfifo(os.path.join(folder, "0" * 32))
    os.symlink("/etc/passwd", os.path.join(folder, "1" * 32))
    os.mkdir(os.path.join(folder, "2" * 32))
    with open(os.path.join(folder, "README"), "w", encoding="utf-8") as file:
        file.write("not a message\n")
    sandbox.on()
    one.start()
    one.wait_event("removed", msg=number)
    assert [subject_of(r) for r in sandbox.messages()] == ["real"]


def test_a_second_relay_is_refused(relay):
    one = relay()
    second = subprocess.run([one.program, "-c", one.path, "run"], capture_output=True, text=True,
                            timeout=30, check=False, env=one._environment() | {"NOTIFY_SOCKET": ""})
    assert second.returncode == 1
    assert one.spool in second.stderr or "already" in second.stderr or "running" in second.stderr
    with Dialogue(one.port) as talk:        # the first does not notice
        talk.hello()


def test_stops_in_order_under_traffic(relay, sandbox):
    one = relay()
    with Traffic(one.port, clients=3) as traffic:
        for _ in range(3):
            traffic.wait_accepted(len(traffic.accepted) + 10)
            one.restart()
    sandbox.wait(messages=len(traffic.accepted), timeout=60)
    assert traffic.check(sandbox.messages()) == {}


def test_too_little_room(relay, sandbox):
    """452 before 354."""
    one = relay({"queue": {"min_free": "1000G"}})
    with Dialogue(one.port) as talk:
        talk.hello()
        reply = talk.ask("MAIL FROM:<a@b.c>")
        if reply.startswith("250"):
            talk.expect(250, "RCPT TO:<b@fabrikam.com>")
            reply = talk.ask("DATA")
        assert reply.startswith("452 4.3.1"), reply
    one.change({"queue": {"min_free": "1M"}})
    one.restart()
    print_page(one.port, message("room again"))
    sandbox.wait(messages=1)


def test_a_full_queue(relay, sandbox):
    """queue.recipients: what waits is in memory; what was accepted stays, also over a restart."""
    sandbox.off("smtp")
    one = relay({"queue": {"recipients": 3, "retry": {"first": "100ms", "max": "100ms"}}})

    def offer(count):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.expect(250, "MAIL FROM:<a@b.c>")
            for i in range(count):
                talk.expect(250, f"RCPT TO:<b{i}@fabrikam.com>")
            reply = talk.ask("DATA")
            return reply if not reply.startswith("354") else talk.ask("Subject: x\r\n\r\n.")

    assert offer(2).startswith("250")
    assert offer(2).startswith("250")               # the limit is looked at before, not within
    assert offer(1) == "452 4.3.1 The relay's queue is full, try again later"
    one.wait_event("intake-stopped", reason="the queue is full")
    one.restart()
    one.wait_event("recovered", messages=2)
    assert offer(1).startswith("452 4.3.1")
    sandbox.on("smtp")
    one.wait_empty(2)
    assert offer(1).startswith("250")
    sandbox.wait(messages=3)


def test_intake_resumes_when_there_is_room(sandbox, make_relay):
    """The queue's file system fills up and is emptied again: nobody has to restart anything."""
    with namespace(network=False):
        one = make_relay(sandbox, {"queue": {"min_free": "8M"}}, start=False)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M,mode=700", "none", one.spool],
                       check=True)
        one.start()
    # The relay lives on in that namespace; the way to its disk is by its root.
    filler = os.path.join(f"/proc/{one.pid}/root", one.spool[1:], "filler")
    with open(filler, "wb") as file:
        file.write(b"x" * 10 * 1024 * 1024)
    assert first_answer(one, lambda code: code == "452")
    os.unlink(filler)
    assert first_answer(one, lambda code: code == "354")


def first_answer(one, wanted, seconds=30):
    """Asks at DATA again and again, on new connections, until the answer is wanted."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < end:
        with Dialogue(one.port) as talk:
            talk.hello()
            for command in ("MAIL FROM:<a@b.c>", "RCPT TO:<b@fabrikam.com>", "DATA"):
                code = talk.ask(command)[:3]
                if code != "250":
                    break
        if wanted(code):
            return True
        pause.wait(0.1)
    return False


@pytest.mark.parametrize("policy", ["retry", "hold"])
def test_uncertain(relay, sandbox, policy):
    """The reply to the final dot is lost: retried with the same Message-ID, or kept for a person."""
    sandbox.fault("eod", "drop", when="unanswered")
    one = relay({"queue": {"on_uncertain": policy}})
    number = print_page(one.port, message("uncertain"))
    assert one.wait_event("uncertain", msg=number).level == "warning"
    one.wait_event("delivery", msg=number, to="b@fabrikam.com", status="uncertain")
    if policy == "hold":
        print_page(one.port, message("next"))
        sandbox.wait(messages=2)
        assert [subject_of(r) for r in sandbox.messages()] == ["uncertain", "next"]
        assert any(number in name for name in one.spool_files())
        return
    sandbox.wait(messages=2)
    one.wait_event("removed", msg=number)
    ids = [value for record in sandbox.messages() for name, value in record["headers"]
           if name.lower() == "message-id"]
    assert len(ids) == 2 and ids[0] == ids[1]


@pytest.mark.parametrize("policy", ["retry", "hold"])
def test_uncertain_after_kill(relay, sandbox, policy):
    """The same when it is the relay that dies between the final dot and the reply."""
    sandbox.fault("eod", "stall")
    one = relay({"queue": {"on_uncertain": policy}})
    number = print_page(one.port, message("killed"))
    sandbox.wait(stalled=1)
    one.kill9()
    sandbox.clear()
    sandbox.wait(closed=0)
    one.start()
    one.wait_event("uncertain", msg=number)
    if policy == "retry":
        sandbox.wait(messages=1)
        one.wait_event("removed", msg=number)
    else:
        one.wait_event("recovered")
        assert any(number in name for name in one.spool_files())


def test_accepted_recipients_are_not_sent_again(relay, sandbox):
    """UPS-12 over a kill -9: what Exchange took from one recipient is on disk."""
    sandbox.fault("rcpt", "reply", text="450 4.2.1 Busy", match={"rcpt": "late@"}, count=0)
    one = relay()
    number = print_page(one.port, message("partly"), rcpts=["now@x.org", "late@x.org", "too@x.org"])
    one.wait_event("delivery", msg=number, to="now@x.org", status="sent")
    # What is known is on disk before the next attempt.
    one.wait_event("delivery", msg=number, to="late@x.org", status="deferred", count=2)
    one.restart(kill=True)
    one.wait_event("delivery", msg=number, to="late@x.org", status="deferred")
    sandbox.clear()
    one.wait_event("removed", msg=number)
    assert [record["rcpts"] for record in sandbox.messages()] == \
        [["now@x.org", "too@x.org"], ["late@x.org"]]
