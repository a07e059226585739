# SPDX-License-Identifier: MIT
"""threats.md 2.9: what a flood may not do.

Scaled so that each takes seconds: the numbers of threats.md are in the table below, and
OAUTHRELAY_LONG=1 takes them. Processor time is counted in clock ticks of the process.
"""
import contextlib
import os
import socket
import struct
import time

import pytest

from ..dialogue import Dialogue, message, print_page, quiet, subject_of

LONG = bool(os.environ.get("OAUTHRELAY_LONG"))


def scaled(small, real):
    return real if LONG else small


IDLE = scaled(300, 2000)                    # DOS-04
HANDSHAKES = scaled(100, 500)
STREAM = scaled(200 << 20, 10 << 30)        # DOS-03
CHURN = scaled(2000, 25000)                 # DOS-07
QUEUED = scaled(300, 100_000)               # DOS-10
CORRUPT = scaled(10_000, 100_000)
LINES = scaled(200_000, 1_000_000)          # DOS-09
NAMES = scaled(100_000, 1_000_000)          # DOS-12

TICKS = os.sysconf("SC_CLK_TCK")


def rss(one):
    with open(f"/proc/{one.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS:"))


def descriptors(one):
    return len(os.listdir(f"/proc/{one.pid}/fd"))


def ticks(one):
    """Processor time used so far, in clock ticks."""
    with open(f"/proc/{one.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def served(one, source="127.0.9.9"):
    """A new client's question is answered."""
    with Dialogue(one.port, source=source) as talk:
        talk.hello()
        talk.expect(221, "QUIT")


@contextlib.contextmanager
def crowd(one, count, source, say=b""):
    """So many connections at once, each greeted, each having said something."""
    sockets = []
    try:
        for _ in range(count):
            one_socket = socket.create_connection(("127.0.0.1", one.port), timeout=20,
                                                  source_address=(source, 0))
            sockets.append(one_socket)
            if say:
                one_socket.sendall(say)
        yield sockets
    finally:
        for one_socket in sockets:
            one_socket.close()


# --- DOS-01, DOS-02: numbers and sizes that are lies

@pytest.mark.parametrize("count", [1, 100, 500, 1000, scaled(3000, 10_000)])
def test_dos_01_recipients(relay, sandbox, count):
    one = relay()
    sandbox.off()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
        talk.send("".join(f"RCPT TO:<u{n}@fabrikam.com>\r\n" for n in range(count)))
        codes = [talk.reply()[:9] for _ in range(count)]
        assert all(code.startswith("250") for code in codes[:500])
        assert set(codes[500:]) <= {"452 4.5.3"}
        talk.expect(250, "RSET")


LIMIT = 1 << 20


@pytest.mark.parametrize("declared, sent, code", [
    ("10", 100_000, "250"), ("0", 100_000, "250"), ("10", LIMIT + LIMIT // 2, "552"),
    ("10", 50 << 20, "552"), (None, 50 << 20, "552")])
def test_dos_02_size_lies(relay, sandbox, declared, sent, code):
    """What is sent counts; beyond twice the limit the connection is closed. (For two seconds what
    still comes is thrown away, so that the reply is not.)"""
    one = relay({"limits": {"message_size": str(LIMIT)}})
    line = b"x" * 998 + b"\r\n"
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>" + (f" SIZE={declared}" if declared else ""))
        talk.expect(250, "RCPT TO:<b@fabrikam.com>")
        talk.expect(354, "DATA")
        went = 0
        with contextlib.suppress(ConnectionError):
            talk.send(message())
            while went < sent:
                talk.send(line * 100)
                went += len(line) * 100
            talk.send(b".\r\n")
        assert talk.reply().startswith(code)
        if sent > 3 * LIMIT:
            assert talk.rest() == b""
        else:
            talk.expect(250, "NOOP")
    sandbox.wait(messages=1 if code == "250" else 0)
    one.wait_until(lambda: not one.spool_files())


@pytest.mark.parametrize("declared", [str(LIMIT + 1), str(2**63), str(2**64), "-1", "1e9"])
def test_dos_02_size_at_mail(relay, declared, single):
    one = relay({"limits": {"message_size": str(LIMIT)}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        assert talk.ask(f"MAIL FROM:<a@b.c> SIZE={declared}")[:3] in ("552", "501")
        talk.expect(503, "DATA")


# --- DOS-03: a stream without end

def test_dos_03_endless_message(sandbox, make_relay, release):
    limit = 4 << 20
    one = make_relay(sandbox, {"limits": {"message_size": str(limit)}}, program=release)
    before, most, spooled, went = rss(one), 0, 0, 0
    block = (b"y" * 76 + b"\r\n") * 800
    while went < STREAM:
        with Dialogue(one.port) as talk, contextlib.suppress(ConnectionError):
            talk.hello()
            talk.envelope()
            talk.expect(354, "DATA")
            talk.send(message(body=b""))
            for turn in range(4 * limit // len(block)):
                talk.send(block)
                went += len(block)
                if turn % 16 == 0:
                    most = max(most, rss(one))
                    spooled = max([spooled] + [size(path) for path in one.spool_files()])
            talk.expect("552 5.3.4")
    assert most - before < 10 << 20, (before, most)
    assert 0 < spooled <= limit + (1 << 20)
    one.wait_until(lambda: not one.spool_files())


def size(path):
    with contextlib.suppress(FileNotFoundError):
        return os.path.getsize(path)
    return 0


# --- DOS-04: a crowd that does nothing

def test_dos_04_idle_crowd(relay, sandbox):
    one = relay({"limits": {"connections_per_address": IDLE, "command_timeout": "1h"}})
    with crowd(one, IDLE, "127.0.1.1") as idle, crowd(one, IDLE, "127.0.1.2", b"MAIL FROM:<a@"):
        with crowd(one, HANDSHAKES, "127.0.1.3", b"EHLO x\r\nSTARTTLS\r\n"):
            served(one)
            print_page(one.port, source="127.0.9.9")
            sandbox.wait(messages=1)
            # Each address has its own number.
            with Dialogue(one.port, source="127.0.1.1", greet=False) as talk:
                assert talk.reply() == (f"421 4.7.0 Too many connections from your address: "
                                        f"{IDLE} are allowed")
                assert talk.rest() == b""
            # Nothing happens, so nothing is computed.
            for one_socket in idle:
                one_socket.recv(4096)               # the greeting
            before = ticks(one)
            assert quiet(idle, 1)
            assert ticks(one) - before <= TICKS // 10
    one.wait_until(lambda: descriptors(one) < 100)
    served(one, "127.0.1.1")


def test_dos_04_idle_ones_are_put_out(relay):
    one = relay({"limits": {"command_timeout": "500ms"}})
    with crowd(one, 20, "127.0.1.1") as idle, crowd(one, 20, "127.0.1.2", b"NOOP x") as half:
        for one_socket in idle + half:
            text = b""
            while more := one_socket.recv(4096):
                text += more
            assert b"\r\n421 4.4.2 Timeout" in text
    one.wait_until(lambda: descriptors(one) < 50)


def test_dos_04_all_connections_taken(relay):
    one = relay({"limits": {"connections": 40}, "devices": [
        {"name": "erp", "address": "127.0.3.0/24", "connections": 5}]})
    with crowd(one, 5, "127.0.3.1"):
        with Dialogue(one.port, source="127.0.3.2", greet=False) as talk:
            assert talk.reply() == "421 4.7.0 Too many connections from erp: 5 are allowed"
        with crowd(one, 35, "127.0.1.1"):
            with Dialogue(one.port, source="127.0.1.9", greet=False) as talk:
                assert talk.reply() == \
                    "421 4.3.2 Too many connections: 40 are allowed, try again later"


# --- DOS-05, DOS-06: clients that do not read, or hardly write

def test_dos_05_replies_nobody_reads(relay):
    one = relay({"limits": {"command_timeout": "1s", "unread_replies": "64K"}})
    with Dialogue(one.port) as talk:
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talk.socket.settimeout(0.3)
        went, noops = 0, b"NOOP\r\n" * 10_000
        with contextlib.suppress(socket.timeout, ConnectionError):
            while went < 6_000_000:
                went += talk.socket.send(noops)
        assert went < 6_000_000                     # it has stopped reading
        served(one)
        one.wait_event("disconnect", reason="command timeout")


def test_dos_06_drip(relay, single):
    one = relay({"limits": {"data_timeout": "600ms"}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        talk.expect(354, "DATA")
        for _ in range(100):
            talk.send(b"x")
            if not talk.silent(0.1):
                break
        assert talk.reply().startswith("421 4.4.2 Timeout")
    assert not one.spool_files()


# --- DOS-07: connections that come and go

def reset(one_socket):
    one_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one_socket.close()


@pytest.mark.parametrize("end", [socket.socket.close, reset], ids=["close", "reset"])
def test_dos_07_churn(relay, end):
    one = relay({"limits": {"log_rate": 10}, "log": {"level": "info"}})
    served(one)
    before = descriptors(one)
    for _ in range(CHURN):
        end(socket.create_connection(("127.0.0.1", one.port), timeout=20))
    served(one)
    one.wait_until(lambda: descriptors(one) <= before)
    assert len(one.log.lines) < 60, len(one.log.lines)


def test_dos_07_refusals_are_summed_up(relay):
    """limits.log_rate: ten lines a second about an address, the others as a number."""
    one = relay({"allow": ["127.0.0.4"], "limits": {"log_rate": 10}, "log": {"level": "info"}})
    count, started = 1000, time.monotonic()
    for _ in range(count // 10):
        with Dialogue(one.port, source="127.0.2.1") as talk:
            talk.hello()
            talk.send("MAIL FROM:<a@b.c>\r\n" * 10)
            for _ in range(10):
                talk.expect(550)
    with Dialogue(one.port, source="127.0.2.2") as talk:       # another's are told
        talk.expect(503, "DATA")
    one.wait_event("refused", peer=lambda peer: peer.startswith("127.0.2.2:"))

    def counted():
        told = len(one.events("refused", peer=lambda peer: peer.startswith("127.0.2.1:")))
        more = sum(int(event["count"]) for event in one.events("refused-more", peer="127.0.2.1"))
        return told, more

    one.wait_until(lambda: sum(counted()) == count)
    assert counted()[0] <= 10 * (time.monotonic() - started + 2)
    assert counted()[1] > 0


def test_dos_07_a_full_disk_is_told_once(relay):
    """However many clients try; the clients are told each."""
    one = relay({"queue": {"min_free": "1024G"}})
    with Dialogue(one.port) as talk:
        talk.hello()
        for _ in range(50):
            talk.envelope()
            talk.expect("452 4.3.1", "DATA")
    one.wait_event("disconnect")
    assert len(one.events("refused", reply=lambda text: text.startswith("452"))) == 50
    # One line in ten seconds.
    assert 1 <= len(one.events("intake-stopped")) <= 3


def test_dos_07_known_addresses(relay):
    """limits.known_addresses: a scan from many addresses; printers stay in the list."""
    one = relay({"allow": ["127.0.0.4"], "limits": {"known_addresses": 16}})
    served(one, "127.0.0.4")
    for n in range(200):
        with Dialogue(one.port, source=f"127.0.4.{n + 1}"):
            pass
    one.wait_until(lambda: one.status()["intake"]["connections"] == 0)
    page = one.cli_json("device", "list", "--limit", "200")
    assert page["total"] == 16
    assert "127.0.0.4" in [row["address"] for row in page["devices"]]


# --- DOS-08: no descriptors

def test_dos_08_few_descriptors(relay, sandbox):
    one = relay(wrapper=["prlimit", "--nofile=64:64"])
    one.wait_event("descriptors-short")             # limits.connections does not fit
    with Dialogue(one.port, source="127.0.9.9") as printer:
        printer.hello()
        with crowd(one, 100, "127.0.1.1") as sockets:
            greetings = [one_socket.recv(3) for one_socket in sockets[:60]]
            assert set(greetings) == {b"220", b"421"}
            assert descriptors(one) <= 64 - 8       # what is kept for delivery
            greeted = [one_socket for one_socket, text in zip(sockets, greetings) if text == b"220"]
            for one_socket in greeted:
                one_socket.recv(4096)               # the rest of the greeting
            before = ticks(one)
            assert quiet(greeted, 2)
            assert ticks(one) - before <= 2 * TICKS // 20       # 5 %
            printer.envelope()
            assert printer.data(message("in spite of it")).startswith("250")
            sandbox.wait(messages=1)
    one.wait_until(lambda: descriptors(one) < 48)
    served(one)


# --- DOS-09, DOS-12: work that could grow with the square

HEADERS = {
    "continuations": lambda n: b"Subject: x\r\n" + b" y\r\n" * n,
    "one line": lambda n: b"Subject: " + b"y" * (5 * n) + b"\r\n",
    "many": lambda n: b"X-A: b\r\n" * n,
}


@pytest.mark.parametrize("kind", HEADERS)
def test_dos_09_headers(relay, kind):
    """Refused beyond limits.header_size, and twice as much is no more than twice the work."""
    one = relay({"limits": {"message_size": "150M"}})

    def cost(count):
        before = ticks(one)
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.envelope()
            talk.expect(354, "DATA")
            talk.send(b"From: a@b.c\r\n" + HEADERS[kind](count) + b"\r\nbody\r\n.\r\n")
            talk.expect(552)
            talk.expect(250, "NOOP")
        return ticks(one) - before

    once, twice = cost(LINES), cost(2 * LINES)
    assert twice <= 2.5 * once + TICKS // 5, (once, twice)


SENDERS = {
    "ats": lambda n: b"a@" * (n // 2) + b"b.c",
    "quotes": lambda n: b'"' + b'\\"' * (n // 2) + b'" <a@b.c>',
    "comments": lambda n: b"(" * n + b" a@b.c",
    "open quotes": lambda n: b'"\\"' * (n // 3) + b" <a@b.c>",
    "groups": lambda n: b"a:" * (n // 2) + b"a@b.c;",
}


@pytest.mark.parametrize("kind", SENDERS)
def test_dos_12_from_field(relay, sandbox, kind):
    """The header's sender is rewritten whatever stands there, in a time that does not explode."""
    one = relay({"limits": {"header_size": "1M"}})
    text = b"\r\n ".join(SENDERS[kind](NAMES)[at:at + 900] for at in range(0, NAMES, 900))
    before = ticks(one)
    print_page(one.port, b"From: " + text + b"\r\nSubject: x\r\n\r\nbody\r\n")
    sandbox.wait(messages=1)
    assert ticks(one) - before <= TICKS
    assert sandbox.messages()[0]["mail_from"] == sandbox.mailbox


def test_dos_12_commands(relay):
    one = relay({"limits": {"errors": 1000}})
    with Dialogue(one.port) as talk:
        talk.hello()
        before = ticks(one)
        for text in ("a@" * 900, '"' + '\\"' * 900, "(" * 1900, "<" * 1900, "@a," * 600):
            talk.expect(5, f"MAIL FROM:<{text}>")
        assert ticks(one) - before <= TICKS // 5
        talk.expect(250, "NOOP")


# --- DOS-10: a long queue at the start (see also test_spool.py)

def test_dos_10_restart_with_a_queue(relay, sandbox):
    sandbox.off()
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        for _ in range(QUEUED):
            talk.envelope()
            assert talk.data(message()).startswith("250")
    one.kill9()
    corrupt = os.path.join(one.spool, "corrupt")
    os.makedirs(corrupt, 0o700, exist_ok=True)
    for n in range(CORRUPT):
        with open(os.path.join(corrupt, f"{n:032x}"), "w", encoding="ascii"):
            pass
    one.start()
    served(one)                                     # whether all has been found yet or not
    recovered = one.wait_event("recovered", timeout=60)
    assert int(recovered["messages"]) == QUEUED
    assert len(os.listdir(corrupt)) == CORRUPT


# --- DOS-11: lines that look like something else

LOOKALIKES = {
    "From": b"From root@x Mon Nov 23 00:00:00 2026\r\n",
    ">From": b">From root@x Mon Nov 23 00:00:00 2026\r\n",
    "space": b" a line that begins with a space\r\n",
    "tab": b"\ta line that begins with a tab\r\n",
}


@pytest.mark.parametrize("kind", LOOKALIKES)
@pytest.mark.parametrize("where", ["first", "body"])
def test_dos_11_lookalikes(relay, sandbox, single, kind, where):
    one = relay()
    line = LOOKALIKES[kind]
    mail = line + message("s") if where == "first" else message("s", body=line + b"rest\r\n" + line)
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        assert talk.data(mail).startswith("250")
    sandbox.wait(messages=1)
    record = sandbox.messages()[0]
    text = sandbox.eml(record["n"])
    assert line in text
    head, _, body = text.partition(b"\r\n\r\n")
    if where == "body":
        assert body == line + b"rest\r\n" + line
        assert subject_of(record) == "s"
    else:
        # Our own fields stand before it, each whole.
        assert head.split(b"\r\n")[0].startswith(b"Received: from ")
        assert b"\r\n" + line in text
