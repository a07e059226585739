# SPDX-License-Identifier: MIT
"""1,000 messages over 20 connections, three connections upstream: each exactly once."""
import threading
import uuid

from .dialogue import Dialogue, body_sha, by_subject, stuff

MESSAGES, CLIENTS = 1000, 20
CHANGED = {"received", "from", "date", "message-id"}


def make(number):
    body = b"".join(b".%d line %d\r\n" % (number, n) for n in range(number % 60)) + b"\r\n" * 2
    return (b"From: scan@printer.local\r\nTo: b@fabrikam.com\r\nSubject: n%d\r\n"
            b"X-Folded: a\r\n\tb\r\nX-Id: %s\r\nX-Empty:\r\n\r\n" %
            (number, uuid.uuid4().hex.encode()) + body)


def test_thousand_messages(relay, sandbox):
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["connections"] = 3
    one.config["log"]["level"] = "info"
    one.write_config()
    one.start()
    sent, failures = {}, []

    def client(first):
        try:
            with Dialogue(one.port, timeout=120) as talk:
                talk.hello()
                for number in range(first, MESSAGES, CLIENTS):
                    sent[f"n{number}"] = make(number)
                    talk.send(b"MAIL FROM:<scan@printer.local>\r\nRCPT TO:<u%d@fabrikam.com>\r\n"
                              b"DATA\r\n" % number)
                    for code in (250, 250, 354):
                        talk.expect(code)
                    talk.send(stuff(sent[f"n{number}"]) + b".\r\n")
                    talk.expect(250)
        except Exception as error:      # pylint: disable=broad-except
            failures.append(repr(error))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    sandbox.wait(messages=MESSAGES, timeout=120)
    one.wait_drained(60)
    arrived = by_subject(sandbox.messages())
    assert len(sandbox.messages()) == len(arrived) == MESSAGES
    for subject, [record] in arrived.items():
        data = sent[subject]
        assert record["rcpts"] == [f"u{subject[1:]}@fabrikam.com"]
        assert record["body_sha256"] == body_sha(data), subject
        head = sandbox.eml(record["n"]).partition(b"\r\n\r\n")[0] + b"\r\n"
        for line in data.partition(b"\r\n\r\n")[0].split(b"\r\n"):
            if not line.startswith(b"From:"):
                assert line + b"\r\n" in head, (subject, line)
        assert {name.lower() for name, _ in record["headers"]} <= CHANGED | {
            "to", "subject", "x-folded", "x-id", "x-empty"}
    assert sandbox.limits()["most_open"]["scanner@contoso.com"] <= 3
    assert len(sandbox.events("token")) == 1
