# SPDX-License-Identifier: MIT
"""threats.md 2.10, MSG: odd content is sent on as it is, but for what a message must have."""
import re

from ..dialogue import Dialogue, stuff
from .test_osm import bdat
from .vector import each

MAILBOX = b"scanner@contoso.com"
SENT_BY = b"From: " + MAILBOX + b"\r\n"


def send(one, data, single=False, **envelope):
    """By DATA, data as the client means it; the reply."""
    with Dialogue(one.port, single=single, timeout=60) as talk:
        talk.hello()
        talk.envelope(**envelope)
        return talk.data(data)


def received(one, sandbox, count=1):
    """(fields, body) of the last message: fields as (name, octets), folding and line end included."""
    sandbox.wait(messages=count, timeout=60)
    one.wait_empty(count)
    whole = sandbox.eml(count)
    if b"\r\n\r\n" not in whole:
        whole += b"\r\n"
    header, _, body = whole.partition(b"\r\n\r\n")
    fields = re.findall(rb"(?s)[^\r]+?(?:\r\n[ \t][^\r]*)*(?:\r\n|$)", header + b"\r\n")
    return [(field.partition(b":")[0].strip().lower(), field) for field in fields], body


def without_ours(fields):
    """The header less the Received field in front, which is ours."""
    assert fields[0][0] == b"received"
    return b"".join(octets for _, octets in fields[1:])


def added(fields):
    return [name for name, _ in fields if name in (b"date", b"message-id", b"from")]


# --- no header, or not much of one ----------------------------------------------------------
NO_HEADER = {
    "MSG-body-only": (b"just text\r\nmore\r\n", b"just text\r\nmore\r\n"),
    "MSG-continuation-first": (b" x\r\nSubject: y\r\n\r\nz\r\n", b" x\r\nSubject: y\r\n\r\nz\r\n"),
    "MSG-mailbox-line": (b"From a@b Sun Nov 22 12:00:00 2026\r\nA: b\r\n\r\nz\r\n",
                         b"From a@b Sun Nov 22 12:00:00 2026\r\nA: b\r\n\r\nz\r\n"),
    "MSG-8bit-name": (b"S\xfc: x\r\n\r\nz\r\n", b"S\xfc: x\r\n\r\nz\r\n"),
    "MSG-name-with-blank": (b"Not a field: x\r\n\r\nz\r\n", b"Not a field: x\r\n\r\nz\r\n"),
    "MSG-empty": (b"", b""),
    "MSG-one-line-end": (b"\r\n", b""),
    "MSG-only-dots": (b".\r\n..\r\n...\r\n", b".\r\n..\r\n...\r\n"),
}


@each(NO_HEADER)
def test_msg_without_header(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """What is no header is body; the header it needs is put in front."""
    one, (data, body) = relay(), vector
    assert send(one, data, single).startswith("250")
    fields, arrived = received(one, sandbox)
    assert [field for field, _ in fields] == [b"received", b"from", b"date", b"message-id"]
    assert fields[1][1] == SENT_BY
    assert arrived == body


@each({"MSG-no-empty-line": (b"Subject: x\r\n", b"Subject: x\r\n", b""),
       "MSG-no-body": (b"Subject: x\r\n\r\n", b"Subject: x\r\n", b""),
       "MSG-text-behind-fields": (b"Subject: x\r\ntext\r\n", b"Subject: x\r\n", b"text\r\n"),
       "MSG-blank-before-colon": (b"Subject : x\r\n\r\nz\r\n", b"Subject : x\r\n", b"z\r\n"),
       "MSG-blank-line": (b"A: b\r\n \r\nC: d\r\n\r\nz\r\n", b"A: b\r\n \r\nC: d\r\n", b"z\r\n"),
       "MSG-x-mailbox-line": (b"X-Mailbox-Line: From a@b\r\n\r\nz\r\n",
                              b"X-Mailbox-Line: From a@b\r\n", b"z\r\n"),
       "MSG-8bit-subject": (b"Subject: \xff\xfe\r\n\r\nz\r\n", b"Subject: \xff\xfe\r\n", b"z\r\n"),
       "MSG-utf8-subject": (b"Subject: \xc3\xbc\r\n\r\nz\r\n", b"Subject: \xc3\xbc\r\n", b"z\r\n"),
       "MSG-two-ids": (b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\nDate: x\r\n\r\nz\r\n",
                       b"Message-ID: <a@b>\r\nMessage-ID: <c@d>\r\nDate: x\r\n", b"z\r\n")})
def test_msg_incomplete(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """What is missing is added behind the fields that are there, which stay as they are."""
    one, (data, header, body) = relay(), vector
    assert send(one, data, single).startswith("250")
    fields, arrived = received(one, sandbox)
    ours = without_ours(fields)
    assert ours.startswith(header) and SENT_BY in ours
    assert {b"date", b"message-id", b"from"} <= set(added(fields))
    assert added(fields).count(b"date") == added(fields).count(b"from") == 1
    assert arrived == body


def test_msg_two_from(relay, sandbox, single):
    """Exchange refuses several senders: the mailbox alone is left."""
    one = relay()
    assert send(one, b"From: a@b.c\r\nFrom: d@e.f, g@h.i\r\n\r\nz\r\n", single).startswith("250")
    fields, _ = received(one, sandbox)
    assert [octets for field, octets in fields if field == b"from"] == [SENT_BY]


def test_msg_bcc(relay, sandbox, single):
    """RFC 5322 3.6.3: nobody may read it. It is said in the header's rules, and not silent."""
    one = relay()
    assert send(one, b"From: a@b.c\r\nBcc: s@e.c\r\nTo: t@u.v\r\n\r\nz\r\n", single)[:3] == "250"
    fields, _ = received(one, sandbox)
    assert b"bcc" not in dict(fields) and dict(fields)[b"to"] == b"To: t@u.v\r\n"


def test_msg_missing_from_is_kept_sender(relay, sandbox, single):
    """RFC 6409 8.1, where senders are kept: From is the reverse-path."""
    one = relay(start=False)
    one.config["accounts"][0]["sender"] = "keep"
    one.write_config()
    one.start()
    assert send(one, b"Subject: x\r\n\r\nz\r\n", single,
                sender="invoices@contoso.com").startswith("250")
    fields, _ = received(one, sandbox)
    assert dict(fields)[b"from"] == b"From: invoices@contoso.com\r\n"
    assert sandbox.messages()[0]["mail_from"] == "invoices@contoso.com"


# --- the body -------------------------------------------------------------------------------
DKIM = (b"DKIM-Signature: v=1; a=rsa-sha256; d=contoso.com; s=s1; c=simple/simple;\r\n"
        b"\th=From:To:Subject:Date:Message-ID; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n"
        b" b=AAAA \r\n"
        b"from:   \"Scanner  3F\"   <scanner@contoso.com>  \r\n"
        b"TO: b@fabrikam.com\r\n"
        b"Subject: =?utf-8?B?w7w=?=\r\n\t folded \r\n"
        b"X-Empty:\r\n"
        b"Date: Sun, 22 Nov 2026 12:00:00 +0100\r\n"
        b"Message-ID: <1@contoso.com>\r\n")
SIGNED = b"line with blanks  \t\r\n\r\n.\r\n..\r\n\xff\xfe\r\n\r\n\r\n"


@each({"MSG-dkim-rewrite": "rewrite", "MSG-dkim-keep": "keep"})
def test_msg_dkim(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """What nothing must change is byte for byte the same: header, blanks, empty lines at the end."""
    one = relay(start=False)
    one.config["accounts"][0]["sender"] = vector
    one.write_config()
    one.start()
    data = DKIM + b"\r\n" + SIGNED
    assert send(one, data, single, sender="scanner@contoso.com").startswith("250")
    fields, body = received(one, sandbox)
    assert sandbox.eml(1).endswith(data)
    assert without_ours(fields) == DKIM and body == SIGNED


@each({f"MSG-line-{size}": size for size in (998, 999, 1000, 8190, 65536, 1_000_000)})
def test_msg_long_line(relay, sandbox, name, vector):  # pylint: disable=unused-argument
    """Nothing folds it: that would change what is signed, and Exchange takes it."""
    one = relay()
    body = b"a" * vector + b"\r\n." + b"b" * vector + b"\r\n"
    assert send(one, b"Subject: x\r\n\r\n" + body).startswith("250")
    assert received(one, sandbox)[1] == body


@each({"MSG-8bit-declared": "BODY=8BITMIME", "MSG-8bit-undeclared": ""})
def test_msg_8bit(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """Devices send 8-bit text whatever they have said; upstream it is declared."""
    one = relay()
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.expect(250, f"MAIL FROM:<a@b.c> {vector}")
        talk.expect(250, "RCPT TO:<b@fabrikam.com>")
        assert talk.data(b"Subject: x\r\n\r\n\xe4\xf6\xfc\r\n").startswith("250")
    assert received(one, sandbox)[1] == b"\xe4\xf6\xfc\r\n"
    assert sandbox.messages()[0]["body"] == "8BITMIME"


@each({"MSG-end-none": (b"z", b"z\r\n"), "MSG-end-cr": (b"z\r", b"z \r\n"),
       "MSG-end-lf": (b"z\n", b"z\r\n"), "MSG-blanks": (b"z  \t ", b"z  \t \r\n")})
def test_msg_last_line(relay, sandbox, single, name, vector):  # pylint: disable=unused-argument
    """By BDAT, where a message may end anywhere."""
    one, (end, becomes) = relay(), vector
    with Dialogue(one.port, single=single) as talk:
        talk.hello()
        talk.envelope()
        bdat(talk, b"Subject: x\r\n\r", b"\n" + end)
    assert received(one, sandbox)[1] == becomes


# --- what is refused, and why ---------------------------------------------------------------
def refused(one, data, reply):
    assert send(one, data).startswith(reply)


def nothing_kept(one, sandbox):
    """The stop waits for what is being removed from the disk."""
    one.stop()
    assert one.spool_files() == [] and sandbox.messages() == []


@each({"MSG-nul-in-name": b"Sub\0ject: x\r\n\r\nz\r\n", "MSG-nul-in-body": b"A: b\r\n\r\n\0\r\n"})
def test_msg_nul(relay, sandbox, name, vector):  # pylint: disable=unused-argument
    one = relay()
    refused(one, vector, "554 5.6.0 The message contains a NUL byte")
    nothing_kept(one, sandbox)


def test_msg_loop(relay, sandbox):
    """limits.received, by default 50; one less is no loop yet."""
    one = relay({"limits": {"received": 12}})
    line = b"Received: from x by y; Sun, 22 Nov 2026 12:00:00 +0000\r\n"
    refused(one, line * 100 + b"\r\nz\r\n",
            "554 5.4.6 Mail loop: more than 12 Received fields")
    refused(one, line * 13 + b"\r\nz\r\n", "554 5.4.6")
    assert send(one, line * 12 + b"\r\nReceived: no\r\n").startswith("250")
    fields, _ = received(one, sandbox)
    assert [field for field, _ in fields].count(b"received") == 13


def test_msg_header_size(relay, sandbox):
    one = relay({"limits": {"header_size": "8K"}})
    refused(one, b"Subject: x\r\n" + b" folded\r\n" * 1000 + b"\r\nz\r\n",
            "552 5.3.4 The header is larger than 8192 bytes")
    nothing_kept(one, sandbox)


def test_msg_size_of_the_account(relay, sandbox):
    """The text says whose limit it is, as early as it can be known."""
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["message_size"] = "64K"
    one.write_config()
    one.start()
    with Dialogue(one.port) as talk:
        assert "\n250-SIZE 65536\n" in talk.hello()
        talk.expect("552 5.3.4 A message of 65537 bytes is larger than the limit of account "
                    "scanner, 64K", "MAIL FROM:<a@b.c> SIZE=65537")
        talk.expect(250, "MAIL FROM:<a@b.c> SIZE=65536")
    refused(one, b"Subject: x\r\n\r\n" + b"x" * 66000 + b"\r\n",
            "552 5.3.4 The message is larger than the limit of account scanner, 64K")
    nothing_kept(one, sandbox)


def test_msg_stop_with_a_silent_client(relay, sandbox):
    """SIGTERM while a client says nothing in DATA: 421 within seconds, and the stop goes on."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(stuff(b"Subject: x\r\n\r\nhalf"))
        with Dialogue(one.port) as other:
            other.expect(250, "NOOP")
        one.stop(timeout=7)         # less than the 8 s after which it would cut
        talk.expect("421 4.3.2")
    assert one.spool_files() == [] and sandbox.messages() == []
