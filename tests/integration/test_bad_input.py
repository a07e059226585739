# SPDX-License-Identifier: MIT
"""Vectors of threats.md 2.3 (TLS): each a clear error, nothing smuggled."""
import socket
import ssl

import pytest

from .dialogue import Dialogue, unverified


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"EHLO x\r\n", b"MAIL FROM:<a@b.c>\r\n",
                                    b"AUTH PLAIN AGEAYg==\r\n", b"NOO"])  # codespell:ignore
def test_starttls_injection(relay, behind):
    """TLS-01: what came in clear behind STARTTLS is never answered inside TLS."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.send(b"STARTTLS\r\n" + behind)
        reply = talk.reply()
        if not reply.startswith("220"):
            assert reply[:3] in ("501", "503", "554", "421")
            return
        try:
            talk.socket = unverified().wrap_socket(talk.socket)
            talk.send(b"EHLO inside\r\n")
            first = talk.reply()
        except (OSError, EOFError):
            return                                      # closed at once: also right
        assert first.startswith("250") and "\n" in first
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(221, "QUIT")


def test_starttls_out_of_place(relay):
    """TLS-02."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(501, "STARTTLS now")
        talk.envelope()
        answer = talk.ask("STARTTLS")
        if answer.startswith("220"):
            talk.socket = unverified().wrap_socket(talk.socket)
        else:
            assert answer.startswith("503")
            talk.expect(250, "RSET")
            talk.starttls()
        # Nothing of the session before is left (RFC 3207 4.2).
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(503, "MAIL FROM:<a@b.c>")
        talk.hello()
        talk.expect(503, "STARTTLS")
        talk.envelope()


def cut_tls(talk, data):
    """Sends data, then close_notify; returns the bare socket."""
    talk.send(data)
    talk.socket.settimeout(0.3)
    try:
        return talk.socket.unwrap()
    except (OSError, ssl.SSLError):
        return socket.socket(fileno=talk.socket.detach())


@pytest.mark.parametrize("data", [
    b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\n", b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b",
    b"EHLO x\r\n"])
def test_close_notify_then_clear_text(relay, sandbox, data):
    """TLS-04, 05: after close_notify there is nothing more to say in this connection."""
    one = relay()
    talk = Dialogue(one.port)
    talk.hello()
    talk.starttls()
    talk.hello()
    bare = cut_tls(talk, data + (b"Subject: x\r\n\r\nhalf" if b"DATA" in data else b""))
    bare.settimeout(5)
    try:
        bare.sendall(b"@x.org>\r\n.\r\nEHLO clear\r\nNOOP\r\n")
        answer = bare.recv(4096)
    except OSError:
        answer = b""
    bare.close()
    assert b"250" not in answer
    one.wait_event("disconnect")
    assert one.spool_files() == [] and sandbox.messages() == []


def test_handshake_garbage(relay):
    """TLS-06."""
    one = relay()
    waiting = Dialogue(one.port)        # half a ClientHello: disturbs nobody while it waits
    waiting.hello()
    waiting.expect(220, "STARTTLS")
    waiting.socket.sendall(b"\x16\x03\x01\x02\x00\x01")
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16" + b"\xff" * 600):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.expect(220, "STARTTLS")
            talk.socket.sendall(noise)
            talk.rest()
    with Dialogue(one.port) as talk:
        talk.hello()
    waiting.close()
    one.wait_event("refused", count=4, reply=lambda text: "TLS handshake" in text)
