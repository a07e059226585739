#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes the fuzzers' hand-made seeds, tests/fuzz/corpus/TARGET/NAME, after the vectors of threats.md.

What is in the corpora beside them (find-*, min-*) comes from fuzzing and stays. Run it after a
change of the seeds, and commit what it writes. The bytes in front of a seed are what the target's
header comment says.
"""
import base64
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
SEED_MAX = 4096

# --- session, body: content, and what is not its end ----------------------------------------------

ENDS = {
    "smg-01": b"\n.\n", "smg-02": b"\n.\r\n", "smg-03": b"\r\n.\n", "smg-04": b"\r.\r",
    "smg-05": b"\r.\n", "smg-06": b"\n.\r", "smg-07": b"\r.\r\n", "smg-08": b"\r\n.\r",
    "smg-09": b"\r\n.\r\r\n", "smg-10a": b"\r\r\n.\r\r\n", "smg-10b": b"\r\r\n.\r\n",
    "smg-11": b"\r\n\0.\r\n", "smg-12": b"\r\n.\0\r\n", "smg-13": b"\r\n.\t\r\n",
    "smg-14": b"\r\n..\r\n", "smg-15": b"\x0b.\x0b", "smg-16": b"\r\n\xef\xbb\xbf.\r\n",
    "smg-19": b"\r\n" + b"a" * 998 + b".\r\n", "smg-20": b"\r\n.\r\n", "osm-04": b"\r\n\r\n.\r\r\n",
}
HEAD = b"From: s@p.local\r\nSubject: x\r\n\r\nbody"
INNER = b"MAIL FROM:<i@x.org>\r\nRCPT TO:<v@x.org>\r\nDATA\r\nSubject: i\r\n\r\nx\r\n.\r\n"
HELLO = b"EHLO printer\r\n"
ENVELOPE = HELLO + b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\n"
MESSAGE = HEAD + b"\r\n.\r\n"

ADMITTED, ANY_PASSWORD, USERS, USERS_TLS, FORGIVEN, BARE_LF, OLD, STRANGER, LISTED = range(9)
REFUSES_BEGIN, REFUSES_FINISH, PAUSES, TAKES_LITTLE, BREAKS_OFF, OFFERS_TLS = (
    1 << bit for bit in range(6))


def b64(data):
    return base64.b64encode(data)


def envelope(sender, *recipients):
    return b"MAIL FROM:" + sender + b"\r\n" + b"".join(b"RCPT TO:%s\r\n" % one for one in recipients)


# Addresses as devices write them that have the quirks no-brackets and odd-dots, or no domain.
ODD_ENVELOPES = [
    envelope(b"a@b.c", b"d@e.f", b"<g@h.i>"), envelope(b" a@b.c ", b" d@e.f "),
    envelope(b"a@b.c SIZE=12", b"d@e.f NOTIFY=NEVER"), envelope(b"a@b.c> BODY=7BIT", b"<d@e.f"),
    envelope(b"", b""), envelope(b"<a.@b.c>", b"<.d@e.f>", b"<d..g@e.f>", b"<d@e.f.>"),
    envelope(b"<..@b.c>", b"<d@..>", b"<d@e..f>", b"<.@.>"), envelope(b"a.@b.c.", b"..d@e.f."),
    envelope(b"<scanner>", b"<postmaster>", b"<it>"), envelope(b"scanner", b"postmaster", b"it."),
    envelope(b'"a b"@b.c', b'"d\\"."@e.f'), envelope(b"@h:a@b.c", b"<@h.,@i:d@e.f.>"),
    envelope(b"a@[127.0.0.1]", b"d@[127.0.0.1].", b"d@[IPv6:::1]"), b"HELO \r\nEHLO .\r\n",
]
UTF8_ENVELOPES = [
    envelope(b"<p\xc3\xa4ul@b.c> SMTPUTF8", b"<d@b\xc3\xbccher.ch>"),
    envelope(b"<p\xc3\xa4ul@b.c>", b"<d@e.f>"), envelope(b"<a@b.c> SMTPUTF8", b"<\xc3\xa4@\xc3\xb6.\xc3\xbc>"),
    envelope(b"<a@b.c> SMTPUTF8 BODY=8BITMIME SIZE=9", b'<"\xe2\x82\xac "@e.f>'),
    envelope(b"<a@b.c>", b"<d@\xc3\xa4.f>"), envelope(b"<\xc3@b.c> SMTPUTF8", b"<\xed\xa0\x80@e.f>"),
    envelope(b"<a@xn--bcher-kva.ch> SMTPUTF8=1", b"<d@\xc3\x9f.f> SMTPUTF8"),
]
DSN_ENVELOPES = [
    envelope(b"<a@b.c> RET=HDRS ENVID=a+2Bb", b"<d@e.f> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;d+40e.f"),
    envelope(b"<a@b.c> RET=FULL", b"<d@e.f> NOTIFY=NEVER", b"<g@h.i> NOTIFY=DELAY"),
    envelope(b"<> ENVID=" + b"x" * 100, b"<d@e.f> ORCPT=utf-8;d+C3@e"),
    envelope(b"<a@b.c> RET=HDRS RET=FULL", b"<d@e.f> NOTIFY=NEVER,DELAY"),
    envelope(b"<a@b.c> ENVID=+0D+0A", b"<d@e.f> ORCPT=rfc822;+0D+0AX", b"<d@e.f> ORCPT=;"),
    envelope(b"<a@b.c> SMTPUTF8 RET=full", b"<d@e.f> ORCPT=utf-8;\xc3\xa4@\\x{FC}.f NOTIFY=failure"),
]


def session(stream, client=ADMITTED, cut=7, other=0):
    return bytes([client, cut, other]) + stream


def bdat(*chunks):
    """Chunks, the last of them marked so."""
    return b"".join(b"BDAT %d%s\r\n%s" % (len(chunk), b" LAST" if n == len(chunks) - 1 else b"",
                                          chunk) for n, chunk in enumerate(chunks))


def session_seeds():
    for name, end in ENDS.items():
        yield name, session(ENVELOPE + b"DATA\r\n" + HEAD + end + INNER + b"\r\n.\r\nQUIT\r\n", cut=1)
    yield "two-messages", session(ENVELOPE + b"DATA\r\n" + MESSAGE + INNER + b"QUIT\r\n")
    yield "paused", session(ENVELOPE + b"DATA\r\n" + MESSAGE + INNER, other=PAUSES)
    yield "refused-begin", session(ENVELOPE + b"DATA\r\nNOOP\r\n" + INNER, other=REFUSES_BEGIN)
    yield "refused-finish", session(ENVELOPE + b"DATA\r\n" + MESSAGE + b"RCPT TO:<g@h.i>\r\nDATA\r\n",
                                    other=REFUSES_FINISH)
    yield "too-large", session(ENVELOPE + b"DATA\r\n" + HEAD + b"y" * 400 + b"\r\n.\r\nNOOP\r\n",
                               other=TAKES_LITTLE)
    yield "beyond-patience", session(ENVELOPE + b"DATA\r\n" + HEAD + b"y" * 900, other=TAKES_LITTLE)
    yield "breaks-off", session(ENVELOPE + b"DATA\r\n" + MESSAGE, other=BREAKS_OFF)
    yield "half-a-message", session(ENVELOPE + b"DATA\r\n" + HEAD)
    yield "loop", session(ENVELOPE + b"DATA\r\n" + b"Received: x\r\n" * 60 + b"\r\n.\r\n")
    yield "bdt-01", session(ENVELOPE + bdat(HEAD) + b"QUIT\r\n")
    yield "bdt-03", session(ENVELOPE + b"BDAT 10 LAST\r\nSubject: x\r\nNOOP\r\n")
    yield "bdt-04", session(ENVELOPE + bdat(HEAD, b"") + HELLO + bdat(b""))
    yield "bdt-05", session(ENVELOPE + b"BDAT 0x10\r\n" + INNER)
    yield "bdt-06", session(HELLO + bdat(INNER) + b"NOOP\r\n")
    yield "bdt-07", session(ENVELOPE + b"BDAT 6\r\nabcde\nDATA\r\nMAIL FROM:<>\r\nRSET\r\nDATA\r\n")
    yield "bdt-08", session(ENVELOPE + b"BDAT 6\r\nabcde\nEHLO y\r\nRCPT TO:<g@h.i>\r\nQUIT\r\n")
    yield "bdt-09", session(ENVELOPE + b"BDAT 400 LAST\r\n" + b"z" * 400 + b"NOOP\r\n",
                            other=TAKES_LITTLE)
    yield "bdt-10", session(ENVELOPE + b"BDAT 1\r\nx" * 60 + b"BDAT 0 LAST\r\n", cut=3)
    yield "bdt-11", session(ENVELOPE + bdat(HEAD + b"\r\n.\r\n" + INNER, b".\r", b"\n.\r\n"))
    yield "bdt-12", session(ENVELOPE + bdat(HEAD, HEAD, HEAD) + b"NOOP\r\n", other=REFUSES_FINISH)
    yield "bdt-13", session(ENVELOPE + b"BDAT 8\r\nHey")
    yield "auth-plain", session(HELLO + b"AUTH PLAIN " + b64(b"\0anna\0s3cret") + b"\r\n" + ENVELOPE,
                                client=USERS)
    yield "auth-login", session(HELLO + b"AUTH LOGIN\r\n" + b64(b"anna") + b"\r\n" + b64(b"s3cret")
                                + b"\r\nMAIL FROM:<a@b.c>\r\n", client=USERS)
    yield "auth-fails", session(HELLO + (b"AUTH PLAIN " + b64(b"\0anna\0x") + b"\r\n") * 3,
                                client=USERS)
    yield "aut-01", session(HELLO + b"AUTH PLAIN\r\n*\r\nAUTH LOGIN\r\n*\r\nAUTH LOGIN YQ==\r\n*\r\n",
                            client=ANY_PASSWORD)
    yield "aut-11", session(HELLO + b"AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n" + ENVELOPE[14:]
                            + b"DATA\r\n" + MESSAGE, client=ANY_PASSWORD)
    yield "aut-05", session(HELLO + b"AUTH PLAIN AGEAYg==\r\n" + ENVELOPE, client=USERS_TLS)
    yield "old-client", session(HELLO + b"AUTH LOGIN\r\nYQ==\r\nYg==\r\n" + bdat(b"x"), client=OLD)
    yield "forgiven", session(b"HELO\r\nMAIL FROM:a.@b.c.\r\nRCPT TO:d..e@f\r\nDATA\r\n" + MESSAGE,
                              client=FORGIVEN)
    for client, name in ((FORGIVEN, "forgiven"), (LISTED, "listed"), (ADMITTED, "unforgiven")):
        for n, line in enumerate(ODD_ENVELOPES):
            yield f"{name}-{n:02}", session(b"EHLO\r\n" + line + b"DATA\r\n" + MESSAGE + b"QUIT\r\n",
                                            client=client, cut=3)
    for n, line in enumerate(UTF8_ENVELOPES):
        yield f"utf8-{n:02}", session(HELLO + line + b"DATA\r\n" + MESSAGE + b"RSET\r\n" + line)
    for n, line in enumerate(DSN_ENVELOPES):
        yield f"dsn-{n:02}", session(HELLO + line + b"DATA\r\n" + MESSAGE + line, cut=2)
    for n, value in enumerate((b"a@b.c", b"x <a@b.c>, s@t.u", b"a@b.c\r\nSender: s@t.u", b'"a@b.c')):
        yield f"listed-from-{n}", session(ENVELOPE + b"DATA\r\nFrom: " + value + b"\r\n\r\nx\r\n.\r\n"
                                          + INNER, client=LISTED)
    yield "listed-bdat", session(ENVELOPE + bdat(b"F", b"rom: s", b"@t.u\r\n\r\n") + b"NOOP\r\n",
                                 client=LISTED)
    yield "smg-23", session((ENVELOPE + b"DATA\r\n" + MESSAGE + b"QUIT\r\n").replace(b"\r", b""),
                            client=BARE_LF)
    yield "smg-23-cr", session(ENVELOPE.replace(b"\r", b"") + b"DATA\nx\n\r\n.\n" + b"\r\n.\r\nNOOP\n",
                               client=BARE_LF)
    yield "stranger", session(ENVELOPE + b"AUTH PLAIN AGEAYg==\r\nDATA\r\n", client=STRANGER)
    yield "tls-01", session(HELLO + b"STARTTLS\r\nNOOP\r\n", other=OFFERS_TLS)
    yield "tls-06", session(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", other=OFFERS_TLS)
    yield "lex-12", session(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + ENVELOPE)
    yield "lex-07", session(b"EHLO x\nNOOP\r\r\nNOOP\n\rNOOP\0\r\n")
    yield "seq", session(b"MAIL FROM:<a@b>\r\nHELO x\r\nRCPT TO:<a@b>\r\nDATA\r\nVRFY x\r\nEXPN x\r\n"
                         b"HELP\r\nRSET x\r\nTURN\r\nXCLIENT ADDR=::1\r\nWIZ\r\nQUIT\r\n")


DATA, DATA_LF, BDAT = range(3)


def content(stream, mode=DATA, cut=1):
    return bytes([mode, cut]) + stream


def body_seeds():
    for name, end in ENDS.items():
        yield name, content(HEAD + end + INNER)
        if name in ("smg-01", "smg-03", "smg-06", "smg-14"):
            yield name + "-lf", content((HEAD + end + INNER).replace(b"\r", b""), DATA_LF)
            yield name + "-bdat", content(HEAD + end + INNER, BDAT)
    yield "empty", content(b"")
    yield "empty-bdat", content(b"", BDAT)
    yield "no-header", content(b"plain text\r\nwithout a header\r\n", cut=3)
    yield "folded", content(b"Subject: a\r\n b\r\n\tc\r\nReceived : x\r\nRECEIVED: y\r\n\r\n"
                            b"8bit \xe4\r\n", cut=2)
    yield "blank-first", content(b" Subject: x\r\n\r\nbody")
    yield "dots", content(b".\n..\r\n...\r\n.x\r\n.\r.\r\n..\r", cut=2)
    yield "dots-lf", content(b"..\n...\n.x\n\n.\r.\n.\n", DATA_LF, cut=2)
    yield "dots-bdat", content(b".\r\n..\r\n\r\n.\r\n.", BDAT, cut=2)
    yield "cr-late-lf", content(b"a\n.\rb\n.\n\r\n..x\r\n", DATA_LF)
    yield "crs", content(b"\r\r\r\n\r\n\r.\r\r\n")
    yield "crs-bdat", content(b"\r\r\r\n\n\r\n\r\0\r", BDAT)
    yield "long", content(b"x" * 1500 + b"\r\n." + b"y" * 1100, cut=64)


# --- the smaller ones -------------------------------------------------------------------------------

def line_seeds():
    table = [b"EHLO x", b"HELO x", b"STARTTLS", b"AUTH PLAIN AGEAYg==", b"MAIL FROM:<a@b>",
             b"RCPT TO:<a@b>", b"DATA", b"BDAT 5 LAST", b"RSET", b"NOOP x", b"VRFY a", b"HELP", b"QUIT",
             b"EXPN a", b"TURN", b"ETRN x", b"XCLIENT a=b", b"XFORWARD a=b", b"BURL x"]
    yield "verbs", b"\x50\x05" + b"\r\n".join(table) + b"\r\n"
    yield "lower", b"\x50\x01" + b"\n".join(table).lower() + b"\n"
    yield "lex-01", b"\x20\x03" + b"\r\n".join(b"N" * n for n in (31, 32, 33, 34, 64)) + b"\r\n"
    yield "lex-02", b"\x20\x10" + b"x" * 2000
    yield "lex-03", b"\x40\x02NOOP\0\r\n\0\0\r\nEHLO a\0b\r\nMAIL FROM:<a\0@b>\r\n"
    yield "lex-05", b"\x40\x02eHlO\t\r\n  NOOP \t \r\n" + b"\r\n" * 20
    yield "lex-06", b"\x40\x01\xff\xf4NOOP\r\n\xef\xbb\xbfEHLO x\r\n"
    yield "lex-07", b"\x40\x01NOOP\rNOOP\r\r\nNOOP\n\r\n\n\r"
    yield "lex-08", b"\xff\x09EHLO ${run{...}} %s%s%n <script> [IPv6:::1]\r\nHELO\r\nEHLO \xe4\x7f\r\n"
    yield "lex-12", b"\x40\x04GET / HTTP/1.1\r\nPOST /\r\nPRI * HTTP/2.0\r\nget\r\n"
    yield "short", b"\x00\x01\r\na\r\n\n"


def auth_seeds():
    yield "plain", b"PLAIN " + b64(b"\0anna\0s3cret")
    yield "plain-asked", b"PLAIN\n" + b64(b"\0anna\0s3cret")
    yield "identity", b"PLAIN " + b64(b"boss\0anna\0s3cret")
    yield "login", b"LOGIN\n" + b64(b"anna") + b"\n" + b64(b"s3cret")
    yield "login-initial", b"login " + b64(b"anna") + b"\n" + b64(b"s3cret")
    yield "equals", b"LOGIN =\n=\n="
    yield "cancel", b"LOGIN\n*\n"
    yield "cancel-second", b"LOGIN YQ==\n*"
    yield "unknown", b"CRAM-MD5\n"
    for n, text in enumerate((b"!!!!", b"=", b"====", b"QQ", b"QQ=", b"QQ==", b"Q Q=", b"AA=A", b"QR==",
                              b"-_-_", b"QUFB" * 200, b"QUFBQ")):
        yield f"aut-02-{n}", b"PLAIN " + text + b"\n" + text
    for n, text in enumerate((b"", b"x", b"\0", b"\0\0", b"\0\0\0", b"a\0b", b"\0a\0b\0c", b"\0\0x",
                              b"\0a\r\nb\0c", b"\0\x01\0x", b"\0\xff\xfe\0x", b"\0" + b"u" * 1100 + b"\0p",
                              b"\0a\0%\"\\:\xc3\xa4")):
        yield f"aut-03-{n}", b"PLAIN\n" + b64(text)


GOOD = [b"<>", b"<a@b>", b" <a@b>", b"a@b", b"<Postmaster>", b"<@h1,@h2:u@d>", b'<"john doe"@d>',
        b'<"a\\"b"@d>', b"<a@[192.0.2.1]>", b"<a@[IPv6:2001:db8::1]>", b"<a+tag@d>",
        b"<a@xn--bcher-kva.ch>", b"<" + b"l" * 64 + b"@" + b"d" * 60 + b">", b"<a.@b.c>", b"<a..b@c.d.>",
        b"<p\xc3\xa4ul@b\xc3\xbccher.ch> SMTPUTF8"]
BAD = [b"", b"<a@b", b"a@b>", b"<a b@c>", b"<a@b>x", b"<<a@b>>", b"<a@b@c>", b"<@>", b"<a@>", b"<@b>",
       b"<a@b,c@d>", b"<Foo <a@b>>", b"<a@-b>", b"<a@b..c>", b'<"a@b>', b"<a@[1.2.3.4>",
       b"<a@[999.1.1.1]>", b"<a\0@b>", b"<a\xc0\xae@b>", b"<;for i in 0 1;do sh;done>", b'<"\xed\xa0\x80"@b>',
       b"<@a,@b>", b"<@a:@b:c@d>", b'<"a\\', b"<" + b"l" * 65 + b"@d>", b"<a@" + b"d." * 130 + b"d>"]
PARAMS = [b"SIZE=1 SIZE=2", b"SIZE=", b"SIZE=-1", b"SIZE=99999999999999999999", b"SIZE=1x",
          b"BODY=8bitmime SIZE=12", b"BODY=FOO", b"BODY=BINARYMIME", b"SMTPUTF8=1", b"SMTPUTF8",
          b"RET=FULL ENVID=a+0Db", b"RET=HDRS ENVID=+00", b"NOTIFY=NEVER,DELAY",
          b"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+40b", b"ORCPT=utf-8;\xc3\xa4", b'="', b"AUTH=<>",
          b"AUTH=user+0D+0AX", b'AUTH="', b"AUTH=a+3Db", b"X" * 200 + b"=1", b"A=B " * 300]


def address_seeds():
    for n, text in enumerate(GOOD):
        yield f"good-{n:02}", text
    for n, text in enumerate(BAD):
        yield f"bad-{n:02}", text
    yield "params-all", b"<a@b> " + b" ".join(PARAMS[5:6] + PARAMS[16:17])
    for n, text in enumerate(PARAMS):
        if n < 16:
            yield f"params-{n:02}", b"<a@b> " + text


FROM_VALUES = [b"a@b.c", b"Scan <a@b.c>", b'"Scan, 3F" <a@b.c>', b"scan@3f <a@b.c>", b"a@b.c, d@e.f",
               b"group: a@b.c;", b"<a@b.c", b"(c(o)m\\)) a (x) @ b.c (y)", b"=?utf-8?q?=C3=A4?= <a@b.c>",
               b'"a\\"b"@c.d', b"Sc\xe4n <a@b.c>", b"<@r:a@b.c>", b"", b"a@[1.2.3.4]", b"\n a@b.c", b'" <a@b.c>']


def header_seeds():
    for n, value in enumerate(FROM_VALUES):
        yield f"from-{n:02}", bytes([1 + n % 3]) + b"From: " + value + b"\nSubject: x\n\nbody\n"
    yield "two-froms", b"\1From: a@b.c\nFrom: d@e.f\nSender: g@h.i\nBcc: j@k.l\nReturn-Path: <>\n\n"
    yield "odd-names", b"\3From : a@b.c\nDate\t: now\n: x\nno field\n"
    yield "folded", b"\3From:\n a\n @b.c\nMessage-ID:\n <x@y>\n\n"
    yield "empty", b"\1"
    yield "no-mailbox", b"\0Subject: x\n\n"


ONE_ADDRESS = 4


def capture_seeds():
    for n, value in enumerate(FROM_VALUES):
        text = b"From: " + value.replace(b"\n", b"\r\n") + b"\r\nSubject: x\r\n\r\nFrom: s@t.u\r\n"
        yield f"from-{n:02}", bytes([n % 3 | n % 2 * ONE_ADDRESS, 1 + n]) + text
    for n, text in enumerate((
            b"From: a@b.c\r\nsender : A@B.C\r\nResent-From:\r\n x\r\n\t<a@b.c>\r\nRESENT-SENDER:a@b.c\r\n",
            b"From: a@b.c\nFrom: a@b.c,\n d@b.c (x, y) , \"z, s@t.u\" <a@b.c>\nTo: s@t.u\n",
            b"Subject: x\r\nno field\r\nFrom: s@t.u\r\n", b" From: s@t.u\r\nFrom: s@t.u\r\n",
            b"From: a@b.c\rFrom: s@t.u\r\r\nFrom: a@b.c\r\n.\r\n", b"From: a%t.u@b.c\r\n", b"From:\r\n\r\n",
            b"From: \"a@b.c\r\nSender: a@b.c (\r\n", b"Bcc: s@t.u\r\nReturn-Path: <s@t.u>\r\nFrom: <a@b.c>\r\n",
            b"X: " + b"x" * 2000 + b"\r\nFrom: " + b"(x)" * 600 + b"a@b.c\r\n")):
        yield f"fields-{n}", bytes([0, 3]) + text
        yield f"fields-{n}-bdat", bytes([2 | ONE_ADDRESS, 1]) + text


# --- hello: what TLS begins with -----------------------------------------------------------------

LEGACY, STRAIGHT, SSLV2_FORM = 1, 2, 4
OLD_CIPHERS, DEAD_CIPHERS = [0x2f, 0x35, 0x0a, 0xff], [0x04, 0x05, 0x09, 0x0a, 0x03]
NEW_CIPHERS = [0x1301, 0x1302, 0xc02f, 0xc030, 0x9c, 0x5600, 0x3a3a]
SIGNATURES = (13, b"\0\x08\x08\x04\x04\x01\x05\x01\x02\x01")
GROUPS = (10, b"\0\x04\0\x17\0\x1d")


def vector(data, size=2):
    return len(data).to_bytes(size, "big") + data


def ciphers_of(numbers, size=2):
    return b"".join(number.to_bytes(size, "big") for number in numbers)


def record(data, kind=22, version=0x0301):
    return bytes([kind]) + version.to_bytes(2, "big") + vector(data)


def client_hello(version, ciphers, extensions=()):
    body = (version.to_bytes(2, "big") + b"r" * 32 + vector(b"", 1) + vector(ciphers_of(ciphers))
            + vector(b"\0", 1))
    if extensions:
        body += vector(b"".join(kind.to_bytes(2, "big") + vector(data) for kind, data in extensions))
    return b"\1" + vector(body, 3)


def ssl2_hello(version, ciphers):
    body = (b"\1" + version.to_bytes(2, "big") + (3 * len(ciphers)).to_bytes(2, "big") + b"\0\0\0\x10"
            + ciphers_of(ciphers, 3) + b"c" * 16)
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def hello_seeds():
    versions = (43, b"\x06\x03\x04\x03\x03\x7a\x7a")
    key_share = (51, vector(b"\0\x1d" + vector(b"k" * 32)))
    for legacy in (0, LEGACY):
        def to_openssl(stream, cut=5, legacy=legacy):
            return bytes([legacy, cut]) + stream
        for name, version, ciphers in (
                ("ssl3", 0x0300, DEAD_CIPHERS), ("tls10", 0x0301, OLD_CIPHERS),
                ("tls11", 0x0302, OLD_CIPHERS), ("tls12", 0x0303, NEW_CIPHERS),
                ("dead", 0x0303, DEAD_CIPHERS), ("none", 0x0303, [0xff]), ("newer", 0x7f00, NEW_CIPHERS),
                ("many", 0x0301, [0x2f] * 100)):
            yield f"{name}-{legacy}", to_openssl(record(client_hello(version, ciphers)))
        yield f"tls12-more-{legacy}", to_openssl(record(client_hello(0x0303, NEW_CIPHERS, [SIGNATURES, GROUPS])))
        yield f"tls13-{legacy}", to_openssl(record(client_hello(
            0x0303, NEW_CIPHERS, [SIGNATURES, GROUPS, versions, key_share])))
        yield f"tls13-retry-{legacy}", to_openssl(record(client_hello(
            0x0303, NEW_CIPHERS, [SIGNATURES, GROUPS, versions, (51, b"\0\0")])) * 2)
        whole = client_hello(0x0301, OLD_CIPHERS)
        yield f"records-{legacy}", to_openssl(record(whole[:9]) + record(whole[9:40]) + record(whole[40:]))
        yield f"then-junk-{legacy}", to_openssl(record(whole) + record(b"x" * 40) + record(b"\1\0", 21))
        yield f"ssl2-{legacy}", to_openssl(ssl2_hello(0x0301, OLD_CIPHERS + [0x010080, 0x0700c0]), 1)
        yield f"ssl2-only-{legacy}", to_openssl(ssl2_hello(0x0002, [0x010080, 0x020080]))
    yield "http", b"\0\3GET / HTTP/1.1\r\n\r\n"
    yield "connect", b"\0\3CONNECT x:25 HTTP/1.1\r\n\r\n"
    yield "smtp", b"\0\1EHLO printer\r\n"
    yield "nothing", b"\0\0"
    yield "alert", b"\0\2" + record(b"\2\x30", 21)
    yield "half", b"\1\4" + record(whole)[:30]
    yield "straight", bytes([STRAIGHT, 0]) + b"\3\3" + vector(ciphers_of(NEW_CIPHERS), 1) + versions[1]
    yield "straight-legacy", bytes([STRAIGHT | LEGACY, 0]) + b"\3\1" + vector(ciphers_of(DEAD_CIPHERS), 1)
    yield "straight-ssl2", (bytes([STRAIGHT | SSLV2_FORM, 0]) + b"\0\2"
                            + vector(ciphers_of([0x010080, 0x2f], 3), 1))


def users_seeds():
    yield "one", b"anna:$6$salt$hash\n"
    yield "yescrypt", b"# users\n\n  b%c:$y$j9T$9HcMyDYZQ2Xq0NQ1oFvA8/$abc \r\nanna:$5$s$h"
    yield "twice", b"a:$6$s$h\na:$6$s$h\n"
    yield "empty-name", b":$6$s$h\n"
    yield "no-colon", b"anna\n"
    yield "no-hash", b"anna:\n"
    yield "des", b"anna:ab1234567890.\n"
    yield "stars", b"anna:*\nb:!\n"
    yield "nul", b"an\0na:$6$s$h\n"
    yield "eight-bit", b"\xc3\xa4:$6$s$h\n\xff:$6$s$h\n"
    yield "keys", (b"anna:$6$s$h:account=scanner senders=a@b.c,*.d.e networks=10.0.0.0/8,::1\n"
                   b"b:$6$s$h:senders=b.c\n")
    yield "bad-keys", b"anna:$6$s$h:account=\nb:$6$s$h:networks=10.0.0.0/99\n"
    yield "long", b"x" * 1500 + b":$6$s$h\n"
    yield "many", b"".join(b"u%d:$6$s$h\n" % n for n in range(200))


SEALED = bytes.fromhex(
    "4f415253015e318f8cf9cbe249000102030405060708090a0b1eb5910e74bce71c2dbb27ef1cb19a"
    "db86a6f4574d7ce7cdfc37f63c1f28")


def seal_seeds():
    yield "altered", b"\0" + SEALED[:-1] + b"x"
    yield "cut", b"\0" + SEALED[:-1]
    yield "head", b"\0" + SEALED[:25]
    yield "short", b"\0" + SEALED[:13]
    yield "newer", b"\0OARS\2" + SEALED[5:]
    yield "other-key", b"\0OARS\1" + b"x" * 8 + SEALED[13:]
    yield "nothing", b"\0"
    for n in (1, 10, 40, 128, 255):
        yield f"own-{n:03}", bytes([n]) + b"a refresh token"
    yield "own-empty", b"\1"


RECORD = {
    "version": 1, "binding": "a" * 64, "added_binding": "b" * 64, "access_got": 1795000000123,
    "access_ends": 1795003600123, "refresh_used": 1795000000456, "signed_in": 1790000000789,
    "access_token": "access", "refresh_token": "refresh \u00e9\"\\",
    "added": [
        {"kind": "secret", "label": "secret added", "ends": 5, "added": 6, "ends_assumed": True,
         "secret": "s3cret"},
        {"kind": "certificate", "label": "certificate added", "algorithm": "PS256", "pending": True,
         "thumbprint": "sha256", "certificate": "PEM\n", "key": "PEM\n"}],
    "seen": [{"digest": "00" * 32, "first": 7}],
}


def record_seeds():
    def text(**changes):
        return json.dumps(RECORD | changes, separators=(",", ":")).encode()
    yield "full", text()
    yield "empty", b'{"version":1}'
    yield "newer", text(version=2)
    yield "no-version", b"{}"
    yield "version-text", text(version="1")
    yield "many-added", text(added=RECORD["added"] * 3)
    yield "many-seen", text(seen=RECORD["seen"] * 17)
    yield "strange-kind", text(added=[{"kind": "federated"}])
    yield "no-key", text(added=[{"kind": "certificate", "algorithm": "RS256", "thumbprint": "sha1",
                                 "certificate": "x"}])
    yield "short-digest", text(seen=[{"digest": "00"}])
    yield "negative", text(signed_in=-1)
    yield "huge", text(signed_in=10 ** 30)
    yield "bad-binding", text(binding="A" * 64)
    yield "long-binding", text(binding="a" * 65)
    yield "long-label", text(added=[{"kind": "secret", "secret": "x", "label": "x" * 64}])
    yield "nul", text(access_token="a\0b")
    yield "eight-bit", b'{"version":1,"access_token":"\xff\xc3","refresh_token":"\x7f\\u0001"}'
    yield "deep", b'{"version":1,"x":' + b"[" * 20
    yield "lists", b"[[],{}]"


# --- signing in: what comes back from a browser, what a token says -------------------------------

STATE = b"state=a." + b"A" * 43


def auth_code_seeds():
    for n, line in enumerate((
            b"http://localhost:4711/?code=a.b_c~1&" + STATE, b"code=1&" + STATE + b"&session_state=x#\r\n",
            b"https://x.test/cb#code=1&" + STATE, b"?code=a%2Fb+c%20d&" + STATE,
            b"?error=access_denied&error_description=AADSTS65004%3a+no%1b%5b2J&" + STATE,
            b"?error=odd%00%ff&" + STATE, b"?code=1&state=b." + b"A" * 43, b"?code=1&" + STATE + b"x",
            b"?code=1&code=2&" + STATE, b"?code=%0a&" + STATE, b"?code=%4&" + STATE, b"?code=1",
            b"", b"?", b"&&=&code&state", b"?code=" + b"x" * 3000 + b"&" + STATE,
            b"?error=x&error_description=" + b"%e4" * 500 + b"&" + STATE)):
        yield f"line-{n:02}", line


def claims_seeds():
    good = (b'{"aud":"https://outlook.office.com","scp":"SMTP.Send","appid":"1111-22","exp":1800003600,'
            b'"tid":"aaaaaaaa-0000-4000-8000-000000000001","upn":"scan@contoso.com","oid":"o"}')
    token = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b'{"alg":"RS256"}', good, b"s"))
    yield "payload", b"\0" + good
    yield "token", b"\1" + token
    for n, payload in enumerate((
            b'{"aud":["https://graph.microsoft.com",1,"x"],"roles":["SMTP.SendAsApp"],"exp":1e308}',
            b'{"scp":"' + b"A.B " * 400 + b'","upn":"' + b"\\u0001" * 200 + b'"}',
            b'{"tid":"bbbbbbbb-0000-4000-8000-000000000001","azp":"","exp":"12","scp":[],"aud":{}}',
            b"{}", b"[]", b"", b"[" * 300, b'{"upn":"\xff\xfe\x00"}')):
        yield f"payload-{n}", b"\0" + payload
    for n, text in enumerate((b"", b".", b"..", b"e30.e30.x", b"e30.e30.a.b.c", b"EwB.opaque", b"e30.e30=.x")):
        yield f"token-{n}", b"\1" + text


TARGETS = {
    "session": session_seeds, "body": body_seeds, "line": line_seeds, "auth": auth_seeds,
    "address": address_seeds, "header": header_seeds, "users": users_seeds,
    "capture": capture_seeds, "hello": hello_seeds, "seal": seal_seeds, "record": record_seeds,
    "auth_code": auth_code_seeds, "token_claims": claims_seeds,
}


def main():
    for target, seeds in TARGETS.items():
        folder = os.path.join(HERE, "corpus", target)
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            if not name.startswith(("find-", "min-")):
                os.remove(os.path.join(folder, name))
        for name, data in seeds():
            assert len(data) <= SEED_MAX, (target, name, len(data))
            with open(os.path.join(folder, name), "xb") as file:
                file.write(data)


if __name__ == "__main__":
    main()
