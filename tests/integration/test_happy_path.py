# SPDX-License-Identifier: MIT
"""A printer's scan: accepted, on disk, token, STARTTLS, XOAUTH2, delivered, gone."""
import base64
import hashlib
import os
import smtplib
import ssl

import pytest

from .dialogue import (Dialogue, body_sha, message, print_page, subject_of, unverified)


def fields(record, name):
    return [value for key, value in record["headers"] if key.lower() == name]


def test_journey(relay, sandbox):
    one = relay()
    sent = message("journey")
    number = print_page(one.port, sent)
    sandbox.wait(messages=1)
    one.wait_event("removed", msg=number)
    [record] = sandbox.messages()
    assert record["mail_from"] == record["mailbox"] == "scanner@contoso.com"
    assert record["rcpts"] == ["b@fabrikam.com"]
    assert record["tls"] in ("TLSv1.2", "TLSv1.3")
    assert record["helo"] == "relay.contoso.com"
    assert record["body_sha256"] == body_sha(sent)
    assert subject_of(record) == "journey"
    accepted = one.wait_event("accepted", msg=number)
    assert accepted["from"] == "scan@printer.local" and accepted["nrcpt"] == "1"
    assert len(number) == 32 and int(accepted["took_ms"]) >= 0
    assert one.wait_event("token", account="scanner")["status"] == "fetched"
    connected = one.wait_event("connected", account="scanner")
    assert connected["relay"].startswith("localhost[") and connected["tls"].startswith("TLSv1.")
    one.wait_event("authenticated", account="scanner")
    delivery = one.wait_event("delivery", msg=number)
    assert (delivery["to"], delivery["status"], delivery["attempts"]) == \
        ("b@fabrikam.com", "sent", "1")
    assert delivery["reply"].startswith("250 2.0.0 OK")
    names = [event.name for event in one.events() if event.get("msg") == number]
    assert names.index("accepted") < names.index("delivery") < names.index("removed")
    assert one.spool_files() == []


def test_a_pdf_of_five_megabytes(relay, sandbox):
    one = relay()
    pdf = b"%PDF-1.4\n" + os.urandom(5 * 1024 * 1024)
    encoded = base64.encodebytes(pdf).replace(b"\n", b"\r\n")
    sent = message(header=b"Content-Type: application/pdf\r\n"
                          b"Content-Transfer-Encoding: base64\r\n", body=encoded)
    print_page(one.port, sent)
    sandbox.wait(messages=1, timeout=60)
    received = sandbox.eml(1).partition(b"\r\n\r\n")[2]
    assert hashlib.sha256(base64.b64decode(received)).digest() == hashlib.sha256(pdf).digest()


def test_header_is_changed_only_as_documented(relay, sandbox):
    """Received on top; From becomes the mailbox; Date and Message-ID if they are missing."""
    one = relay()
    sent = (b"X-First: 1\r\nFrom: \"Scanner 3F\" <scan@printer.local>\r\nTo: b@fabrikam.com\r\n"
            b"Subject: folded\r\n\tsubject\r\nX-Odd:   spaces  kept \r\nX-First: 2\r\n"
            b"Content-Type: text/plain\r\n\r\nbody\r\n")
    print_page(one.port, sent)
    sandbox.wait(messages=1)
    head = sandbox.eml(1).partition(b"\r\n\r\n")[0] + b"\r\n"
    assert head.startswith(b"Received: ")
    for kept in (b"X-First: 1\r\n", b"To: b@fabrikam.com\r\n", b"Subject: folded\r\n\tsubject\r\n",
                 b"X-Odd:   spaces  kept \r\n", b"X-First: 2\r\n",
                 b"Content-Type: text/plain\r\n"):
        assert kept in head, head
    [record] = sandbox.messages()
    assert [f for f in fields(record, "from") if "scanner@contoso.com" in f]
    assert len(fields(record, "from")) == len(fields(record, "date")) == 1
    assert len(fields(record, "message-id")) == 1
    assert record["body_sha256"] == body_sha(sent)


def test_date_and_message_id_stay(relay, sandbox):
    one = relay()
    print_page(one.port, message(header=b"Date: Tue, 01 Jan 2019 00:00:00 +0100\r\n"
                                        b"Message-ID: <abc@printer.local>\r\n"))
    sandbox.wait(messages=1)
    [record] = sandbox.messages()
    assert fields(record, "date") == ["Tue, 01 Jan 2019 00:00:00 +0100"]
    assert fields(record, "message-id") == ["<abc@printer.local>"]


@pytest.mark.parametrize("body", [
    b"", b"\r\n", b".\r\n", b"..\r\n.x\r\n\r\n.\r\n", b"a\r\n\r\n\r\n", b"x" * 997 + b"\r\n",
    b"y" * 5000 + b"\r\n", b"\xe4\xf6\xfc\xff\x80\r\n",
    b"".join(bytes([n]) for n in range(1, 256) if n not in (10, 13)) + b"\r\n",
    (b"." * 70 + b"\r\n") * 2000,
], ids=["empty", "blank", "dot", "dots", "blanks", "997", "5000", "8bit", "all-octets",
        "many-dots"])
def test_body_arrives_byte_for_byte(relay, sandbox, body):
    one = relay()
    sent = message(body=body)
    print_page(one.port, sent, sender="scan@printer.local")
    sandbox.wait(messages=1)
    [record] = sandbox.messages()
    assert sandbox.eml(1).partition(b"\r\n\r\n")[2] == body
    assert record["body"] == ("8BITMIME" if not body.isascii() else record["body"])


def test_several_recipients_in_one_transaction(relay, sandbox):
    one = relay()
    wanted = [f"u{n}@fabrikam.com" for n in range(30)]
    print_page(one.port, rcpts=wanted)
    sandbox.wait(messages=1)
    assert sandbox.messages()[0]["rcpts"] == wanted
    one.wait_event("removed")
    assert len(one.events("delivery", status="sent")) == 30


def test_session_and_token_are_reused(relay, sandbox):
    one = relay({"accounts": None}, start=False)
    one.config["accounts"] = [one.account(limits={"connections": 1})]
    one.write_config()
    one.start()
    for count in range(1, 5):
        print_page(one.port)
        sandbox.wait(messages=count)
    records = sandbox.messages()
    assert [record["nth_on_connection"] for record in records] == [1, 2, 3, 4]
    assert len(sandbox.events("token")) == len(one.events("token")) == 1


def test_starttls_for_devices_that_can(relay, sandbox):
    one = relay()
    with smtplib.SMTP("localhost", one.port, local_hostname="printer") as client:
        client.starttls(context=ssl.create_default_context(cafile=sandbox.ca_file))
        client.sendmail("scan@printer.local", ["b@fabrikam.com"], message("with tls"))
    sandbox.wait(messages=1)
    assert subject_of(sandbox.messages()[0]) == "with tls"


def test_own_certificate_is_made_once(relay):
    from cryptography import x509
    one = relay(lambda config: config.pop("tls"))
    seen = []
    for _ in range(2):
        with Dialogue(one.port) as talk:
            talk.hello()
            talk.starttls(unverified())
            seen.append(talk.socket.getpeercert(binary_form=True))
        one.restart()
    assert seen[0] == seen[1]
    certificate = x509.load_der_x509_certificate(seen[0])
    assert certificate.public_key().key_size == 2048
    assert (certificate.not_valid_after - certificate.not_valid_before).days >= 3600
    keys = [entry.path for entry in os.scandir(one.state) if entry.is_file()]
    private = [path for path in keys if b"PRIVATE KEY" in open(path, "rb").read()]
    assert private and all(os.stat(path).st_mode & 0o077 == 0 for path in private)


def test_queued_mail_outlives_a_restart(relay, sandbox):
    sandbox.off()
    one = relay()
    numbers = [print_page(one.port, message(f"m{n}")) for n in range(5)]
    assert len(one.spool_files()) == 5
    one.restart()
    assert one.wait_event("recovered")["messages"] == "5"
    sandbox.on()
    sandbox.wait(messages=5)
    for number in numbers:
        one.wait_event("removed", msg=number)
    assert sorted(subject_of(record) for record in sandbox.messages()) == \
        ["m0", "m1", "m2", "m3", "m4"]


def test_two_accounts(relay, sandbox):
    """Devices choose: 127.0.0.2 sends by the second tenant's mailbox."""
    one = relay(start=False)
    one.config["accounts"].append(one.account(
        "fabrikam", client="66666666-7777-8888-9999-aaaaaaaaaaaa",
        mailbox="scanner@fabrikam.com"))
    one.config.pop("allow")
    one.config["devices"] = [
        {"name": "here", "address": "127.0.0.1", "account": "scanner"},
        {"name": "there", "address": "127.0.0.2", "account": "fabrikam"}]
    one.write_config()
    one.start()
    print_page(one.port, message("one"))
    print_page(one.port, message("two"), source="127.0.0.2")
    sandbox.wait(messages=2)
    assert {subject_of(r): r["mailbox"] for r in sandbox.messages()} == \
        {"one": "scanner@contoso.com", "two": "scanner@fabrikam.com"}
