# SPDX-License-Identifier: MIT
"""SMTPUTF8 and DSN from the device to Exchange; what `default_domain` and quirks let in."""
import json
import smtplib

import pytest

from .dialogue import Dialogue, message, queue_id

OLD = {"name": "old", "address": "127.0.0.1"}


def hand_over(one, mail="<scan@printer.local>", rcpts=("<b@fabrikam.com>",), data=None):
    """One message; the arguments stand behind the colons. Its id in the queue."""
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect("250 2.1.0", f"MAIL FROM:{mail}")
        for rcpt in rcpts:
            talk.expect("250 2.1.5", f"RCPT TO:{rcpt}")
        reply = talk.data(data or message())
        assert reply.startswith("250 2.0.0"), reply
        return queue_id(reply)


def only(sandbox):
    sandbox.wait(messages=1)
    [record] = sandbox.messages()
    return record


def test_dsn_is_carried(relay, sandbox):
    """Through the spool and a restart; each recipient has its own."""
    one = relay()
    sandbox.off("smtp")
    hand_over(one, "<scan@printer.local> RET=HDRS ENVID=QQ+2B314",
              ["<b@fabrikam.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+3Dy@z.org",
               "<c@fabrikam.com>", "<d@fabrikam.com> NOTIFY=NEVER"])
    one.stop()
    sandbox.on("smtp")
    one.start()
    record = only(sandbox)
    assert record["mail_params"]["RET"] == "HDRS" and record["mail_params"]["ENVID"] == "QQ+314"
    assert record["rcpt_params"] == [
        {"NOTIFY": ["SUCCESS", "DELAY"], "ORCPT": "rfc822;x=y@z.org"}, {}, {"NOTIFY": ["NEVER"]}]


def test_dsn_is_dropped_where_it_is_not_offered(relay, sandbox):
    sandbox.fault("ehlo", "omit", keywords=["DSN"], count=0)
    one = relay()
    hand_over(one, "<scan@printer.local> RET=FULL ENVID=x",
              ["<b@fabrikam.com> NOTIFY=SUCCESS ORCPT=rfc822;a@b"])
    record = only(sandbox)
    assert set(record["mail_params"]) == {"SIZE"} and record["rcpt_params"] == [{}]


def test_nothing_asked_nothing_said(relay, sandbox):
    """SMTPUTF8 that turns out not to be needed is not asked for upstream."""
    one = relay()
    hand_over(one, "<scan@printer.local> SMTPUTF8")
    assert set(only(sandbox)["mail_params"]) == {"SIZE"}


UTF8_HEADER = message("x").replace(b"Subject: x", "Subject: Prüfung".encode())


@pytest.mark.parametrize("mail, rcpt, data", [
    ("<scan@printer.local> SMTPUTF8", "<jürgen@bücher.ch>", None),
    ("<scan@printer.local> SMTPUTF8", "<b@fabrikam.com>", UTF8_HEADER)], ids=["address", "header"])
def test_smtputf8(relay, sandbox, mail, rcpt, data):
    one = relay()
    hand_over(one, mail, [rcpt], data)
    record = only(sandbox)
    assert record["mail_params"]["SMTPUTF8"] is True
    assert [f"<{rcpt_}>" for rcpt_ in record["rcpts"]] == [rcpt]
    assert "with UTF8SMTP id " in record["headers"][0][1]


@pytest.mark.parametrize("mail, rcpt, data", [
    ("<scan@printer.local> SMTPUTF8", "<jürgen@bücher.ch>", None),
    ("<scan@printer.local> SMTPUTF8", "<b@fabrikam.com>", UTF8_HEADER)], ids=["address", "header"])
def test_smtputf8_not_offered(relay, sandbox, mail, rcpt, data):
    """It cannot be sent on that way, and is kept as failed: 5.6.7."""
    sandbox.fault("ehlo", "omit", keywords=["SMTPUTF8"], count=0)
    one = relay()
    number = hand_over(one, mail, [rcpt], data)
    delivery = one.wait_event("delivery", msg=number)
    assert delivery["status"] == "failed" and delivery["dsn"] == "5.6.7"
    assert "offers no SMTPUTF8" in delivery["reply"]
    assert sandbox.messages() == [] and len(one.spool_files()) == 1


@pytest.mark.parametrize("rcpts", [["b@fabrikam.com", "jürgen@bücher.ch", "c@fabrikam.com"],
                                   ["jürgen@bücher.ch", "b@fabrikam.com", "c@fabrikam.com"]])
def test_smtputf8_is_no_matter_of_the_other_recipients(relay, sandbox, rcpts):
    """Who can be reached without it is."""
    sandbox.fault("ehlo", "omit", keywords=["SMTPUTF8"], count=0)
    one = relay()
    number = hand_over(one, "<scan@printer.local> SMTPUTF8", [f"<{rcpt}>" for rcpt in rcpts])
    assert only(sandbox)["rcpts"] == ["b@fabrikam.com", "c@fabrikam.com"]
    one.wait_event("delivery", msg=number, status="failed", dsn="5.6.7")
    assert len(sandbox.messages()) == 1


def test_rewritten_sender_needs_no_smtputf8(relay, sandbox):
    """Neither in the envelope nor in the header, which is ASCII once it is rewritten."""
    sandbox.fault("ehlo", "omit", keywords=["SMTPUTF8"], count=0)
    one = relay()
    hand_over(one, "<jürgen@bücher.ch> SMTPUTF8", data=message(sender="jürgen@bücher.ch"))
    assert only(sandbox)["mail_from"] == "scanner@contoso.com"


def test_8_bit_header_without_smtputf8(relay, sandbox):
    """What printers have always done goes on as it came, as 8BITMIME."""
    one = relay()
    hand_over(one, data=UTF8_HEADER)
    record = only(sandbox)
    assert "SMTPUTF8" not in record["mail_params"] and record["mail_params"]["BODY"] == "8BITMIME"


def test_smtplib_uses_what_is_offered(relay, sandbox):
    """A client by others: send_message() with non-ASCII addresses, and DSN options."""
    one = relay()
    with smtplib.SMTP("127.0.0.1", one.port, local_hostname="printer", timeout=30) as client:
        client.ehlo()
        assert client.has_extn("smtputf8") and client.has_extn("dsn")
        client.sendmail("scan@printer.local", ["jürgen@bücher.ch"], message(),
                        mail_options=["SMTPUTF8", "BODY=8BITMIME", "RET=HDRS"],
                        rcpt_options=["NOTIFY=FAILURE"])
    record = only(sandbox)
    assert record["rcpts"] == ["jürgen@bücher.ch"]
    assert record["rcpt_params"] == [{"NOTIFY": ["FAILURE"]}]


def test_queue_list_shows_utf_8_recipients(relay, sandbox):
    sandbox.off("smtp")
    one = relay()
    hand_over(one, "<scan@printer.local> SMTPUTF8", ["<jürgen@bücher.ch>"])
    shown = one.cli("queue", "list", "--json")
    assert shown.returncode == 0 and "jürgen@bücher.ch" in str(json.loads(shown.stdout))


def test_default_domain(relay, sandbox):
    one = relay({"default_domain": "contoso.com"})
    hand_over(one, "<root>", ["<scan>", "<postmaster>"])
    assert only(sandbox)["rcpts"] == ["scan@contoso.com", "it@contoso.com"]


def test_default_domain_after_reload(relay, sandbox):
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect("501 5.1.7 Bad sender: no domain (set default_domain to complete it)",
                    "MAIL FROM:<root>")
    one.config["default_domain"] = "contoso.com"
    one.write_config()
    one.reload()
    hand_over(one, "<root>", ["<scan>"])
    assert only(sandbox)["rcpts"] == ["scan@contoso.com"]


@pytest.mark.parametrize("quirk, keyword", [("no-8bitmime", "8BITMIME"),
                                            ("no-pipelining", "PIPELINING")])
def test_quirks_hide_extensions(relay, quirk, keyword):
    one = relay({"devices": [{**OLD, "quirks": [quirk]}]})
    with Dialogue(one.port) as talk:
        lines = talk.hello().split("\n")
        assert not [line for line in lines if keyword in line]
        # Used all the same, it is taken: what is not offered is not forbidden.
        talk.expect(250, "MAIL FROM:<a@b.org> BODY=8BITMIME")


def test_empty_helo(relay, sandbox):
    one = relay({"devices": [{**OLD, "quirks": ["empty-helo"]}]})
    with Dialogue(one.port) as talk:
        talk.expect("250 relay.contoso.com", "HELO")
        talk.envelope()
        assert talk.data(message()).startswith("250")
    assert only(sandbox)["headers"][0][1].split()[:3] == ["from", "[127.0.0.1]", "by"]


def test_limits_of_line_and_recipients(relay):
    one = relay({"limits": {"line_length": 1000, "recipients": 2}})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(250, "NOOP " + "x" * 995)
        talk.expect("500 5.5.2", "NOOP " + "x" * 996)
        talk.expect(250, "MAIL FROM:<a@b.org>")
        talk.expect(250, "RCPT TO:<a@b.org>")
        talk.expect(250, "RCPT TO:<b@b.org>")
        talk.expect("452 4.5.3", "RCPT TO:<c@b.org>")


def test_limit_of_the_envelope(relay):
    """4 MiB in the file: a quote is two bytes there. It is not the relay that is busy."""
    one = relay({"limits": {"recipients": 10000}})
    line = b"RCPT TO:<b@b.org> ORCPT=rfc822;" + b'"' * 490 + b"\r\n"
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.org>")
        for _ in range(45):
            talk.send(line * 100)
            for _ in range(100):
                talk.expect(250)
        talk.expect("552 5.3.4 Too many recipients for one message", "DATA")
        talk.envelope()
        assert talk.data(message()).startswith("250")
