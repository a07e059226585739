# SPDX-License-Identifier: MIT
"""Pipelining (RFC 2920) of more than the relay keeps of its input, in clear text and inside TLS."""
import pytest

from .dialogue import Dialogue, message

RECIPIENTS = 2500


@pytest.fixture(params=["clear", "tls"])
def talk(request, relay):
    one = relay({"limits": {"recipients": RECIPIENTS}})
    with Dialogue(one.port) as dialogue:
        dialogue.hello()
        if request.param == "tls":
            dialogue.starttls()
            dialogue.hello()
        yield dialogue


def test_an_envelope_of_many_recipients(talk):
    talk.send("MAIL FROM:<scan@printer.local>\r\n" +
              "".join(f"RCPT TO:<recipient.{n:06}@fabrikam.com>\r\n" for n in range(RECIPIENTS)) +
              "DATA\r\n")
    for _ in range(1 + RECIPIENTS):
        talk.expect(250)
    talk.expect(354)


def test_commands_behind_the_end_of_data(talk, sandbox):
    talk.envelope()
    talk.expect(354, "DATA")
    talk.send(message() + b".\r\n" + b"NOOP\r\n" * 9000 + b"QUIT\r\n")
    talk.expect("250 2.0.0 OK queued as")
    for _ in range(9000):
        talk.expect("250 2.0.0 OK")
    talk.expect(221)
    sandbox.wait(messages=1)
