# SPDX-License-Identifier: MIT
"""device list, device transcript: what a technician sees of a device that cannot send."""
import base64
import json
import os
import re
import subprocess

import pytest

from . import conf
from .relay import ROOT, free_port
from .dialogue import Dialogue, message, print_page
from .tls_client import client_hello

PASSWORD = "canary-pa55word"


def ok(result):
    assert result.returncode == 0, result
    return result.stdout


def b64(text):
    return base64.b64encode(text.encode()).decode()


def wait_gone(one, peer):
    """Until the session is over: its transcript is kept then."""
    one.wait_event("disconnect", peer=lambda text: text.startswith(peer + ":"))


def failing_login(one, source):
    with Dialogue(one.port, source=source) as talk:
        talk.hello("xerox-3f.lan")
        talk.expect(334, "AUTH LOGIN")
        talk.expect(334, b64("scanner"))
        talk.expect(535, b64(PASSWORD))
        talk.expect(535, "AUTH PLAIN " + b64(f"\0scanner\0{PASSWORD}"))
        talk.expect(500, b64(PASSWORD))             # a password that has lost its AUTH
        talk.expect(530, "MAIL FROM:<scan@printer.local>")
        talk.expect(221, "QUIT")
    wait_gone(one, source)


def required(name="xerox-3f", address="127.0.0.9"):
    return {"name": name, "address": address, "auth": "required", "cleartext_auth": True}


def test_transcript_of_a_failing_login(relay):
    one = relay({"devices": [required()]})
    failing_login(one, "127.0.0.9")
    for name in ("xerox-3f", "127.0.0.9"):
        text = ok(one.cli("device", "transcript", name))
        lines = [line.strip().partition(" ")[2] for line in text.split("\n")]
        for line in ("C: EHLO xerox-3f.lan", "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: ***",
                     "C: AUTH PLAIN ***", f"C: ({len(b64(PASSWORD))} bytes that are no command)",
                     "S: 500 5.5.1 Command not recognized", "C: MAIL FROM:<scan@printer.local>",
                     "(end: QUIT)"):
            assert line in lines, (line, text)
        assert lines.count("C: ***") == 2
    everything = text + ok(one.cli("device", "transcript", "xerox-3f", "--json")) + \
        ok(one.cli("device", "list", "--json")) + one.text()
    for secret in (PASSWORD, b64(PASSWORD), b64("scanner"), b64(f"\0scanner\0{PASSWORD}")):
        assert secret not in everything, secret
    answer = json.loads(ok(one.cli("device", "transcript", "xerox-3f", "--json")))
    assert answer["total"] == 1 and answer["transcripts"][0]["failed"] is True
    assert answer["transcripts"][0]["address"] == "127.0.0.9"


def test_why_there_is_no_transcript(relay, sandbox):
    one = relay({"devices": [required("quiet", "127.0.0.10")]})
    print_page(one.port, source="127.0.0.11")
    wait_gone(one, "127.0.0.11")
    sandbox.wait(messages=1)
    assert "none of its sessions has failed" in ok(one.cli("device", "transcript", "127.0.0.11"))
    assert "has not connected" in ok(one.cli("device", "transcript", "quiet"))
    result = one.cli("device", "transcript", "nobody")
    assert result.returncode == 1 and "there is no device of that name" in result.stderr
    one.change({"log": {"transcript": "none"}})
    one.reload()
    failing_login_of_a_stranger(one)
    assert 'log.transcript is "none"' in ok(one.cli("device", "transcript", "127.0.0.12"))


def failing_login_of_a_stranger(one):
    with Dialogue(one.port, source="127.0.0.12") as talk:
        talk.expect(503, "RCPT TO:<a@b.c>")
    wait_gone(one, "127.0.0.12")


def test_all_transcripts(relay, sandbox):
    one = relay({"log": {"transcript": "all"}, "limits": {"transcripts": 2}})
    for subject in ("first", "second", "third"):
        print_page(one.port, message(subject), source="127.0.0.11")
    sandbox.wait(messages=3)
    one.wait_event("disconnect", count=3)
    answer = json.loads(ok(one.cli("device", "transcript", "127.0.0.11", "--json")))
    assert answer["total"] == 2                     # limits.transcripts
    assert [t["failed"] for t in answer["transcripts"]] == [False, False]
    assert re.search(r"C: \(DATA: \d+ bytes\)", "\n".join(answer["transcripts"][0]["lines"]))


def test_list(relay, sandbox):
    one = relay({"allow": None, "devices": [
        required(), {"name": "ups", "address": "127.0.7.0/24"}, {"name": "erp", "address": "127.0.0.5"}]})
    print_page(one.port, source="127.0.0.5")
    sandbox.wait(messages=1)
    failing_login(one, "127.0.0.9")
    with Dialogue(one.port, source="127.0.0.5") as talk:
        talk.hello()
        talk.starttls()
        talk.hello()
        text = ok(one.cli("device", "list"))
        rows = {line.split()[0]: line.split() for line in text.split("\n") if line.strip()}
        assert rows["erp"][1:6] == ["127.0.0.5", "connected", "2", "1", "0"], text
        assert rows["erp"][6] == "1.3"
    assert rows["xerox-3f"][1] == "127.0.0.9" and "530 5.7.0 Authentication required" in text
    assert rows["ups"][1:3] == ["127.0.7.0/24", "never"]
    page = json.loads(ok(one.cli("device", "list", "--json")))
    assert page["total"] == 3
    erp = next(row for row in page["devices"] if row["name"] == "erp")
    assert erp["tls"] == "TLSv1.3" and erp["helo"] == "printer"
    assert erp["listener"] == f"127.0.0.1:{one.port}"
    # In parts the same, and with --all one a line.
    parts = [json.loads(ok(one.cli("device", "list", "--json", "--limit", "1", "--offset", str(n))))
             for n in range(3)]
    assert {part["devices"][0]["address"] for part in parts} == \
        {"127.0.0.5", "127.0.0.9", "127.0.7.0/24"}
    assert len(ok(one.cli("device", "list", "--all", "--json")).strip().split("\n")) == 3


@pytest.mark.parametrize("others", [None, [{"name": "erp", "address": "127.0.0.5"}]],
                         ids=["first", "more"])
def test_the_lines_to_paste_admit_it(relay, sandbox, others):
    """What is printed is put into the file as told, and then the stranger may send."""
    one = relay({"allow": ["127.0.0.4"], "devices": others})
    for source, name in (("127.0.0.9", "kyocera.lan"), ("127.0.0.8", "[127.0.0.8]")):
        with Dialogue(one.port, source=source) as talk:
            talk.hello(name)
            talk.expect(f"550 5.7.1 {source} is not allowed here", "MAIL FROM:<a@b.c>")
    with Dialogue(one.port, source="127.0.0.7") as talk:        # only a scan: not proposed
        talk.expect(500, "NONSENSE")
    text = ok(one.cli("device", "list"))
    pasted = text[text.index("reload:\n") + len("reload:\n"):]
    assert "127.0.0.7" not in pasted and 'name = "kyocera"' in pasted
    whole = conf.text(one.config)
    if others is None:
        whole += pasted
    else:
        start = whole.index("devices = (")
        end = whole.index(");", start)
        whole = whole[:end] + pasted + whole[end:]
    one.write_config(whole)
    assert one.cli("config", "check").returncode == 0
    one.reload()
    for source in ("127.0.0.9", "127.0.0.8"):
        print_page(one.port, message(source), source=source)
    sandbox.wait(messages=2)
    assert "reload:" not in ok(one.cli("device", "list"))
    assert "kyocera" in ok(one.cli("device", "list"))


@pytest.mark.parametrize("columns", [None, 80])
def test_what_to_do_about_a_handshake_is_told_whole(relay, columns):
    """However much the device offers, and however narrow the terminal."""
    one = relay({"allow": None, "listeners": [{"address": f"127.0.0.1:{free_port()}", "tls": "implicit"}],
                 "devices": [{"name": "erp", "address": "127.0.0.5"}]})
    port = int(one.config["listeners"][0]["address"].rpartition(":")[2])
    old = (0xC00A, 0xC014, 0x0039, 0xC009, 0xC013, 0x0033, 0x0035, 0x002F)
    with Dialogue(port, greet=False, source="127.0.0.100") as talk:
        talk.send(client_hello(0x0301, old))
        talk.rest()
    wait_gone(one, "127.0.0.100")
    line = ('set tls_profile = "legacy" for it, as in devices = ( { name = "printer-1"; address = '
            '"127.0.0.100"; tls_profile = "legacy"; } );')
    if columns is None:
        text = ok(one.cli("device", "list"))
        assert line in ok(one.cli("device", "transcript", "127.0.0.100"))
    else:
        text = subprocess.run(
            ["script", "-qec",
             f"stty cols {columns}; {one.program} -c {one.path} device list", "/dev/null"],
            capture_output=True, text=True, timeout=30, check=True).stdout
        assert max(len(row) for row in text.split("\n")) <= columns + len("\x1b[1m\x1b[0m\r")
    assert line in " ".join(text.split())


def test_status_counts_connections(relay):
    one = relay()
    with Dialogue(one.port), Dialogue(one.port):
        listener = json.loads(ok(one.cli("status", "--json")))["listeners"][0]
        assert listener["connections"] == 2 and listener["connections_total"] == 2


def test_list_fits_a_terminal(relay):
    """80 columns, in a terminal of that width."""
    one = relay({"devices": [required("a-device-with-a-name-that-is-quite-long-indeed-0123456789")]})
    failing_login(one, "127.0.0.9")
    result = subprocess.run(
        ["script", "-qec", f"stty cols 80; {one.program} -c {one.path} device list", "/dev/null"],
        capture_output=True, text=True, timeout=30, check=False)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout).replace("\r", "")
    assert "LAST SEEN" in plain
    assert max(len(line) for line in plain.split("\n")) <= 80, plain


def readme_block(first):
    """The indented block of README.md behind the line `    $ oauthrelay ...`."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        lines = iter(file.read().split("\n"))
    assert any(line == "    " + first for line in lines), first
    block = []
    for line in lines:
        if line and not line.startswith("    ") or line.startswith("    $ "):
            break
        block.append(line[4:])
    return "\n".join(block).strip()


def plain(text):
    """Without what differs from run to run; README's addresses are as long as the test's."""
    for mine, readme in (("127.0.0.119", "192.168.1.9"), ("127.100.10.21", "192.168.10.21")):
        text = text.replace(mine, readme)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z, \d+ \w+ ago", "WHEN", text)
    text = re.sub(r".*S: 250-.*\n(.*S: 250-.*\n)*.*S: 250 .*\n", "", text)     # to EHLO
    text = re.sub(r" \d\.\d{3} ", " 0.000 ", text)
    return re.sub(r"\b\ds ago", "0s ago", text).strip()


def test_what_readme_shows(relay):
    one = relay({"devices": [required(address="127.100.10.21"),
                             {"name": "ups", "address": "127.109.9.7"}], "allow": None})
    with Dialogue(one.port, source="127.100.10.21") as talk:
        talk.hello("xerox")
        talk.expect(334, "AUTH LOGIN")
        talk.expect(334, b64("scanner"))
        talk.expect(535, b64(PASSWORD))
        talk.expect(530, "MAIL FROM:<scan@contoso.com>")
        talk.expect(221, "QUIT")
    wait_gone(one, "127.100.10.21")
    with Dialogue(one.port, source="127.0.0.119") as talk:
        talk.expect(250, "HELO brother-hl.lan")
        talk.expect(550, "MAIL FROM:<scan@contoso.com>")
    wait_gone(one, "127.0.0.119")
    for words in (["device", "list"], ["device", "transcript", "xerox-3f"]):
        text = plain(ok(one.cli(*words)).replace("127.109.9.7", "192.168.9.7"))
        assert plain(readme_block("$ oauthrelay " + " ".join(words))) == text, text
