# SPDX-License-Identifier: MIT
"""threats.md 2.1, SMG: only CR LF . CR LF ends the data; nothing else makes one message two."""
import pytest

from ..dialogue import Dialogue, subject_of
from .vector import each, start_data

INNER = (b"MAIL FROM:<smuggled@x.org>\r\nRCPT TO:<v@x.org>\r\nDATA\r\nSubject: inner\r\n\r\nx\r\n"
         b".\r\n")
OUTER = b"From: scan@printer.local\r\nSubject: outer\r\n\r\nbody"

# What some server takes for the end of data and what it has to become.
NOT_THE_END = {
    "SMG-01": (b"\n.\n", b"\r\n.\r\n"),
    "SMG-02": (b"\n.\r\n", b"\r\n.\r\n"),
    "SMG-03": (b"\r\n.\n", b"\r\n\r\n"),
    "SMG-04": (b"\r.\r", b" . "),
    "SMG-05": (b"\r.\n", b" .\r\n"),
    "SMG-06": (b"\n.\r", b"\r\n. "),
    "SMG-07": (b"\r.\r\n", b" .\r\n"),
    "SMG-08": (b"\r\n.\r", b"\r\n "),
    "SMG-09": (b"\r\n.\r\r\n", b"\r\n \r\n"),
    "SMG-10a": (b"\r\r\n.\r\r\n", b" \r\n \r\n"),
    "SMG-13a": (b"\r\n.\t\r\n", b"\r\n\t\r\n"),
    "SMG-13b": (b"\r\n. \r\n", b"\r\n \r\n"),
    "SMG-14": (b"\r\n..\r\n", b"\r\n.\r\n"),
    "SMG-15a": (b"\x0b.\x0b", b"\x0b.\x0b"),
    "SMG-15b": (b"\x0c.\x0c", b"\x0c.\x0c"),
    "SMG-15c": (b"\x85.\x85", b"\x85.\x85"),
    "SMG-15d": (b"\xe2\x80\xa8.\xe2\x80\xa8", b"\xe2\x80\xa8.\xe2\x80\xa8"),
    "SMG-16a": (b"\r\n\xef\xbb\xbf.\r\n", b"\r\n\xef\xbb\xbf.\r\n"),
    "SMG-16b": (b"\r\n\xff.\r\n", b"\r\n\xff.\r\n"),
    "SMG-21": (b"\n.\nmail from:<usery@x.org>\nrcpt to:<v@x.org>\nbdat 86 last\n",
               b"\r\n.\r\nmail from:<usery@x.org>\r\nrcpt to:<v@x.org>\r\nbdat 86 last\r\n"),
}
WITH_NUL = {"SMG-11": b"\r\n\x00.\r\n", "SMG-12": b"\r\n.\x00\r\n"}
CUT = {f"SMG-17-{name[4:]}-{cut}": (NOT_THE_END[name][0], cut)
       for name in list(NOT_THE_END)[:9] for cut in range(1, len(NOT_THE_END[name][0]))}


def one_message(one, sandbox, body):
    """What is there in the end is this message, and it went to its own recipient only."""
    sandbox.wait(messages=1)
    one.wait_empty(1)
    records = sandbox.messages()
    assert [(subject_of(record), record["rcpts"]) for record in records] == \
        [("outer", ["b@fabrikam.com"])]
    assert sandbox.eml(1).partition(b"\r\n\r\n")[2] == body


def in_sync(talk):
    """One reply to the data, and none to a command inside it."""
    talk.expect(250)
    talk.expect(250, "NOOP")
    talk.expect(503, "RCPT TO:<v@x.org>")
    talk.expect(221, "QUIT")


@each(NOT_THE_END)
def test_smg(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    one, (eod, becomes) = relay(), vector
    with Dialogue(one.port, single=single) as talk:
        start_data(talk)
        talk.send(OUTER + eod + INNER)
        in_sync(talk)
    one_message(one, sandbox, b"body" + becomes + INNER[:-3])


@each(WITH_NUL)
def test_smg_nul(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """A NUL is refused, after the true end, and the next message is not concerned."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        start_data(talk)
        talk.send(OUTER.replace(b"outer", b"nul") + vector + INNER)
        talk.expect("554 5.6.0")
        talk.expect(503, "RCPT TO:<v@x.org>")
        talk.envelope()
        assert talk.data(OUTER + b"\r\n").startswith("250")
    one_message(one, sandbox, b"body\r\n")


def test_smg_08_then_nothing(relay, sandbox):
    one = relay()
    with Dialogue(one.port) as talk:
        start_data(talk)
        talk.send(OUTER + b"\r\n.\r")
    one.wait_event("disconnect")
    one.stop()
    assert one.spool_files() == [] and sandbox.messages() == []


def test_smg_10b_20_22_genuine_ends(relay, sandbox, single):
    """Data ends, and what stands behind it is commands, answered in order."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        start_data(talk)
        talk.send(OUTER + b"\r\r\n.\r\n" + INNER)
        assert [talk.reply()[:3] for _ in range(5)] == ["250", "250", "250", "354", "250"]
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(b".\r\n")                 # SMG-20: an empty message is one
        talk.expect(250)
        talk.expect(250, "NOOP")
    sandbox.wait(messages=3)
    records = {subject_of(r): r for r in sandbox.messages() if any(
        name == "Subject" for name, _ in r["headers"])}
    assert sandbox.eml(records["outer"]["n"]).endswith(b"\r\n\r\nbody \r\n")
    assert records["inner"]["rcpts"] == ["v@x.org"]


@each(CUT)
def test_smg_17_cut(relay, sandbox, name, vector):  # pylint: disable=unused-argument
    """In two writes, a whole turn of the relay's loop between them."""
    one, (eod, cut) = relay(), vector
    with Dialogue(one.port) as talk:
        start_data(talk)
        talk.send(OUTER + eod[:cut])
        with Dialogue(one.port) as other:
            other.expect(250, "NOOP")
        talk.send(eod[cut:] + INNER)
        in_sync(talk)
    sandbox.wait(messages=1)
    one.wait_empty(1)
    assert [subject_of(record) for record in sandbox.messages()] == ["outer"]


def test_smg_18_19_long_lines(relay, sandbox):
    """A long line neither hides nor invents the start of a line."""
    one = relay()
    bodies = {}
    with Dialogue(one.port) as talk:
        talk.hello()
        for size in (998, 1000, 1022, 1023, 1024, 4094, 4095, 4096, 8190, 8192, 16384, 65534, 65535,
                     65536, 65537):
            for tail in (b"\r\n", b".\r\nafter\r\n", b"\r\n..\r\n"):
                name = f"{size}-{len(tail)}"
                bodies[name] = b"a" * size + tail
                talk.envelope()
                head = b"From: s@p.local\r\nSubject: " + name.encode() + b"\r\n\r\n"
                assert talk.data(head + bodies[name]).startswith("250")
    sandbox.wait(messages=len(bodies), timeout=60)
    for record in sandbox.messages():
        body = sandbox.eml(record["n"]).partition(b"\r\n\r\n")[2]
        assert body == bodies[subject_of(record)], subject_of(record)


# --- SMG-23: a session without any CR -------------------------------------------------------
LF_BEGIN = b"EHLO p\nMAIL FROM:<a@b.c>\nRCPT TO:<b@fabrikam.com>\nDATA\n"
LF_HEAD = b"From: a@b.c\nSubject: outer\n\n"
UPS = {"devices": [{"name": "ups", "address": "127.0.0.7", "quirks": ["bare-lf"]}],
       "limits": {"data_timeout": "500ms"}}


def lf_session(one, source, data, single):
    """Everything that is said up to the close, its codes."""
    with Dialogue(one.port, source=source, single=single) as talk:
        talk.send(LF_BEGIN)
        for code in (250, 250, 250, 354):
            talk.expect(code)
        talk.send(data)
        return [line[:3] for line in talk.rest().split(b"\r\n")[:-1]]


def test_smg_23_listed_device(relay, sandbox, single):
    one = relay(UPS)
    data = LF_HEAD + b"..a\n.\nNOOP\nQUIT\n"
    assert lf_session(one, "127.0.0.7", data, single) == [b"250", b"250", b"221"]
    one_message(one, sandbox, b".a\r\n")


@each({"SMG-23-other-address": ("127.0.0.8", b"body\n.\nQUIT\n"),
       "SMG-23-cr-in-data": ("127.0.0.7", b"body\r\n.\nQUIT\n"),
       "SMG-23-cr-alone": ("127.0.0.7", b"bo\rdy\n.\nQUIT\n"),
       "SMG-23-cr-in-the-end": ("127.0.0.7", b"body\n.\r\nQUIT\n")})
def test_smg_23_no_end(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """Not for others, and not once there was a CR: the data does not end, and nothing is kept."""
    one, (source, body) = relay(UPS), vector
    assert lf_session(one, source, LF_HEAD + body, single) == [b"421"]
    one.stop()
    assert one.spool_files() == [] and sandbox.messages() == []


def test_smg_23_cr_of_data(relay, sandbox, single):
    """The first CR of the session is that of its DATA."""
    one = relay(UPS)
    with Dialogue(one.port, source="127.0.0.7", single=single) as talk:
        talk.send(LF_BEGIN[:-1] + b"\r\n")
        for code in (250, 250, 250, 354):
            talk.expect(code)
        talk.send(LF_HEAD + b"body\n.\nQUIT\n\r\n.\r\n")
        talk.expect(250)
        talk.expect(250, "NOOP")
    one_message(one, sandbox, b"body\r\n.\r\nQUIT\r\n\r\n")


@pytest.mark.parametrize("before", [b"NOOP\r\n", b"RSET\n\rNOOP\n"])
def test_smg_23_cr_in_a_command(relay, sandbox, single, before):
    one = relay(UPS)
    with Dialogue(one.port, source="127.0.0.7", single=single) as talk:
        talk.send(before)
        for _ in range(before.count(b"\n")):
            talk.reply()
        talk.send(LF_BEGIN)
        for code in (250, 250, 250, 354):
            talk.expect(code)
        talk.send(LF_HEAD + b"body\n.\nQUIT\n\r\n.\r\n")
        talk.expect(250)
        talk.expect(250, "NOOP")
    one_message(one, sandbox, b"body\r\n.\r\nQUIT\r\n\r\n")
