# SPDX-License-Identifier: MIT
"""threats.md 2.8, SEQ: commands in every order. That section names no ids; these are its cases:

SEQ-01 MAIL before EHLO                     SEQ-11 QUIT in each state
SEQ-02 two MAIL                             SEQ-12 QUIT pipelined behind the end of data
SEQ-03 RCPT before MAIL                     SEQ-13 commands behind the reply to DATA
SEQ-04 DATA without RCPT                    SEQ-14 VRFY with UTF-8 inside a transaction, then DATA
SEQ-05 DATA, all recipients refused         SEQ-15 refused at the end of data, then RCPT and DATA
SEQ-06 DATA with an argument                SEQ-16 a second message after each kind of failure
SEQ-07 EHLO and HELO inside a transaction   SEQ-17 a whole session in one segment
SEQ-08 RSET in each state, RSET x           SEQ-18 1000 messages on one connection
SEQ-09 NOOP with an argument                SEQ-19 time-outs in each state
SEQ-10 verbs that are not served

Random walks against a reference model: tests/unit/inbound/test_model.c, `scripts/fuzz model`.
"""
import pytest

from ..dialogue import Dialogue, message, subject_of
from .vector import each, start_data

# What leads to each state; no reply of it is looked at.
STATES = {
    "connected": [], "greeted": ["EHLO x"], "mail": ["EHLO x", "MAIL FROM:<a@b.c>"],
    "rcpt": ["EHLO x", "MAIL FROM:<a@b.c>", "RCPT TO:<b@x.org>"],
    "bdat": ["EHLO x", "MAIL FROM:<a@b.c>", "RCPT TO:<b@x.org>", "BDAT 3\r\nabc"],
}
NOT_SERVED = {
    "EXPN a": "502", "TURN": "502", "ETRN x": "502", "SEND FROM:<a@b.c>": "502",
    "SOML FROM:<a@b.c>": "502", "SAML FROM:<a@b.c>": "502", "XCLIENT ADDR=1.2.3.4": "502",
    "XFORWARD NAME=x": "502", "BURL x": "502", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2": "500", "WIZ": "500",
    "DEBUG": "500",
}
# Content that is refused at its end.
REFUSED = {
    "nul": b"x\0y\r\n", "size": b"x" * 12000 + b"\r\n", "loop": None,
}


def enter(talk, state):
    for command in STATES[state]:
        end = "" if command.startswith("BDAT") else "\r\n"
        assert talk.ask(command, end)[0] == "2", (state, command)


def refused_message(kind):
    if kind == "loop":
        return message(header=b"Received: from x by y\r\n" * 60)
    return message(body=REFUSED[kind])


def test_seq_01_mail_before_ehlo(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        talk.expect("503 5.5.1", "MAIL FROM:<a@b.c>")
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")


def test_seq_02_two_mails(relay, sandbox, single):
    """The second is refused and changes nothing."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
        talk.expect("503 5.5.1", "MAIL FROM:<second@b.c>")
        talk.expect(250, "RCPT TO:<b@x.org>")
        talk.expect("503 5.5.1", "MAIL FROM:<third@b.c>")
        assert talk.data(message("first")).startswith("250")
    accepted = one.wait_event("accepted")
    assert accepted["from"] == "a@b.c"
    sandbox.wait(messages=1)


def test_seq_03_rcpt_before_mail(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        talk.expect("503 5.5.1", "RCPT TO:<b@x.org>")
        talk.hello()
        talk.expect("503 5.5.1", "RCPT TO:<b@x.org>")


def test_seq_04_data_without_rcpt(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        talk.expect("503 5.5.1", "DATA")
        talk.hello()
        talk.expect("503 5.5.1", "DATA")
        talk.expect(250, "MAIL FROM:<a@b.c>")
        assert talk.ask("DATA")[:3] in ("503", "554")
        talk.expect(250, "RCPT TO:<b@x.org>")


def test_seq_05_data_with_all_recipients_refused(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
        for bad in ("RCPT TO:<>", "RCPT TO:<a@b@c>", "RCPT TO:<a@b.c> FOO=1"):
            assert talk.ask(bad)[0] == "5", bad
        assert talk.ask("DATA")[:3] in ("503", "554")
        talk.expect(250, "NOOP")


def test_seq_06_data_with_an_argument(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        talk.hello()
        talk.envelope()
        talk.expect("501 5.5.4", "DATA now")
        assert talk.data(message()).startswith("250")


@each({"SEQ-07-ehlo": "EHLO again", "SEQ-07-helo": "HELO again"}, "name, hello")
def test_seq_07_hello_resets(relay, sandbox, single, name, hello):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope(rcpts=["gone@x.org"])
        talk.expect(250, hello)
        talk.expect("503 5.5.1", "RCPT TO:<b@x.org>")
        talk.expect("503 5.5.1", "DATA")
        talk.envelope(rcpts=["kept@x.org"])
        assert talk.data(message(name)).startswith("250")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == ["kept@x.org"]


@pytest.mark.parametrize("state", STATES)
def test_seq_08_rset(relay, single, state):
    with Dialogue(relay().port, single=single) as talk:
        enter(talk, state)
        talk.expect("501 5.5.4", "RSET now")
        talk.expect(250, "RSET")
        talk.expect(503, "DATA")
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.hello()
        talk.envelope()


@pytest.mark.parametrize("state", STATES)
def test_seq_09_noop_with_an_argument(relay, single, state):
    with Dialogue(relay().port, single=single) as talk:
        enter(talk, state)
        talk.expect(250, "NOOP anything at all")


@pytest.mark.parametrize("state", STATES)
def test_seq_10_what_is_not_served(relay, single, state):
    """Refused everywhere, and nothing changes by it."""
    with Dialogue(relay({"limits": {"errors": 1000}}).port, single=single) as talk:
        enter(talk, state)
        for command, code in NOT_SERVED.items():
            talk.expect(code, command)
        talk.expect(252, "VRFY b@fabrikam.com")
        talk.expect(214, "HELP")
        if state == "rcpt":
            assert talk.data(message()).startswith("250")


@pytest.mark.parametrize("state", STATES)
def test_seq_11_quit(relay, single, state):
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        enter(talk, state)
        talk.expect("221 2.0.0", "QUIT")
        assert talk.rest() == b""
    one.wait_event("disconnect")
    assert one.spool_files() == []


def test_seq_12_quit_behind_the_end_of_data(relay, sandbox, single):
    with Dialogue(relay().port, single=single) as talk:
        start_data(talk)
        talk.send(message("seq-12") + b".\r\nQUIT\r\n")
        talk.expect(250)
        talk.expect(221)
        assert talk.rest() == b""
    sandbox.wait(messages=1)


def test_seq_13_commands_behind_the_reply(relay, single):
    with Dialogue(relay().port, single=single) as talk:
        start_data(talk)
        talk.send(message() + b".\r\n")
        talk.expect(250)
        for command in ("DATA", "RCPT TO:<b@x.org>", "BDAT 0 LAST"):
            talk.expect("503 5.5.1", command)
        talk.expect(250, "NOOP")


def test_seq_14_vrfy_with_utf8(relay, sandbox, single):
    """Postfix 20260812: a partial reset by VRFY, then DATA."""
    with Dialogue(relay().port, single=single) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")
        assert talk.ask("VRFY <\u00fcser@x.org>")[0] in "25"
        talk.expect(250, "RCPT TO:<b@x.org>")
        assert talk.ask("VRFY <\u00fcser@x.org> SMTPUTF8")[0] in "25"
        assert talk.data(message("seq-14")).startswith("250")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == ["b@x.org"]


@pytest.mark.parametrize("kind", REFUSED)
def test_seq_15_16_after_a_refusal(relay, sandbox, single, kind):
    """Postfix 20260803: neither sender nor recipients are left, and the next has only its own."""
    one = relay({"limits": {"message_size": "10K"}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope(rcpts=["gone@x.org"])
        assert talk.data(refused_message(kind))[0] == "5"
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(503, "DATA")
        talk.envelope(rcpts=["kept@x.org"])
        assert talk.data(message("kept")).startswith("250")
        talk.expect(503, "DATA")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == ["kept@x.org"]


@each({"SEQ-16-sender": "MAIL FROM:<a@b@c>", "SEQ-16-size": "MAIL FROM:<a@b.c> SIZE=99999999",
       "SEQ-16-parameter": "MAIL FROM:<a@b.c> FOO=1"}, "name, bad")
def test_seq_16_after_a_refused_mail(relay, sandbox, single, name, bad):
    with Dialogue(relay({"limits": {"message_size": "10K"}}).port, single=single) as talk:
        talk.hello()
        assert talk.ask(bad)[0] == "5"
        talk.expect(503, "RCPT TO:<gone@x.org>")
        talk.envelope(rcpts=["kept@x.org"])
        assert talk.data(message(name)).startswith("250")
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == ["kept@x.org"]


def test_seq_17_a_session_in_one_segment(relay, sandbox):
    """Each reply in its place (RFC 2920), for two messages."""
    with Dialogue(relay().port) as talk:
        talk.hello()
        talk.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b@fabrikam.com>\r\nRCPT TO:<bad\r\n"
                  b"RCPT TO:<c@fabrikam.com>\r\nDATA\r\n" + message("first") +
                  b".\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@fabrikam.com>\r\nDATA\r\n" +
                  message("second") + b".\r\nQUIT\r\n")
        assert [talk.reply()[:3] for _ in range(11)] == [
            "250", "250", "501", "250", "354", "250", "250", "250", "354", "250", "221"]
    sandbox.wait(messages=2)
    assert {subject_of(r): r["rcpts"] for r in sandbox.messages()} == \
        {"first": ["b@fabrikam.com", "c@fabrikam.com"], "second": ["d@fabrikam.com"]}


def test_seq_18_a_thousand_messages_on_one_connection(relay, sandbox):
    with Dialogue(relay().port) as talk:
        talk.hello()
        for number in range(1000):
            talk.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b%d@x.org>\r\nDATA\r\n" % number)
            assert [talk.reply()[:3] for _ in range(3)] == ["250", "250", "354"]
            talk.send(message(f"n{number}") + b".\r\n")
            talk.expect(250)
    sandbox.wait(messages=1000, timeout=120)
    assert all(r["rcpts"] == [f"b{subject_of(r)[1:]}@x.org"] for r in sandbox.messages())


@pytest.mark.parametrize("state", STATES)
def test_seq_19_time_out(relay, state):
    one = relay({"limits": {"command_timeout": "400ms", "data_timeout": "400ms"}})
    with Dialogue(one.port) as talk:
        enter(talk, state)
        assert talk.rest().startswith(b"421 4.4.2")
    assert one.spool_files() == []


@each({"SEQ-19-data": b"DATA\r\nSubject: half\r\n", "SEQ-19-chunk": b"BDAT 100 LAST\r\nSubject:"},
      "name, half")
def test_seq_19_time_out_in_content(relay, name, half):
    one = relay({"limits": {"command_timeout": "400ms", "data_timeout": "400ms"}})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.envelope()
        talk.send(half)
        assert talk.rest().split(b"\r\n")[-2].startswith(b"421 4.4.2"), name
    assert one.spool_files() == []
