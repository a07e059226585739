# SPDX-License-Identifier: MIT
"""Dialogues of the kinds of client that stand in offices, each with what it must be answered.

The shapes are from users.md B11 and threats.md 2.4, 2.6, 2.7 and 4.1, which name their sources; a
vendor is named only where they do.
"""
import pytest

from .dialogue import Dialogue, message, print_page, subject_of

MAIL = [("MAIL FROM:<scan@printer.local>", "250"), ("RCPT TO:<b@fabrikam.com>", "250")]
SCAN = object()         # a message and its final dot
END = [("DATA", "354"), (SCAN, "250"), ("QUIT", "221")]
# "user", "word" in base64; any password will do where none is required
USER, WORD = "dXNlcg==", "d29yZA=="

# name: (quirks, what is sent, and how each reply begins). Bytes are sent as they are.
DEVICES = {
    "HELO-only printer": ([], [("HELO printer", "250 relay.contoso.com"), *MAIL, *END]),
    "login with initial response": ([], [
        ("EHLO p", "250"), (f"AUTH LOGIN {USER}", "334 UGFzc3dvcmQ6"), (WORD, "235"), *MAIL, *END]),
    "login by prompts": ([], [
        ("EHLO p", "250"), ("AUTH LOGIN", "334 VXNlcm5hbWU6"), (USER, "334 UGFzc3dvcmQ6"),
        (WORD, "235"), *MAIL, *END]),
    "login in lower case": ([], [
        ("ehlo p", "250"), ("auth login", "334 VXNlcm5hbWU6"), (USER, "334 UGFzc3dvcmQ6"),
        (WORD, "235"), *MAIL, *END]),
    "AUTH before EHLO": ([], [
        ("AUTH LOGIN", "503"), ("EHLO p", "250"), ("AUTH LOGIN", "334"), (USER, "334"),
        (WORD, "235"), *MAIL, *END]),
    "space behind the colon": ([], [
        ("EHLO p", "250"), ("MAIL FROM: <scan@printer.local>", "250"),
        ("RCPT TO: <b@fabrikam.com>", "250"), *END]),
    "lower case": ([], [
        ("helo p", "250"), ("mail from:<scan@printer.local>", "250"),
        ("rcpt to:<b@fabrikam.com>", "250"), ("data", "354"), (SCAN, "250"), ("quit", "221")]),
    "trailing blanks": ([], [
        ("EHLO p ", "250"), ("MAIL FROM:<scan@printer.local> ", "250"),
        ("RCPT TO:<b@fabrikam.com>  ", "250"), ("DATA ", "354"), (SCAN, "250"), ("QUIT ", "221")]),
    "EHLO in the middle": ([], [
        ("EHLO p", "250"), ("MAIL FROM:<lost@printer.local>", "250"), ("EHLO p", "250"),
        ("RCPT TO:<b@fabrikam.com>", "503"), *MAIL, *END]),
    "RSET after each": ([], [
        ("EHLO p", "250"), *MAIL, ("DATA", "354"), (SCAN, "250"), ("RSET", "250"), *MAIL,
        ("DATA", "354"), (SCAN, "250"), ("RSET", "250"), ("QUIT", "221")]),
    "no QUIT": ([], [("EHLO p", "250"), *MAIL, ("DATA", "354"), (SCAN, "250")]),
    "curl, which says EHLO and the file's name": ([], [("EHLO scan.eml", "250"), *MAIL, *END]),
    "git send-email's HELO": ([], [("HELO localhost.localdomain", "250"), *MAIL, *END]),
    "Python's EHLO": ([], [("ehlo [127.0.0.1]", "250"), *MAIL, *END]),
    "Go's parameters": ([], [
        ("EHLO localhost", "250"), ("MAIL FROM:<scan@printer.local> BODY=8BITMIME SMTPUTF8", "250"),
        MAIL[1], *END]),
    "no name in HELO, with its quirk": (["empty-helo"], [("HELO", "250"), *MAIL, *END]),
    "no name in EHLO, with its quirk": (["empty-helo"], [("EHLO ", "250"), *MAIL, *END]),
    "no brackets, with the quirk": (["no-brackets"], [
        ("EHLO erp", "250"), ("MAIL FROM:scan@printer.local", "250"),
        ("RCPT TO: b@fabrikam.com", "250"), *END]),
    "no brackets, without the quirk": ([], [
        ("EHLO erp", "250"), ("MAIL FROM:scan@printer.local", "501 5.1.7"), *MAIL, *END]),
    "HPE iLO, a dot at the end of the name": (["odd-dots"], [
        ("EHLO ilo", "250"), ("MAIL FROM:<ilo.@example.com>", "250"), MAIL[1], *END]),
    "a dot behind the domain": (["odd-dots"], [
        ("EHLO p", "250"), ("MAIL FROM:<scan@printer.local.>", "250"), MAIL[1], *END]),
    "host name with an underscore": ([], [("EHLO office_printer_3", "250"), *MAIL, *END]),
}


def run(talk, steps, name):
    for say, code in steps:
        if say is SCAN:
            say = message(name, "M\u00e4rz\r\n".encode()) + b"."
        if isinstance(say, str):
            say = say.encode()
        talk.expect(code, say)


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("single", [False, True], ids=["segment", "octets"])
def test_device(relay, sandbox, name, single):
    """8-bit content, as devices send it: without a word about 8BITMIME."""
    quirks, steps = DEVICES[name]
    one = relay(start=False)
    one.config["devices"] = [{"name": "here", "address": "127.0.0.1", "quirks": quirks}]
    one.write_config()
    one.start()
    with Dialogue(one.port, single=single) as talk:
        run(talk, steps, name)
    scans = [say for say, _ in steps].count(SCAN)
    sandbox.wait(messages=scans)
    for record in sandbox.messages():
        assert record["rcpts"] == ["b@fabrikam.com"] and subject_of(record) == name
        assert sandbox.eml(record["n"]).endswith("\r\n\r\nM\u00e4rz\r\n".encode())
    one.wait_empty(scans)
    assert len(sandbox.messages()) == scans


def test_quit_behind_the_dot(relay, sandbox):
    """In one segment with the end of data; and the connection shut behind it."""
    one = relay()
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.envelope()
        talk.expect(354, "DATA")
        talk.send(message("quit") + b".\r\nQUIT\r\n")
        talk.socket.shutdown(1)
        talk.expect(250)
        talk.expect(221)
    sandbox.wait(messages=1)


def test_everything_at_once(relay, sandbox):
    """A script that waits for nothing, not even for the greeting."""
    one = relay()
    with Dialogue(one.port, greet=False) as talk:
        talk.send(b"HELO script\r\nMAIL FROM:<s@printer.local>\r\nRCPT TO:<b@fabrikam.com>\r\n"
                  b"DATA\r\n" + message("at once") + b".\r\nQUIT\r\n")
        codes = [talk.reply()[:3] for _ in range(7)]
    assert codes == ["220", "250", "250", "250", "354", "250", "221"]
    sandbox.wait(messages=1)


def test_a_connection_for_each_page(relay, sandbox):
    one = relay()
    for page in range(50):
        print_page(one.port, message(f"page {page}"))
    sandbox.wait(messages=50)
    one.wait_empty(50)
    assert len({subject_of(record) for record in sandbox.messages()}) == 50


def test_empty_name_without_its_quirk(relay):
    """The refusal says what to do."""
    one = relay()
    with Dialogue(one.port) as talk:
        for verb in ("EHLO", "HELO"):
            assert "name" in talk.expect(501, verb)


def test_lines_in_lf_alone(relay, sandbox):
    """With the quirk bare-lf, from a controller that has never heard of CR."""
    one = relay(start=False)
    one.config["devices"] = [{"name": "plc", "address": "127.0.0.1", "quirks": ["bare-lf"]}]
    one.write_config()
    one.start()
    with Dialogue(one.port) as talk:
        for line in (b"HELO plc\n", b"MAIL FROM:<plc@factory.local>\n",
                     b"RCPT TO:<b@fabrikam.com>\n"):
            talk.send(line)
            talk.expect(250)
        talk.send(b"DATA\n")
        talk.expect(354)
        talk.send(b"From: plc@factory.local\nSubject: alarm\n\nTank 3\n.\nQUIT\n")
        talk.expect(250)
        talk.expect(221)
    sandbox.wait(messages=1)
    assert sandbox.eml(1).endswith(b"\r\n\r\nTank 3\r\n")
