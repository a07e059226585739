# SPDX-License-Identifier: MIT
"""Listeners: TLS or not by the first byte, and sockets that systemd has opened."""
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys

import pytest

from .dialogue import Dialogue, message, print_page, unverified
from .relay import RelayError, free_port
from .tls_client import client_hello

# What systemd does: opens the sockets, passes them from descriptor 3 on, and says so.
PARENT = """
import os, socket, sys
at = 3
sockets = []
for word in sys.argv[1].split(","):
    host, _, port = word.rpartition("/")
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if ":" in host:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((host, int(port)))
    s.listen(1)
    sockets.append(os.dup2(s.fileno(), 50 + len(sockets)))
for fd in sockets:
    os.dup2(fd, at)
    os.close(fd)
    at += 1
env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)))
os.execve(sys.argv[2], sys.argv[2:], env)
"""


def passing(*sockets):
    return [sys.executable, "-c", PARENT, ",".join(sockets)]


def backlog(port):
    """Of the socket that listens there: ss prints it as Send-Q."""
    said = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], stdout=subprocess.PIPE, check=True)
    return int(said.stdout.split()[2])


def longest_backlog():
    with open("/proc/sys/net/core/somaxconn", encoding="ascii") as file:
        return int(file.read())


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


# --- resumption

def resumed(port, context, session=None):
    """Connects to an implicit listener; whether that was a resumption, and the session."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        with context.wrap_socket(plain, session=session) as tls:
            assert tls.recv(4) == b"220 "
            tls.sendall(b"QUIT\r\n")
            return tls.session_reused, tls.session


def test_tls_sessions_make_room(relay):
    """limits.tls_sessions: of clients that know no tickets."""
    port = free_port()
    relay({"limits": {"tls_sessions": 2},
           "listeners": [{"address": f"127.0.0.1:{port}", "tls": "implicit"}]})
    context = unverified()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    first = resumed(port, context)[1]
    assert resumed(port, context, first)[0]
    last = [resumed(port, context)[1] for _ in range(2)][-1]
    assert resumed(port, context, last)[0]
    assert not resumed(port, context, first)[0]


# --- tls = "auto" -------------------------------------------------------------------------
def test_auto_serves_both(relay, sandbox):
    """One port: TLS from the first byte on, STARTTLS, none at all, and who talks too early."""
    port = free_port()
    one = relay({"listeners": [{"address": f"127.0.0.1:{port}", "tls": "auto"}],
                 "limits": {"auto_wait": "200ms"}})
    with smtplib.SMTP_SSL("127.0.0.1", port, local_hostname="printer",
                          context=unverified()) as client:
        client.sendmail("scan@printer.local", ["b@fabrikam.com"], message("from the first byte"))
    with smtplib.SMTP("127.0.0.1", port, local_hostname="printer") as client:
        client.starttls(context=unverified())
        client.sendmail("scan@printer.local", ["b@fabrikam.com"], message("starttls"))
    print_page(port, message("clear"))
    with Dialogue(port, greet=False) as talk:
        talk.send(b"EHLO early\r\n")
        talk.expect(220)
        assert "STARTTLS" in talk.reply()
        talk.envelope()
        assert talk.data(message("early")).startswith("250")
    sandbox.wait(messages=4)
    one.wait_empty(4)


def test_auto_waits_no_longer_than_it_says(relay):
    """limits.auto_wait: a silent client is greeted."""
    port = free_port()
    relay({"listeners": [{"address": f"127.0.0.1:{port}", "tls": "auto"}],
           "limits": {"auto_wait": "10ms", "command_timeout": "1h"}})
    with Dialogue(port) as talk:
        talk.hello()


def test_auto_says_when_tls_comes_too_late(relay):
    """The listener is right already: it is its patience, or the device."""
    port = free_port()
    one = relay({"listeners": [{"address": f"127.0.0.1:{port}", "tls": "auto"}],
                 "limits": {"auto_wait": "10ms"}})
    with Dialogue(port) as talk:
        talk.send(client_hello())
        talk.rest()
    reply = one.wait_event("refused")["reply"]
    assert reply == "(TLS handshake that began after the greeting: raise limits.auto_wait, or set " \
                    "STARTTLS on the device)"


def test_status_names_the_kinds(relay):
    kinds = ("none", "starttls", "implicit", "auto")
    one = relay({"listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": kind}
                               for kind in kinds]})
    said = one.cli("status").stdout
    for kind in kinds:
        assert kind in said


# --- sockets of systemd -------------------------------------------------------------------
def test_the_longest_backlog(relay):
    one = relay()
    assert backlog(one.port) == longest_backlog()


def test_an_inherited_socket(relay, sandbox):
    """It is used, with the longest backlog; one that fits nothing is named and closed."""
    port, stranger = free_port(), free_port()
    one = relay({"listeners": [{"address": f"127.0.0.1:{port}"}]},
                wrapper=passing(f"127.0.0.1/{port}", f"127.0.0.1/{stranger}"))
    print_page(port, message("inherited"))
    sandbox.wait(messages=1)
    assert backlog(port) == longest_backlog()
    unused = one.wait_event("socket-unused", address=f"127.0.0.1:{stranger}")
    assert unused["remedy"] == f'listen = [ "127.0.0.1:{stranger}" ];'
    with pytest.raises(ConnectionRefusedError):
        Dialogue(stranger)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_dual_stack_socket(relay):
    """[::] of systemd serves 0.0.0.0 and [::], each by its own rules."""
    port = free_port()
    one = relay({"listeners": [{"address": f"0.0.0.0:{port}", "tls": "none"},
                               {"address": f"[::]:{port}", "tls": "starttls"}],
                 "allow": ["127.0.0.0/8", "::1"]}, wrapper=passing(f"::/{port}"))
    for _ in range(5):
        with Dialogue(port) as talk:
            assert "STARTTLS" not in talk.hello()
            talk.envelope()
        with Dialogue(port, host="::1") as talk:
            assert "STARTTLS" in talk.hello()
            talk.envelope()
    assert not one.events("socket-unused")
    one.wait_event("listening", count=2)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_a_dual_stack_socket_for_one(relay):
    port = free_port()
    one = relay({"listeners": [{"address": f"0.0.0.0:{port}"}]}, wrapper=passing(f"::/{port}"))
    with Dialogue(port) as talk:
        talk.hello()
    assert not one.events("socket-unused")


def test_systemds_own_tool(relay):
    """systemd-socket-activate starts it at the first connection, which is served."""
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        pytest.skip("systemd-socket-activate is not installed")
    port = free_port()
    names = ("NOTIFY_SOCKET", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LANG")
    words = [word for name in names for word in ("-E", name)]
    one = relay({"listeners": [{"address": f"127.0.0.1:{port}"}]}, start=False,
                wrapper=[tool, "-l", f"127.0.0.1:{port}", *words])
    one.spawn()
    talk = None
    while talk is None:
        try:
            talk = Dialogue(port, timeout=60)
        except ConnectionRefusedError:
            if one.process.poll() is not None:
                raise RelayError(one.tail()) from None
    with talk:
        talk.hello()
    one.wait_event("listening")
    assert not one.events("socket-unused")
