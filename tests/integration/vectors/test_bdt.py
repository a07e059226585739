# SPDX-License-Identifier: MIT
"""threats.md 2.5, BDT: chunks are content and never commands, and each has one reply."""
import re
import threading
import time

import pytest

from ..dialogue import Dialogue, subject_of, unverified
from .vector import each

HEAD = b"From: scan@printer.local\r\nSubject: bdat\r\n\r\n"
EVIL = b"MAIL FROM:<x@x.org>\r\nRCPT TO:<v@x.org>\r\nDATA\r\n"
MIB = 1024 * 1024


def chunk(data, last=True):
    return b"BDAT %d%s\r\n" % (len(data), b" LAST" if last else b"") + data


def begin(talk):
    talk.hello()
    talk.envelope()


def arrived(one, sandbox, body, count=1):
    sandbox.wait(messages=count)
    one.wait_empty(count)
    for record in sandbox.messages():
        assert (subject_of(record), record["rcpts"]) == ("bdat", ["b@fabrikam.com"])
        assert sandbox.eml(record["n"]).partition(b"\r\n\r\n")[2] == body


def nothing(one, sandbox):
    """The stop waits for what is being removed from the disk."""
    one.stop()
    assert one.spool_files() == [] and sandbox.messages() == []


def test_bdt_01_exact(relay, sandbox, single):
    """Stored exactly; a last line without an end gets one."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        assert "\n250-CHUNKING\n" in talk.hello()
        talk.envelope()
        talk.send(chunk(HEAD + b"exact\r\n"))
        talk.expect("250 2.0.0 OK queued as")
        talk.envelope()
        talk.send(chunk(HEAD[:20], last=False))
        talk.expect("250 2.0.0 20 octets received")
        talk.send(chunk(HEAD[20:] + b"exact"))
        talk.expect(250)
    arrived(one, sandbox, b"exact\r\n", count=2)


def test_bdt_01_not_offered(relay, sandbox):
    """The quirk no-chunking."""
    one = relay({"devices": [{"name": "p", "address": "127.0.0.7", "quirks": ["no-chunking"]}]})
    with Dialogue(one.port, source="127.0.0.7") as talk:
        assert "CHUNKING" not in talk.hello()
    nothing(one, sandbox)


def test_bdt_02_short(relay, sandbox, single):
    one = relay({"limits": {"data_timeout": "300ms"}})
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(b"BDAT 89 LAST\r\n" + b"x" * 88)
        talk.expect("421 4.4.2 Timeout: no data for 300ms")
        assert talk.rest() == b""
    nothing(one, sandbox)


def test_bdt_03_long(relay, sandbox, single):
    """What is behind the chunk is a command."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD + b"x\r\n") + b"y\r\n")
        talk.expect(250)
        talk.expect(500)
        talk.expect(250, "NOOP")
    arrived(one, sandbox, b"x\r\n")


def test_bdt_04_zero(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(b"BDAT 0\r\n" + chunk(HEAD + b"x", last=False) + b"BDAT 0\r\nBDAT 0 LAST\r\n")
        for _ in range(4):
            talk.expect(250)
        talk.expect(503, "BDAT 0 LAST")
    arrived(one, sandbox, b"x\r\n")


@each({f"BDT-05-{number}": argument for number, argument in enumerate([
    b"", b" -1", b" +5", b" 5x", b" 0x10", b" 18446744073709551616", b" 5 FIRST",
    b" 5 LAST LAST", b" 5  LAST", b" 5\tLAST", b" LAST", b" 5 \x00", b" " * 3000 + b"5 LAST",
    b" " + b"0" * 3000 + b"5 LAST"])})
def test_bdt_05_malformed(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        try:
            talk.send(b"BDAT" + vector + b"\r\n" + EVIL + b"NOOP\r\n")
        except ConnectionError:
            pass                        # it has hung up already
        talk.expect("501 5.5.4 Syntax: BDAT size [LAST]")
        assert talk.rest() == b""
    nothing(one, sandbox)


@each({"BDT-05-max": b"18446744073709551615", "BDT-05-sign": b"9223372036854775808"})
def test_bdt_05_huge(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        try:
            talk.send(b"BDAT " + vector + b"\r\n" + EVIL)
        except ConnectionError:
            pass
        talk.expect("552 5.3.4")
        assert talk.rest() == b""
    nothing(one, sandbox)


def test_bdt_05_case(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        data = HEAD + b"x\r\n"
        talk.send(b"bdat %d last\r\n" % len(data) + data)
        talk.expect(250)
    arrived(one, sandbox, b"x\r\n")


@each({"BDT-06-start": (b"", []), "BDT-06-hello": (b"EHLO x\r\n", [250]),
       "BDT-06-mail": (b"EHLO x\r\nMAIL FROM:<a@b.c>\r\n", [250, 250]),
       "BDT-06-refused": (b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<>\r\n", [250, 250, 501])})
def test_bdt_06_out_of_place(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """Read, thrown away, refused: each chunk, in one go with what comes before and behind it."""
    one, (before, codes) = relay(), vector
    with Dialogue(one.port, single=single) as talk:
        talk.send(before + chunk(EVIL, last=False) + chunk(EVIL) + b"NOOP\r\n")
        for code in (*codes, 503, 503, 250):
            talk.expect(code)
        talk.expect(503, "RCPT TO:<v@x.org>" if b"MAIL" not in before else "MAIL FROM:<x@x.org>")
    nothing(one, sandbox)


def test_bdt_07_mixed(relay, sandbox, single):
    one = relay({"limits": {"errors": 100}})
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD, last=False))
        talk.expect(250)
        for command in ("DATA", "MAIL FROM:<x@x.org>", "RCPT TO:<v@x.org>"):
            talk.expect(503, command)
        talk.send(chunk(b"x"))
        talk.expect(250)
        talk.send(chunk(EVIL))                          # BDAT behind LAST
        talk.expect(503)
        talk.expect(503, "DATA")
        talk.expect(503, "RCPT TO:<v@x.org>")
        talk.envelope()
        assert talk.data(HEAD + b"x\r\n").startswith("250")
        talk.send(chunk(EVIL))                          # BDAT behind DATA
        talk.expect(503)
        talk.expect(503, "DATA")
    arrived(one, sandbox, b"x\r\n", count=2)


@each({"BDT-08-rset": "RSET", "BDT-08-ehlo": "EHLO y", "BDT-08-helo": "HELO y"})
def test_bdt_08_reset(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD + b"half", last=False))
        talk.expect(250)
        talk.expect(250, vector)
        talk.send(chunk(EVIL))
        talk.expect(503)
        talk.expect(503, "DATA")
        talk.envelope()
        talk.send(chunk(HEAD + b"x"))
        talk.expect(250)
    arrived(one, sandbox, b"x\r\n")


def test_bdt_08_others(relay, sandbox, single):
    """STARTTLS and AUTH are refused, QUIT ends all."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD + b"half", last=False))
        talk.expect(250)
        talk.expect(503, "STARTTLS")
        talk.expect(503, "AUTH PLAIN AGEAYg==")
        talk.expect(221, "QUIT")
    one.wait_event("disconnect")
    nothing(one, sandbox)


def test_bdt_09_too_large(relay, sandbox, single):
    one = relay({"limits": {"message_size": "64K"}})
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(b"x" * 65537))
        talk.expect("552 5.3.4 The message is larger than the limit of this relay, 64K")
        talk.expect(250, "NOOP")
        talk.envelope()
        talk.send(chunk(b"x" * 40000, last=False))
        talk.expect(250)
        talk.send(chunk(b"x" * 40000, last=False) + chunk(b"x" * 40000))
        talk.expect("552 5.3.4")
        talk.expect("552 5.3.4")
        talk.envelope()
        talk.send("BDAT 131073\r\n")                    # more than twice: nobody waits for it
        talk.expect("552 5.3.4")
        assert talk.rest() == b""
    nothing(one, sandbox)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) * 1024


def test_bdt_10_a_million_chunks(sandbox, make_relay, release):
    """Memory does not grow with their number."""
    one = make_relay(sandbox, {"log": {"level": "info"}}, program=release)
    count, block = 1_000_000, 10_000
    with Dialogue(one.port, timeout=120) as talk:
        begin(talk)
        talk.send(chunk(HEAD, last=False))
        talk.expect(250)

        def many(blocks):
            sender = threading.Thread(target=lambda: [
                talk.send(b"BDAT 1\r\nx" * block) for _ in range(blocks)])
            began = time.monotonic()
            sender.start()
            for _ in range(blocks * block):
                assert talk.line() == b"250 2.0.0 1 octets received\r\n"
            sender.join()
            return time.monotonic() - began

        many(10)
        before, took = resident(one.pid), []
        for _ in range(3):
            took.append(many(count // block // 3))
        grown = resident(one.pid) - before
        print(f"{count:,} chunks: {', '.join(f'{t:.1f} s' for t in took)} for each third, memory "
              f"grew by {grown // 1024} KiB")
        assert grown < 2 * MIB
        talk.expect(250, "BDAT 0 LAST")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["size"] > count * 0.99


def test_bdt_11_commands_inside(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD + b"x\r\n.\r\n" + EVIL + b"..\r\n"))
        talk.expect(250)
        talk.expect(503, "RCPT TO:<v@x.org>")
    arrived(one, sandbox, b"x\r\n.\r\n" + EVIL + b"..\r\n")


def test_bdt_12_no_room(relay, sandbox, single):
    """The disk is full: that code for each chunk, in step, whatever is pipelined."""
    one = relay({"queue": {"min_free": "1000G"}})
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD, last=False) + chunk(EVIL, last=False) + chunk(EVIL) + b"NOOP\r\n")
        for code in ("452 4.3.1",) * 3 + ("250",):
            talk.expect(code)
        talk.expect(503, "RCPT TO:<v@x.org>")
    nothing(one, sandbox)


def test_bdt_12_refused_in_between(relay, sandbox, single):
    """A NUL in the second of four chunks."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(chunk(HEAD, last=False) + chunk(b"\0" + EVIL, last=False) +
                  chunk(EVIL, last=False) + chunk(EVIL) + b"NOOP\r\n")
        for code in (250, 554, 554, 554, 250):
            talk.expect(code)
    nothing(one, sandbox)


@pytest.mark.parametrize("data", [b"BDAT 8\r\nHey", chunk(HEAD, last=False)])
def test_bdt_13_cut(relay, sandbox, single, data):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(data)
    one.wait_event("disconnect")
    one.wait_event("refused", reply=lambda text: "nothing is kept" in text)
    nothing(one, sandbox)


def test_bdt_13_close_notify(relay, sandbox):
    """CVE-2026-45185: the end of TLS in a chunk is the end of the connection."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.starttls(unverified())
        begin(talk)
        talk.send(b"BDAT 100 LAST\r\n" + HEAD)
        bare = talk.socket.unwrap()
        bare.settimeout(20)
        try:
            bare.sendall(b"x" * 100 + b"\r\nEHLO clear\r\nNOOP\r\n")
            answer = bare.recv(4096)
        except OSError:
            answer = b""
        bare.close()
        assert answer == b""
    one.wait_event("disconnect")
    nothing(one, sandbox)


def test_bdt_14_early_error(relay, sandbox, single):
    """Refused when half of the chunk has come: its rest is no command, and NOOP is answered."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        begin(talk)
        talk.send(b"BDAT 200 LAST\r\n\0" + EVIL)
        with Dialogue(one.port) as other:
            other.expect(250, "NOOP")
        rest = 199 - len(EVIL)
        talk.send((EVIL * 5)[:rest] + b"NOOP\r\n")
        talk.expect(554)
        talk.expect(250)
    nothing(one, sandbox)


def test_bdt_15_binarymime(relay, sandbox, single):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        assert "BINARYMIME" not in talk.hello()
        talk.expect(555, "MAIL FROM:<a@b.c> BODY=BINARYMIME")
        talk.expect(503, "DATA")
    nothing(one, sandbox)
