# SPDX-License-Identifier: MIT
"""threats.md 2.17, REL: open relay and spoofing.

REL-01 to REL-16  the combinations of nmap's smtp-open-relay script, in its order
REL-17 to REL-23  the recipients of the reedmedia list, each from `<>`, `<a@localhost>`, `<test>`
REL-24            a client that says who it is (XCLIENT, XFORWARD, PROXY) is not believed
REL-25            senders: what a device may not send as, however it is written
REL-26            strangers are refused at MAIL, whatever stands behind it
REL-30 to REL-41  what `allow` is read as
REL-42, REL-43    a relay for nobody, or for everybody, does not start
REL-44 to REL-46  IPv6: not covered by an IPv4 list, mapped addresses, zones

REL-01 to REL-23 come from an address that is allowed (and goes only where the address says), one
that is not, one that must log in and does not, and one that may send to contoso.com only.
"""
import json
import os
import socket
import subprocess

import pytest

from .. import users
from ..dialogue import Dialogue, message, print_page, subject_of
from ..namespace import namespace
from .vector import each

ALLOWED, DENIED, NO_LOGIN, LIMITED = "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.254"
IP, US, THEM = "[127.0.0.1]", "relay.contoso.com", "probe.example"
# sender, recipient, and the one it is for an allowed client; None: no address
NMAP = {
    "REL-01": ("", f"relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-02": (f"antispam@{THEM}", f"relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-03": (f"antispam@{US}", f"relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-04": (f"antispam@{IP}", f"relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-05": (f"antispam@{IP}", f"relaytest%{THEM}@{IP}", f"relaytest%{THEM}@{IP}"),
    "REL-06": (f"antispam@{US}", f"relaytest%{THEM}@{US}", f"relaytest%{THEM}@{US}"),
    "REL-07": (f"antispam@{US}", f'"relaytest@{THEM}"', None),
    "REL-08": (f"antispam@{US}", f'"relaytest%{THEM}"', None),
    "REL-09": (f"antispam@{US}", f"relaytest@{THEM}@{IP}", None),
    "REL-10": (f"antispam@{US}", f'"relaytest@{THEM}"@{IP}', f'"relaytest@{THEM}"@{IP}'),
    "REL-11": (f"antispam@{US}", f"relaytest@{THEM}@{US}", None),
    "REL-12": (f"antispam@{US}", f"@{IP}:relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-13": (f"antispam@{US}", f"@{US}:relaytest@{THEM}", f"relaytest@{THEM}"),
    "REL-14": (f"antispam@{US}", f"{THEM}!relaytest", None),
    "REL-15": (f"antispam@{US}", f"{THEM}!relaytest@{IP}", f"{THEM}!relaytest@{IP}"),
    "REL-16": (f"antispam@{US}", f"{THEM}!relaytest@{US}", f"{THEM}!relaytest@{US}"),
}
REEDMEDIA = {
    "REL-17": f"u%{THEM}@{US}", "REL-18": f"{THEM}!u", "REL-19": f'"u@{THEM}"',
    "REL-20": f'"u%{THEM}"', "REL-21": f"u@{THEM}@{US}", "REL-22": f"@{US}:u@{THEM}",
    "REL-23": f"u@{IP}",
}


@pytest.fixture
def guarded(relay, sandbox):
    """A relay with one client of each kind; what it accepts stays in its queue."""
    sandbox.off()
    return relay({"allow": [ALLOWED], "limits": {"errors": 1000}, "devices": [
        {"name": "nas", "address": NO_LOGIN, "auth": "required"},
        {"name": "scan", "address": LIMITED, "recipients": ["contoso.com", "*.contoso.com"]}]})


def recipients(one):
    page = json.loads(one.cli("queue", "list", "--json").stdout)
    return [r["to"] for m in page["messages"] for r in m["recipients"]]


def refused(one, source, single, sender, recipient, code):
    """Refused at MAIL; nothing behind it helps."""
    with Dialogue(one.port, source=source, single=single) as talk:
        talk.hello()
        talk.expect(code, f"MAIL FROM:<{sender}>")
        talk.expect(503, f"RCPT TO:<{recipient}>")
        talk.expect(503, "DATA")


def limited(one, single, sender, recipient):
    """Refused at RCPT."""
    with Dialogue(one.port, source=LIMITED, single=single) as talk:
        talk.hello()
        talk.expect(250, f"MAIL FROM:<{sender}>")
        assert talk.ask(f"RCPT TO:<{recipient}>")[:9] in ("550 5.7.1", "501 5.1.3")
        talk.expect(503, "DATA")


@each(NMAP)
def test_rel_nmap(guarded, single, name, vector):
    sender, recipient, goes_to = vector
    refused(guarded, DENIED, single, sender, recipient, f"550 5.7.1 {DENIED} is not allowed here")
    refused(guarded, NO_LOGIN, single, sender, recipient, "530 5.7.0")
    limited(guarded, single, sender, recipient)
    assert guarded.spool_files() == [], name
    with Dialogue(guarded.port, source=ALLOWED, single=single) as talk:
        talk.hello()
        talk.expect(250, f"MAIL FROM:<{sender}>")
        if goes_to is None:
            talk.expect("501 5.1.3", f"RCPT TO:<{recipient}>")
            talk.expect(503, "DATA")
            return
        talk.expect(250, f"RCPT TO:<{recipient}>")
        assert talk.data(message()).startswith("250")
    assert recipients(guarded) == [goes_to]


@each(REEDMEDIA, "name, recipient")
def test_rel_reedmedia(guarded, single, name, recipient):
    for sender in ("", "a@localhost", "scanner@contoso.com"):
        refused(guarded, DENIED, single, sender, recipient, "550 5.7.1")
        refused(guarded, NO_LOGIN, single, sender, recipient, "530 5.7.0")
        limited(guarded, single, sender, recipient)
    with Dialogue(guarded.port, source=DENIED, single=single) as talk:
        talk.hello()
        assert talk.ask("MAIL FROM:<test>")[:3] in ("501", "550")
        talk.expect(503, f"RCPT TO:<{recipient}>")
    assert guarded.spool_files() == [], name


@each({"REL-24-xclient": [f"XCLIENT ADDR={ALLOWED} NAME=printer LOGIN=anna"],
       "REL-24-xforward": [f"XFORWARD ADDR={ALLOWED} SOURCE=LOCAL"],
       "REL-24-proxy": [f"PROXY TCP4 {ALLOWED} 127.0.0.1 40000 25"]}, "name, lines")
def test_rel_24_who_it_says_it_is(guarded, single, name, lines):
    with Dialogue(guarded.port, source=DENIED, single=single) as talk:
        for line in lines:
            assert talk.ask(line)[:3] in ("500", "501", "502"), name
        talk.hello()
        talk.expect(f"550 5.7.1 {DENIED}", "MAIL FROM:<a@b.c>")


SPOOFED = [
    "ceo@fabrikam.com", "a@notcontoso.com", "a@contoso.com.evil.org", "a@sub.contoso.com",
    '"a@contoso.com"@evil.org', '"ceo@fabrikam.com"@contoso.com', "ceo%fabrikam.com@contoso.com",
    "fabrikam.com!ceo@contoso.com", "@contoso.com:ceo@fabrikam.com", "a@[127.0.0.1]",
]
SPOOFED_HEADERS = [
    "From: ceo@fabrikam.com", "FROM : ceo@fabrikam.com", "From:\r\n ceo@fabrikam.com",
    "From: a@contoso.com\r\nFrom: ceo@fabrikam.com", "From: a@contoso.com, ceo@fabrikam.com",
    "From: a@contoso.com\r\nSender: ceo@fabrikam.com", "From: ceo@fabrikam.com <a@contoso.com>",
    "From: a@contoso.com\r\nResent-From: ceo@fabrikam.com", "From: <@contoso.com:ceo@fabrikam.com>",
    "From: Board: ceo@fabrikam.com;", 'From: "a@contoso.com"@evil.org', "From: ceo",
    "From: a@contoso.com\nFrom: ceo@fabrikam.com", "From: a@contoso.com (<ceo@fabrikam.com>",
    "From: a@contoso.com (ceo@fabrikam.com)", "From: =?utf-8?q?ceo=40fabrikam.com?=@contoso.com", "From: " + "x" * 9000 + " <a@contoso.com>",
]


def test_rel_25_spoofed_senders(relay, sandbox, single):
    """Neither the envelope nor the header can name another."""
    one = relay({"limits": {"errors": 1000}, "devices": [
        {"name": "xerox-3f", "address": ALLOWED, "senders": ["contoso.com"]}]})
    with Dialogue(one.port, source=ALLOWED, single=single) as talk:
        talk.hello()
        for sender in SPOOFED:
            talk.expect("550 5.7.1 xerox-3f may not send as ", f"MAIL FROM:<{sender}>")
        for header in SPOOFED_HEADERS:
            talk.envelope(sender="a@contoso.com")
            reply = talk.data(f"To: b@x.org\r\n{header}\r\n\r\nx\r\n".encode())
            assert reply.startswith("550 5.7.1 xerox-3f may not write "), (header, reply)
            assert len(reply) < 140
        assert one.spool_files() == []
        # What is no header is nobody's sender, and what is allowed arrives as it was.
        talk.envelope(sender="a@contoso.com")
        body = b"From: ceo@fabrikam.com\r\n"
        assert talk.data(message("ours", sender="a@contoso.com", body=body)).startswith("250")
        talk.envelope(sender="")
        assert talk.data(b"Subject: nobody\r\n\r\nx\r\n").startswith("250")
    sandbox.wait(messages=2)
    mails = {subject_of(record): sandbox.eml(record["n"]) for record in sandbox.messages()}
    assert mails["ours"].endswith(b"\r\n\r\n" + body)
    assert set(mails) == {"ours", "nobody"}


def test_rel_25_a_users_senders(relay, single):
    """What the device may and the user may not, and the other way round."""
    one = users.server(relay, options={
        "erp": "senders=erp@contoso.com,x.org recipients=b@fabrikam.com"}, device={
        "name": "here", "address": "127.0.0.0/8", "cleartext_auth": True,
        "senders": ["contoso.com"]})
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(235, users.plain("erp"))
        talk.expect("550 5.7.1 user erp may not send as a@contoso.com",
                    "MAIL FROM:<a@contoso.com>")
        talk.expect("550 5.7.1 here may not send as a@x.org", "MAIL FROM:<a@x.org>")
        talk.expect(250, "MAIL FROM:<erp@contoso.com>")
        talk.expect("550 5.7.1 user erp may not send to c@fabrikam.com",
                    "RCPT TO:<c@fabrikam.com>")
        talk.expect(250, "RSET")
        for sender, who in (("a@contoso.com", "user erp"), ("a@x.org", "here")):
            talk.envelope(sender="erp@contoso.com")
            assert talk.data(message(sender=sender)) == \
                f"550 5.7.1 {who} may not write From: {sender}"
        talk.envelope(sender="erp@contoso.com")
        assert talk.data(message(sender="erp@contoso.com")).startswith("250")
    with Dialogue(one.port, single=single) as talk:     # another user has the device's only
        talk.hello()
        talk.expect(235, users.plain("nas"))
        talk.expect(250, "MAIL FROM:<a@contoso.com>")


def test_rel_26_strangers(relay, sandbox, single):
    """By address, at MAIL; those beside them are served."""
    one = relay({"allow": ["127.0.0.2/32", "127.0.1.0/24"]})
    for source in ("127.0.0.1", "127.0.0.3", "127.0.2.1"):
        with Dialogue(one.port, source=source, single=single) as talk:
            talk.hello()
            talk.expect(f"550 5.7.1 {source} is not allowed here", "MAIL FROM:<a@b.c>")
            talk.expect(503, "RCPT TO:<b@x.org>")
            talk.expect(503, "DATA")
            talk.expect(221, "QUIT")
    one.wait_event("refused", reply=lambda text: text.startswith("550 5.7.1"))
    for source in ("127.0.0.2", "127.0.1.77"):
        print_page(one.port, message(source), source=source)
    sandbox.wait(messages=2)
    assert {subject_of(r) for r in sandbox.messages()} == {"127.0.0.2", "127.0.1.77"}


# The whole table is tests/unit/common/test_netaddr.c; here what an administrator is told.
@each({"REL-30-cidr": ("10.0.0.0/8", None), "REL-31-leading-zero": ("10.0.0.0/08", "prefix length"),
       "REL-32-mapped": ("::ffff:10.1.2.3", None), "REL-33-zeros": ("0::1", None),
       "REL-34-everybody": ("0.0.0.0/0", "is everybody"), "REL-35-everybody-6": ("::/0", "everybody"),
       "REL-35-half": ("0.0.0.0/1", "more than anybody owns"),
       "REL-35-the-ipv6-internet": ("2000::/3", "more than anybody owns"),
       "REL-36-mapped-everybody": ("::ffff:0.0.0.0/96", "is everybody"),
       "REL-37-host-bits": ("192.168.1.1/16", "did you mean 192.168.0.0/16?"),
       "REL-38-zone": ("fe80::1%eth0", "is not a network"),
       "REL-39-octal": ("010.0.0.1", "is not a network"),
       "REL-40-hex": ("0x0a.0.0.1", "is not a network"),
       "REL-41-name": ("printer.local", "is not a network")})
def test_rel_allow(relay, name, vector):
    text, error = vector
    one = relay({"allow": [text]}, start=False)
    result = one.cli("config", "check")
    assert (result.returncode == 0) == (error is None), (name, result)
    if error is not None:
        assert error in result.stderr + result.stdout
        assert one.cli("run").returncode == 1


@each({"REL-42-nobody": ({"allow": None}, ["nobody may send", "allow", "devices"]),
       "REL-42-nobody-listed": ({"allow": []}, ["nobody may send"]),
       "REL-43-everybody": ({"allow": ["0.0.0.0/0"]}, ["open to the world"]),
       "REL-43-device": ({"devices": [{"name": "all", "address": "::/0"}]}, ["auth = \"required\""])},
      "name, change")
def test_rel_refuses_to_start(relay, name, change):
    """Listening on every address, for nobody or for everybody."""
    config, words = change
    one = relay(config, start=False)
    one.config["listeners"] = [{"address": f"0.0.0.0:{one.port}"}]
    one.write_config()
    result = one.cli("run")
    assert result.returncode == 1, name
    for word in words:
        assert word in result.stderr


def talk6(port, single=False):
    return Dialogue(port, host="::1", single=single)


def test_rel_44_ipv6_is_not_covered_by_ipv4(relay, single):
    one = relay({"allow": ["127.0.0.0/8", "::ffff:127.0.0.0/104"]}, start=False)
    one.config["listeners"] = [{"address": f"[::]:{one.port}"}]
    one.write_config()
    try:
        one.start()
    except Exception:       # pylint: disable=broad-except
        if not os.path.exists("/proc/net/if_inet6"):
            pytest.skip("no IPv6 here")
        raise
    with talk6(one.port, single) as talk:
        talk.hello()
        talk.expect("550 5.7.1 ::1 is not allowed here", "MAIL FROM:<a@b.c>")
    # And an IPv6 listener takes no IPv4 clients under another name.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", one.port), timeout=5)
    one.change({"allow": ["::1"]})
    one.reload()
    with talk6(one.port, single) as talk:
        talk.hello()
        talk.envelope()


def test_rel_45_mapped_addresses_are_the_ipv4_ones(relay, single):
    one = relay({"allow": [f"::ffff:{ALLOWED}"],
                 "devices": [{"name": "nas", "address": f"::ffff:{NO_LOGIN}", "auth": "required"}]})
    for source, code in ((ALLOWED, 250), (DENIED, 550), (NO_LOGIN, 530)):
        with Dialogue(one.port, source=source, single=single) as talk:
            talk.hello()
            talk.expect(code, "MAIL FROM:<a@b.c>")


@pytest.mark.parametrize("allowed", [True, False])
def test_rel_46_zones(relay, allowed):
    """A link-local client is its address, whatever interface it comes by."""
    one = relay({"allow": ["fe80::2" if allowed else "fe80::3"]}, start=False)
    one.config["listeners"] = [{"address": f"[::]:{one.port}"}]
    one.write_config()
    with namespace():
        try:
            subprocess.run(["ip", "addr", "add", "fe80::2/64", "dev", "lo"], check=True,
                           capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no link-local address can be had here")
        one.start()
        with Dialogue(one.port, host="fe80::2%lo") as talk:
            talk.hello()
            talk.expect(250 if allowed else "550 5.7.1 fe80::2", "MAIL FROM:<a@b.c>")
        one.stop()
