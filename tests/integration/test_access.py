# SPDX-License-Identifier: MIT
"""Who may send: `allow`, `devices`, and nobody else (design.md section 4, threats.md 2.17)."""
import pytest

from .dialogue import Dialogue, message, print_page, subject_of


def test_strangers_are_refused_at_mail(relay, sandbox):
    one = relay({"allow": ["127.0.0.2/32", "127.0.1.0/24"]})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect("550 5.7.1 127.0.0.1 is not allowed here", "MAIL FROM:<a@b.c>")
        talk.expect(503, "RCPT TO:<b@x.org>")
        talk.expect(503, "DATA")
        talk.expect(221, "QUIT")
    one.wait_event("refused", reply=lambda text: text.startswith("550 5.7.1"))
    for source in ("127.0.0.2", "127.0.1.77"):
        print_page(one.port, message(source), source=source)
    for source in ("127.0.0.3", "127.0.2.1"):
        with Dialogue(one.port, source=source) as talk:
            talk.hello()
            talk.expect(f"550 5.7.1 {source} is not allowed", "MAIL FROM:<a@b.c>")
    sandbox.wait(messages=2)
    assert {subject_of(r) for r in sandbox.messages()} == {"127.0.0.2", "127.0.1.77"}


def test_nobody_is_allowed_by_default(relay):
    """And a relay for nobody is a mistake that is told at once."""
    one = relay({"allow": None}, start=False)
    result = one.cli("run")
    assert result.returncode == 1 and "nobody may send" in result.stderr
    assert "allow" in result.stderr and "devices" in result.stderr


@pytest.mark.parametrize("recipient", [
    "u%d.org@x.org", "d.org!u", '"u@d.org"', "u@d@x.org", "@x.org:u@d.org", "u@[127.0.0.1]"])
def test_no_open_relay_by_odd_addresses(relay, recipient):
    one = relay({"allow": ["192.0.2.0/24"]})
    with Dialogue(one.port) as talk:
        talk.hello()
        for sender in ("", "a@localhost", "scanner@contoso.com", "test"):
            assert talk.ask(f"MAIL FROM:<{sender}>")[0] == "5"
            assert talk.ask(f"RCPT TO:<{recipient}>")[0] == "5"


def test_the_most_specific_device_wins(relay, sandbox):
    one = relay({"allow": None, "devices": [
        {"name": "net", "address": "127.0.0.0/8", "auth": "required"},
        {"name": "floor", "address": "127.0.3.0/24"},
        {"name": "strict", "address": "127.0.3.9", "auth": "required"}]})
    print_page(one.port, message("floor"), source="127.0.3.1")
    for source in ("127.0.0.1", "127.0.3.9"):
        with Dialogue(one.port, source=source) as talk:
            talk.hello()
            talk.expect(530, "MAIL FROM:<a@b.c>")
    assert one.wait_event("connect", device="strict")
    assert one.wait_event("connect", device="floor")
    sandbox.wait(messages=1)


def test_a_device_overrides_allow(relay):
    one = relay({"devices": [{"name": "strict", "address": "127.0.0.1", "auth": "required"}]})
    with Dialogue(one.port) as talk:
        talk.hello()
        talk.expect(530, "MAIL FROM:<a@b.c>")
    with Dialogue(one.port, source="127.0.0.2") as talk:
        talk.hello()
        talk.expect(250, "MAIL FROM:<a@b.c>")


def test_reload_changes_who_may_send(relay):
    one = relay({"allow": ["192.0.2.0/24"]})
    talk = Dialogue(one.port)
    talk.hello()
    talk.expect(550, "MAIL FROM:<a@b.c>")
    one.change({"allow": ["127.0.0.1/32"]})
    one.reload()
    one.wait_event("reloaded")
    with Dialogue(one.port) as other:
        other.hello()
        other.expect(250, "MAIL FROM:<a@b.c>")
    talk.close()


def test_listener_without_tls(relay):
    one = relay(start=False)
    one.config["listeners"][0]["tls"] = "none"
    one.write_config()
    one.start()
    with Dialogue(one.port) as talk:
        assert "STARTTLS" not in talk.hello()
        assert talk.ask("STARTTLS")[:3] in ("500", "502", "503", "454")
        talk.envelope()
