# SPDX-License-Identifier: MIT
"""rewrite, keep, send_as (design.md section 4, "Sender")."""
import pytest

from .dialogue import message, print_page


def header(record, name):
    return [value for key, value in record["headers"] if key.lower() == name]


def account(one, **changes):
    one.config["accounts"][0].update(changes)
    one.write_config()
    return one.start()


@pytest.mark.parametrize("line", [
    b"From: scan@printer.local\r\n", b"From: \"A, B\" <scan@printer.local>\r\n",
    b"From: <scan@printer.local>\r\n", b"From:scan\r\n", b"From: \r\n", b"",
    b"From: a@b.c, d@e.f\r\n", b"From: =?utf-8?B?w6Q=?= <x@y.z>\r\n",
    b"From: Xerox\r\n WorkCentre\r\n <x@y.z>\r\n", b"From: a@b.c\r\nFrom: d@e.f\r\n",
    b"From: caf\xe9 <x@y.z>\r\n", b"From: group: a@b.c, d@e.f;\r\n", b"from: x@y.z (comment)\r\n",
    b"From: <<scan@@printer>\r\n", b"From: \"unclosed <x@y.z>\r\n",
], ids=lambda line: line.decode("latin-1").strip()[:24] or "none")
def test_rewrite_makes_any_from_the_mailbox(relay, sandbox, line):
    """The sandbox refuses whatever is not exactly one address, the mailbox."""
    one = relay()
    number = print_page(one.port, line + b"To: b@fabrikam.com\r\nSubject: s\r\n\r\nbody\r\n")
    one.wait_event("removed", msg=number)
    [record] = sandbox.messages()
    assert record["mail_from"] == "scanner@contoso.com"
    assert len(header(record, "from")) == 1
    assert "scanner@contoso.com" in header(record, "from")[0]


@pytest.mark.parametrize("line", [
    b"From: scan@3f <scanner@contoso.com>\r\n", b"From: Copy [3F] <scanner@contoso.com>\r\n",
    b"From : scanner@contoso.com\r\n", b"From: <scan ner@contoso.com>\r\n",
], ids=lambda line: line.decode("latin-1").strip()[:24])
def test_the_mailbox_oddly_written_is_mended(relay, sandbox, line):
    """The sandbox finds another sender in these, or none."""
    one = relay()
    number = print_page(one.port, line + b"To: b@fabrikam.com\r\nSubject: s\r\n\r\nbody\r\n")
    one.wait_event("removed", msg=number)
    [record] = sandbox.messages()
    assert "scanner@contoso.com" in header(record, "from")[0]


@pytest.mark.parametrize("sender", ["", "scan@printer.local", "scanner@contoso.com",
                                    "SCANNER@CONTOSO.COM"])
def test_envelope_sender_becomes_the_mailbox(relay, sandbox, sender):
    one = relay()
    number = print_page(one.port, message(), sender=sender)
    one.wait_event("removed", msg=number)
    assert sandbox.messages()[0]["mail_from"].lower() == "scanner@contoso.com"


def test_message_that_begins_with_its_body(relay, sandbox):
    one = relay()
    number = print_page(one.port, b"\r\nno header at all\r\n")
    one.wait_event("removed", msg=number)
    assert sandbox.eml(1).endswith(b"\r\n\r\nno header at all\r\n")


@pytest.mark.parametrize("data", [b"just text\r\n", b"just text, no colon\r\n\r\nmore\r\n", b""])
def test_message_without_a_header(relay, sandbox, data):
    one = relay()
    number = print_page(one.port, data)
    one.wait_event("removed", msg=number)
    [record] = sandbox.messages()
    assert len(header(record, "from")) == 1
    assert data.rstrip(b"\r\n") in sandbox.eml(1)


@pytest.mark.parametrize("pattern", ["invoices@contoso.com", "contoso.com", "INVOICES@contoso.com"])
def test_send_as_stays(relay, sandbox, pattern):
    one = account(relay(start=False), send_as=[pattern])
    number = print_page(one.port, message(sender="invoices@contoso.com"),
                        sender="invoices@contoso.com")
    one.wait_event("removed", msg=number)
    [record] = sandbox.messages()
    assert record["mail_from"] == "invoices@contoso.com"
    assert header(record, "from") == ["Scanner 3F <invoices@contoso.com>"]
    number = print_page(one.port, message(sender="scan@printer.local"))
    one.wait_event("removed", msg=number)
    assert "scanner@contoso.com" in header(sandbox.messages()[1], "from")[0]


def test_keep_changes_nothing_and_exchange_refuses(relay, sandbox):
    """A sender Exchange does not know is a matter for a person: nothing is lost."""
    one = account(relay(start=False), sender="keep")
    number = print_page(one.port, message(sender="scanner@contoso.com"),
                        sender="scanner@contoso.com")
    one.wait_event("removed", msg=number)
    assert header(sandbox.messages()[0], "from") == ["Scanner 3F <scanner@contoso.com>"]
    refused = print_page(one.port, message())
    event = one.wait_event("delivery", msg=refused,
                           status=lambda word: word in ("held", "failed", "deferred"))
    assert "5.7.60" in event["reply"]
    assert any(refused in name for name in one.spool_files())
    # Mended by the administrator: rewritten at the next attempt, from the same file.
    one.config["accounts"][0]["sender"] = "rewrite"
    one.write_config()
    one.reload()
    one.wait_event("removed", msg=refused)
    assert "scanner@contoso.com" in header(sandbox.messages()[1], "from")[0]


def test_send_as_denied_at_the_end_of_data(relay, sandbox):
    """keep, with a right envelope and a wrong header: 554 5.2.252 with its long tail."""
    one = account(relay(start=False), sender="keep")
    number = print_page(one.port, message(), sender="scanner@contoso.com")
    event = one.wait_event("delivery", msg=number)
    assert "5.2.252" in event["reply"] and event["status"] in ("held", "failed", "deferred")
    assert any(number in name for name in one.spool_files())


def test_plain_smart_host(relay, sandbox, make_relay):
    """provider smtp with tls none, auth none: one relay sends through another."""
    second = relay()
    first = make_relay(sandbox, start=False)
    first.config["accounts"] = [{"name": "old", "provider": "smtp", "host": "127.0.0.1",
                                 "port": second.port, "tls": "none", "auth": "none",
                                 "sender": "keep"}]
    first.write_config()
    first.start()
    number = print_page(first.port, message("via"))
    first.wait_event("removed", msg=number)
    sandbox.wait(messages=1)
    assert [name.lower() for name, _ in sandbox.messages()[0]["headers"]].count("received") == 2
