# SPDX-License-Identifier: MIT
"""threats.md 2.3 (TLS). TLS-03 is about the other side: test_upstream.py."""
import os
import re
import socket
import ssl
import threading

import pytest

from ..dialogue import Dialogue, message, unverified
from ..relay import free_port
from ..tls_client import LibSSL, client_hello, reset, s_client
from .vector import each

OLD_DEVICE = {"name": "xerox-3f", "address": "127.0.0.2", "tls_profile": "legacy"}


@pytest.mark.parametrize("behind", [b"NOOP\r\n", b"EHLO x\r\n", b"MAIL FROM:<a@b.c>\r\n",
                                    b"AUTH PLAIN AGEAYg==\r\n", b"NOO"])  # codespell:ignore
def test_tls_01(relay, single, behind):
    """What came in clear behind STARTTLS is never answered inside TLS."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
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


def test_tls_02(relay, single):
    """Out of place, or twice; and nothing of the session before is left (RFC 3207 4.2)."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(501, "STARTTLS now")
        talk.expect(235, "AUTH PLAIN AGEAYg==")
        talk.envelope()
        talk.expect(503, "STARTTLS")
        talk.expect(250, "RSET")
        talk.starttls()
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(503, "MAIL FROM:<a@b.c>")
        assert "AUTH" in talk.hello()                   # the login before is forgotten
        talk.expect(503, "STARTTLS")
        talk.envelope()


BEFORE_THE_CUT = {
    "TLS-04-data": b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b@x.org>\r\nDATA\r\nSubject: x\r\n\r\nhalf",
    "TLS-04-idle": b"EHLO x\r\n",
    "TLS-05": b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b",
}


@each(BEFORE_THE_CUT)
def test_tls_04_05(relay, sandbox, single, name, vector):
    """After close_notify there is nothing more to say in this connection."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(220, "STARTTLS")
        with LibSSL(talk.socket) as inside:
            inside.send(b"EHLO x\r\n")
            inside.wait(b"250 ")
            for at in range(len(vector) if single else 1):
                inside.send(vector[at:at + 1] if single else vector)
            if b"DATA" in vector:
                inside.wait(b"354 ")
            inside.close_notify()
            try:
                talk.socket.sendall(b"@x.org>\r\n.\r\nEHLO clear\r\nNOOP\r\n")
            except OSError:
                pass
            talk.socket.settimeout(20)
            try:
                answer = talk.socket.recv(65536)
                assert b"250" not in answer, name
            except OSError:
                pass
            one.wait_event("disconnect")
    assert one.spool_files() == [] and sandbox.messages() == []


GARBAGE = {
    "TLS-06-half": b"\x16\x03\x01\x02\x00\x01", "TLS-06-http": b"GET / HTTP/1.1\r\n\r\n",
    "TLS-06-ssh": b"SSH-2.0-x\r\n", "TLS-06-socks": b"\x05\x01\x00",
    "TLS-06-noise": b"\x16" + b"\xff" * 600, "TLS-06-nothing": b"",
    "TLS-06-hello-only": client_hello(),
}


@each(GARBAGE)
def test_tls_06(relay, single, name, vector):
    """limits.tls_timeout: no handshake is waited for longer than that, on any kind of listener."""
    ports = {"starttls": free_port(), "implicit": free_port(), "auto": free_port()}
    one = relay({"limits": {"tls_timeout": "1s", "auto_wait": "100ms", "command_timeout": "3s"},
                 "listeners": [{"address": f"127.0.0.1:{port}", "tls": tls}
                               for tls, port in ports.items()]})
    talks = [Dialogue(port, greet=False, single=single) for port in ports.values()]
    talks[0].expect(220)
    talks[0].hello()
    talks[0].expect(220, "STARTTLS")
    for talk in talks:
        try:
            talk.send(vector)
        except OSError:
            pass                                        # closed already
    for talk in talks:
        answer = talk.rest(timeout=30)
        assert b"250 2" not in answer and b"Hello" not in answer, name
        talk.close()
    one.wait_event("disconnect", count=3)
    with Dialogue(ports["starttls"]) as talk:
        talk.hello()


def test_tls_06_a_plain_port(relay, single):
    """A ClientHello where text is expected: never parsed as a command, and the log says what to do."""
    port = free_port()
    one = relay({"listeners": [{"address": f"127.0.0.1:{port}", "tls": "none"}]})
    with Dialogue(port, single=single) as talk:
        try:
            talk.send(client_hello())
        except OSError:
            pass
        assert talk.rest() == b""
    one.wait_event("refused", reply=lambda text: 'set tls = "auto"' in text)


NAMES = {
    "TLS-07-long": b"x" * 255, "TLS-07-too-long": b"x" * 256, "TLS-07-backslash-nul": b"x\\\0",
    "TLS-07-nul": b"a\0b", "TLS-07-empty": b"", "TLS-07-utf8": "dr\u00fccker.b\u00fcro".encode(),
    "TLS-07-literal": b"192.168.1.1", "TLS-07-format": b"%n%s%n\r\nlevel=x", "TLS-07-dots": b"...",
}


@each(NAMES)
def test_tls_07(relay, single, name, vector):
    """Odd server names disturb nobody, and are in no log."""
    one = relay({"listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": "implicit"}]})
    port = int(one.config["listeners"][0]["address"].rpartition(":")[2])
    with Dialogue(port, greet=False, single=single) as talk:
        talk.send(client_hello(sni=vector))
        first = talk.socket.recv(3)                     # ServerHello, or an alert
        assert first[:2] in (b"\x16\x03", b"\x15\x03"), name
    one.wait_event("disconnect")
    assert "%n" not in one.text() and "\\\\\\0" not in one.text()
    with Dialogue(port, greet=False) as talk:
        talk.socket = unverified().wrap_socket(talk.socket, server_hostname="relay.contoso.com")
        talk.expect(220)


def test_tls_08(relay):
    """No client is asked for a certificate, so none is read; one that is sent ends it."""
    one = relay()
    for version in ("-tls1_2", "-tls1_3"):
        said = s_client(one.port, version, "-msg", folder=one.dir)
        assert "Certificate" in said and "CertificateRequest" not in said
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(220, "STARTTLS")
        talk.send(client_hello(ciphers=(0x009C,)))
        dn = b"CN=%n\r\nlevel=error\0"
        certificate = b"\x0b" + len(dn * 40).to_bytes(3, "big") + dn * 40
        talk.send(b"\x16\x03\x03" + len(certificate).to_bytes(2, "big") + certificate)
        talk.rest()
    one.wait_event("refused", reply=lambda text: "TLS handshake failed" in text)
    assert "%n" not in one.text()


def test_tls_09_renegotiation(relay):
    one = relay()
    said = s_client(one.port, "-tls1_2", folder=one.dir, letters="R\n")
    assert "RENEGOTIATING" in said and "no renegotiation" in said
    one.wait_event("disconnect")
    assert len(one.events("tls")) == 1                  # one handshake was finished


def test_tls_09_early_data(relay):
    one = relay()
    said = s_client(one.port, "-tls1_3", folder=one.dir)
    allowed = re.findall(r"Max Early Data: (\d+)", said)
    assert allowed and set(allowed) == {"0"}            # in every ticket


def test_tls_09_key_update(relay):
    """A flood of them as fast as it goes costs one session its time, and others nothing."""
    one = relay()
    with Dialogue(one.port) as talk, Dialogue(one.port) as other:
        talk.hello()
        talk.expect(220, "STARTTLS")
        with LibSSL(talk.socket) as inside:
            inside.send(b"EHLO x\r\n")
            inside.wait(b"250 ")
            over = threading.Event()

            def flood():
                while not over.is_set():
                    assert inside.key_update()

            thread = threading.Thread(target=flood)
            thread.start()
            try:
                for _ in range(100):
                    other.hello()
            finally:
                over.set()
                thread.join()
            inside.send(b"NOOP\r\n")
            inside.wait(b"250 2.0.0")
            inside.send(b"QUIT\r\n")
            inside.wait(b"221 ")


def test_tls_09_key_update_memory(relay, release):
    """Twenty thousand leave nothing behind. (A sanitizer's own memory would hide it.)"""
    one = relay(program=release)
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(220, "STARTTLS")
        with LibSSL(talk.socket) as inside:
            inside.send(b"EHLO x\r\n")
            inside.wait(b"250 ")
            before = memory(one)
            for _ in range(20000):
                assert inside.key_update()
            inside.send(b"NOOP\r\n")
            inside.wait(b"250 2.0.0")
            assert memory(one) - before < 1 << 20


def memory(one):
    with open(f"/proc/{one.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tls_10(relay, version):
    """A session is resumed where it was made: not on another listener, not under another profile."""
    here, there = free_port(), free_port()
    one = relay({"devices": [OLD_DEVICE],
                 "listeners": [{"address": f"127.0.0.1:{here}"},
                               {"address": f"127.0.0.1:{there}", "auth": "required"}]})
    ticket = os.path.join(one.dir, "ticket")

    def visit(port, *options, source=None):
        said = s_client(port, version, *options, folder=one.dir, source=source)
        return re.search(r"^(New|Reused), TLSv", said, re.MULTILINE)[1]

    assert visit(here, "-sess_out", ticket) == "New"
    assert os.path.getsize(ticket) > 0
    assert visit(here, "-sess_in", ticket) == "Reused"
    one.wait_event("tls", resumed="yes")
    assert visit(there, "-sess_in", ticket) == "New"
    assert visit(here, "-sess_in", ticket, source="127.0.0.2") == "New"
    assert visit(here, "-sess_in", ticket) == "Reused"


OLD_VERSIONS = {"TLS-11-tls1.0": ("-tls1", "TLSv1", "TLS 1.0"),
                "TLS-11-tls1.1": ("-tls1_1", "TLSv1.1", "TLS 1.1")}


@each(OLD_VERSIONS)
@pytest.mark.parametrize("starttls", [True, False], ids=["starttls", "implicit"])
def test_tls_11(relay, name, vector, starttls):
    """A client that has nothing newer: served where tls_profile is legacy, else told in the log."""
    option, version, words = vector
    one = relay({"tls": None,           # self-signed: old devices want an RSA key
                 "devices": [OLD_DEVICE, {"name": "other", "address": "127.0.0.3"}],
                 "listeners": [{"address": f"127.0.0.1:{free_port()}",
                                "tls": "starttls" if starttls else "implicit"}]})
    port = int(one.config["listeners"][0]["address"].rpartition(":")[2])

    def visit(source):
        return s_client(port, option, "-cipher", "AES128-SHA:@SECLEVEL=0", folder=one.dir,
                        starttls=starttls, source=source)

    said = visit("127.0.0.2")
    assert f"New, {'SSLv3' if version == 'TLSv1' else version}" in said or version in said, name
    assert "Cipher    : AES128-SHA" in said or "Cipher is AES128-SHA" in said
    one.wait_event("tls", tls=version)
    assert "Cipher is (NONE)" in visit("127.0.0.3")
    reply = one.wait_event("refused", device="other")["reply"]
    assert reply == (f"(TLS handshake failed: offers {words} at most (AES128-SHA): set tls_profile "
                     '= "legacy" for it)')
    assert "Cipher is (NONE)" in visit("127.0.0.4")
    reply = one.wait_event("refused", device="-")["reply"]
    assert reply.endswith('as in devices = ( { name = "printer-1"; address = "127.0.0.4"; '
                          'tls_profile = "legacy"; } );)'), reply


NO_LONGER_THERE = {
    "TLS-11-3des": (client_hello(0x0301, (0x000A,)), "offers only 3DES (TLS 1.0 at most"),
    "TLS-11-rc4": (client_hello(0x0301, (0x0004, 0x0005)), "offers only RC4 (TLS 1.0 at most"),
    "TLS-11-export": (client_hello(0x0301, (0x0003, 0x0008)), "offers only export ciphers"),
    "TLS-11-ssl3": (client_hello(0x0300, (0x002F,), record=0x0300), "offers SSL 3.0 at most"),
    "TLS-11-ssl2": (b"\x80\x1f\x01\x00\x02\x00\x06\x00\x00\x00\x10\x01\x00\x80\x00\x00\x04"
                    b"0123456789abcdef", "offers SSL 2.0 at most"),
}


@each(NO_LONGER_THERE)
@pytest.mark.parametrize("source", ["127.0.0.2", "127.0.0.3"])
def test_tls_11_no_longer_there(relay, single, name, vector, source):
    """What no setting would admit: TLS has to be turned off on the device."""
    one = relay({"devices": [OLD_DEVICE],
                 "listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": "auto"}]})
    port = int(one.config["listeners"][0]["address"].rpartition(":")[2])
    hello, words = vector
    with Dialogue(port, greet=False, source=source, single=single) as talk:
        talk.send(hello)
        talk.rest()
    reply = one.wait_event("refused")["reply"]
    assert words in reply and reply.endswith(": turn TLS off on the device)"), (name, reply)


def test_tls_11_a_certificate_not_trusted(relay):
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(220, "STARTTLS")
        with pytest.raises(ssl.SSLCertVerificationError):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.wrap_socket(talk.socket, server_hostname="relay.contoso.com")
    one.wait_event("refused", reply=lambda text: "import what `oauthrelay tls export` prints" in text)


def begin_data(one):
    """A connection inside TLS and DATA."""
    talk = Dialogue(one.port)
    talk.hello()
    talk.expect(220, "STARTTLS")
    inside = LibSSL(talk.socket)
    inside.send(b"EHLO x\r\n")
    inside.wait(b"250 ")
    inside.send(b"MAIL FROM:<a@b.c>\r\nRCPT TO:<b@fabrikam.com>\r\nDATA\r\n")
    inside.wait(b"354 ")
    return inside


def test_tls_12(relay, sandbox, single):
    """close_notify behind the final dot: the reply still comes, the message is kept."""
    one = relay()
    with begin_data(one) as inside:
        data = message("half-closed") + b".\r\n"
        for at in range(len(data) if single else 1):
            inside.send(data[at:at + 1] if single else data)
        inside.close_notify()
        inside.wait(b"250 2.0.0 ")
    sandbox.wait(messages=1)
    one.wait_empty(1)


def test_tls_12_without_close_notify(relay, sandbox):
    """FIN alone behind the final dot: what was whole is kept."""
    one = relay()
    with begin_data(one) as inside:
        inside.send(message("fin") + b".\r\n")
        inside.socket.shutdown(socket.SHUT_WR)
        inside.receive()
    sandbox.wait(messages=1)


@pytest.mark.parametrize("end", ["fin", "reset"])
def test_tls_13(relay, sandbox, single, end):
    """Truncation inside the message: nothing is kept."""
    one = relay()
    with begin_data(one) as inside:
        data = message("cut") + b"half of it\r\n."
        for at in range(len(data) if single else 1):
            inside.send(data[at:at + 1] if single else data)
        if end == "fin":
            inside.socket.shutdown(socket.SHUT_WR)
        else:
            reset(inside.socket)
    one.wait_event("disconnect")
    one.wait_event("refused", reply=lambda text: "nothing is kept" in text)
    assert one.spool_files() == [] and sandbox.messages() == []
