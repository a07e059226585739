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
        assert words >= {"SIZE", "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING",
                         "ENHANCEDSTATUSCODES", "STARTTLS"}
        assert not words & {"BINARYMIME", "XOAUTH2", "VRFY", "EXPN"}
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


def test_unknown_command_ends_after_too_many(relay):
    one = relay({"limits": {"errors": 5}})
    with Dialogue(one.port) as talk:
        talk.hello()
        replies = [talk.ask(f"BOGUS{n}")[:3] for n in range(4)]
        assert replies == ["500"] * 4
        talk.send("BOGUS\r\nBOGUS\r\n")
        assert b"421 4." in talk.rest()


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
