# SPDX-License-Identifier: MIT
"""The receiving side: extensions, order of commands, addresses, sizes, time-outs, vanishing."""
import socket
import struct

import pytest

from .dialogue import Dialogue, message, stuff, subject_of


@pytest.fixture(params=["segment", "octets"])
def single(request):
    """Every dialogue is run twice: each send in one segment, and octet by octet."""
    return request.param == "octets"


def refused(relay, reply):
    """The log has a `refused` line with this reply."""
    return relay.wait_event("refused", reply=lambda text: text.startswith(reply[:9]))


def test_extensions(relay):
    one = relay()
    with Dialogue(one.port) as talk:
        assert talk.banner.startswith("220 relay.contoso.com ")
        lines = talk.hello().split("\n")
        words = {line[4:].split(" ")[0].upper() for line in lines[1:]}
        assert words >= {"SIZE", "PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS"}
        assert not words & {"CHUNKING", "BINARYMIME", "XOAUTH2", "VRFY", "EXPN"}
        talk.starttls()
        assert "STARTTLS" not in talk.hello()
        talk.expect("221 2.0.0", "QUIT")
        assert talk.rest() == b""


def test_every_reply_has_an_enhanced_code_and_is_one_segment(relay):
    one = relay()
    with Dialogue(one.port) as talk:
        talk.send("EHLO printer\r\n")
        first = talk.socket.recv(65536)
        assert first.endswith(b"\r\n") and first.split(b"\r\n")[-2].startswith(b"250 ")
        for command in ("NOOP", "RSET", "WIZ", "MAIL FROM:<a@b.c>", "RCPT TO:<b@b.c>", "VRFY b"):
            reply = talk.ask(command)
            assert reply[4] == reply[0] and reply[5] == ".", (command, reply)


def test_bdat_is_not_offered(relay, sandbox, single):
    """SMG-21: its payload is never taken for commands."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        payload = b"Subject: x\r\n\r\n.\r\nMAIL FROM:<smuggled@x.org>\r\nRSET\r\nNOOP\r\n"
        try:
            talk.send(b"BDAT %d LAST\r\n" % len(payload) + payload)
        except ConnectionError:
            pass
        answers = talk.rest()
        assert answers[:3] in (b"500", b"502", b"503") and b"250" not in answers
    one.wait_event("disconnect")
    assert sandbox.messages() == [] and one.spool_files() == []


def test_unknown_command_ends_after_too_many(relay):
    one = relay({"limits": {"errors": 5}})
    with Dialogue(one.port) as talk:
        talk.hello()
        replies = [talk.ask(f"BOGUS{n}")[:3] for n in range(4)]
        assert replies == ["500"] * 4
        talk.send("BOGUS\r\nBOGUS\r\n")
        assert b"421 4." in talk.rest()


GOOD_PATHS = ["MAIL FROM:<>", "MAIL FROM:<a@b.c>", "MAIL FROM: <a@b.c>", "mail from:<a@b.c>",
              "MAIL FROM:<a@b.c> SIZE=1000", "MAIL FROM:<a@b.c> BODY=8bitmime SIZE=12",
              "MAIL FROM:<a@b.c> AUTH=<>", "MAIL FROM:<a+tag@xn--bcher-kva.ch>",
              'MAIL FROM:<"john doe"@b.c>', "MAIL FROM:<@h1,@h2:u@d.org>",
              "MAIL FROM:<" + "l" * 64 + "@b.c>"]
BAD_PATHS = ["MAIL FROM:", "MAIL FROM", "MAIL FROM<a@b.c>", "MAIL FROM:<a@b.c", "MAIL FROM:a@b.c>",
             "MAIL FROM:<a b@c.d>", "MAIL FROM:<a@b.c>x", "MAIL FROM:<<a@b.c>>",
             "MAIL FROM:<a@b@c.d>", "MAIL FROM:<@>", "MAIL FROM:<a@>", "MAIL FROM:<@b>",
             "MAIL FROM:<a@b.c,d@e.f>", "MAIL FROM:<Foo <a@b.c>>", "MAIL FROM:<a@-b>",
             "MAIL FROM:<a@b..c>", 'MAIL FROM:<"a@b.c>', "MAIL FROM:<a@[1.2.3.4>",
             "MAIL FROM:<a@[999.1.1.1]>", "MAIL FROM:<a\tb@c.d>", "MAIL FROM:<a\x7f@c.d>",
             "MAIL FROM:<\xe4@c.d>", "MAIL FROM:<;for i in 0 1 2 3;do read r;done;sh;exit 0;>",
             "MAIL FROM:<${run{/bin/id}}@>", "MAIL FROM:<a@b.c> SIZE=1 SIZE=2",
             "MAIL FROM:<a@b.c> SIZE=", "MAIL FROM:<a@b.c> SIZE=-1", "MAIL FROM:<a@b.c> SIZE=1x",
             "MAIL FROM:<a@b.c> SIZE=99999999999999999999", "MAIL FROM:<a@b.c> FOO=BAR",
             "MAIL FROM:<a@b.c> BODY=FOO", "MAIL FROM:<a@b.c> BODY=BINARYMIME",
             'MAIL FROM:<a@b.c> ="', "MAIL FROM:<a@b.c>SIZE=1", "MAIL FROM:<a@b.c> SMTPUTF8=1"]


def test_addresses(relay, single):
    one = relay({"limits": {"errors": 1000}})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        for command in GOOD_PATHS:
            talk.expect(250, command)
            talk.expect(250, "RSET")
        for command in BAD_PATHS:
            reply = talk.ask(command)
            assert reply[:3] in ("500", "501", "552", "553", "555"), (command, reply)
            talk.expect(503, "RCPT TO:<b@fabrikam.com>")
        talk.expect(250, "MAIL FROM:<a@b.c>")
        for command in BAD_PATHS[:22]:
            reply = talk.ask(command.replace("MAIL FROM", "RCPT TO"))
            assert reply[:3] in ("500", "501", "553", "555"), (command, reply)
        talk.expect(501, "RCPT TO:<>")
        talk.expect(250, "RCPT TO:<b@fabrikam.com>")
        talk.expect(221, "QUIT")
    assert one.events("refused", peer=lambda text: "127.0.0.1" in text)


def test_sizes(relay, sandbox):
    one = relay({"limits": {"message_size": "100K", "header_size": "8K", "recipients": 3,
                            "connections_per_address": 3}})
    with Dialogue(one.port) as talk:
        assert "SIZE 102400" in talk.hello()
        refused(one, talk.expect("552 5.3.4", "MAIL FROM:<a@b.c> SIZE=102401"))
        talk.envelope()
        assert talk.data(message(body=b"x" * 70 + b"\r\n" * 60000))[:9] == "552 5.3.4"
        talk.envelope()
        reply = talk.data(message(header=b"".join(b"X-%d: %s\r\n" % (n, b"y" * 60)
                                                  for n in range(300))))
        assert reply[:3] in ("552", "554"), reply
        talk.envelope(rcpts=["a@x.org", "b@x.org", "c@x.org"])
        talk.expect("452 4.5.3", "RCPT TO:<d@x.org>")
        assert talk.data(message("small")).startswith("250 2.0.0 ")
        others = [Dialogue(one.port), Dialogue(one.port)]
        with Dialogue(one.port, greet=False) as fourth:
            assert fourth.rest().startswith(b"421 4.")
        for other in others:
            other.close()
    sandbox.wait(messages=1)
    assert [subject_of(r) for r in sandbox.messages()] == ["small"]


def test_account_limit_counts_at_mail(relay):
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["message_size"] = "64K"
    one.write_config()
    one.start()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect("552 5.3.4", "MAIL FROM:<a@b.c> SIZE=70000")
        talk.expect(250, "MAIL FROM:<a@b.c> SIZE=60000")


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("stage", [
    b"", b"EHLO printer\r\n", b"EHLO printer\r\nMAIL FROM:<a@b.c>\r\nRCP",
    b"EHLO printer\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nSubject: x\r\n\r\nhalf\r\n.",
    b"EHLO printer\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nSubject: x\r\n\r\n"
    + b"z" * 78 * 4000 + b"\r\n"], ids=["connect", "ehlo", "envelope", "dot", "body"])
def test_vanishing_client(relay, sandbox, how, stage):
    one = relay()
    talk = Dialogue(one.port)
    talk.send(stage)
    if b"DATA" in stage:
        while not talk.line().startswith(b"354 "):
            pass
    if how == "rst":
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()
    one.wait_event("disconnect")
    with Dialogue(one.port) as other:           # it still serves, and the half message is nowhere
        other.hello()
        other.envelope()
        other.data(message("whole"))
    sandbox.wait(messages=1)
    one.wait_event("removed")
    assert [subject_of(r) for r in sandbox.messages()] == ["whole"]
    assert one.spool_files() == []


def test_half_closed_client_gets_its_reply(relay, sandbox):
    """TLS-12: FIN right behind the final dot."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(stuff(message("half-closed")) + b".\r\n")
        talk.socket.shutdown(socket.SHUT_WR)
        assert talk.reply().startswith("250 2.0.0")
    sandbox.wait(messages=1)


def test_idle_connections_do_not_disturb(relay, sandbox):
    one = relay({"limits": {"connections_per_address": 500}})
    idle = [Dialogue(one.port) for _ in range(200)]
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.envelope()
        assert talk.data(message()).startswith("250")
    sandbox.wait(messages=1)
    for talk in idle:
        talk.close()
