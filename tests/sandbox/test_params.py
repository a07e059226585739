# SPDX-License-Identifier: MIT
"""Parameters of MAIL and RCPT: SMTPUTF8 and DSN, judged strictly and recorded."""
import pytest

from sandbox.raw import Raw, rules

UMLAUT = "ü".encode()


def test_recorded(box):
    with Raw(box).login() as raw:
        raw.ask(b"MAIL FROM:<scanner@contoso.com> SIZE=200 SMTPUTF8 RET=HDRS ENVID=a+2Bb\r\n")
        assert raw.ask(b"RCPT TO:<%s@%s.ch> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+3Db@c\r\n"
                       % (UMLAUT, UMLAUT)).startswith(b"250")
        assert raw.ask(b"RCPT TO:<b@fabrikam.com> NOTIFY=never\r\n").startswith(b"250")
        assert raw.ask(b"RCPT TO:<c@fabrikam.com>\r\n").startswith(b"250")
        raw.data()
    [record] = box.messages()
    assert record["mail_params"] == {"SIZE": 200, "SMTPUTF8": True, "RET": "HDRS", "ENVID": "a+b"}
    assert record["rcpt_params"] == [
        {"NOTIFY": ["SUCCESS", "DELAY"], "ORCPT": "rfc822;a=b@c"}, {"NOTIFY": ["NEVER"]}, {}]
    assert record["rcpts"][0] == "ü@ü.ch" and record["smtputf8"]
    assert rules(box) == []


@pytest.mark.parametrize("params", [
    b"SMTPUTF8=1", b"SMTPUTF8 SMTPUTF8", b"RET=BODY", b"RET=", b"RET=FULL RET=HDRS", b"ENVID=",
    b"ENVID=a+0Db", b"ENVID=+2b", b"ENVID=" + b"x" * 101, b"NOTIFY=NEVER", b"BODY", b"AUTH=",
    b"AUTH=a=b"])
def test_bad_mail(box, params):
    with Raw(box).login() as raw:
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com> %s\r\n" % params).startswith(b"501 5.5.4")
    assert rules(box)


@pytest.mark.parametrize("params", [
    b"NOTIFY=", b"NOTIFY=NEVER,DELAY", b"NOTIFY=DELAY,DELAY", b"NOTIFY=X", b"NOTIFY=DELAY,",
    b"NOTIFY=DELAY NOTIFY=DELAY", b"ORCPT=a@b", b"ORCPT=;a@b", b"ORCPT=rfc822;",
    b"ORCPT=rfc822;a+0Ab", b"ORCPT=rfc822;" + b"x" * 494, b"RET=FULL", b"SMTPUTF8"])
def test_bad_rcpt(box, params):
    with Raw(box).login() as raw:
        raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n")
        assert raw.ask(b"RCPT TO:<b@fabrikam.com> %s\r\n" % params).startswith(b"501 5.5.4")
    assert rules(box)


@pytest.mark.parametrize("keyword, params", [
    ("SMTPUTF8", b"SMTPUTF8"), ("DSN", b"RET=FULL"), ("8BITMIME", b"BODY=8BITMIME")])
def test_not_offered(box, keyword, params):
    box.set(omit=[keyword])
    with Raw(box).login() as raw:
        assert raw.ask(b"MAIL FROM:<scanner@contoso.com> %s\r\n" % params).startswith(b"501 5.5.4")
    assert "mail-parameter" in rules(box)


def test_non_ascii_needs_smtputf8(box):
    with Raw(box).login() as raw:
        assert raw.ask(b"MAIL FROM:<%s@contoso.com>\r\n" % UMLAUT).startswith(b"501 5.1.7")
        raw.ask(b"MAIL FROM:<scanner@contoso.com>\r\n")
        assert raw.ask(b"RCPT TO:<%s@fabrikam.com>\r\n" % UMLAUT).startswith(b"501 5.1.3")
