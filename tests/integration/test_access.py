# SPDX-License-Identifier: MIT
"""Who may send: `allow`, `devices`, and nobody else (design.md section 4); see vectors/test_rel.py."""
from .dialogue import Dialogue, message, print_page


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


def test_a_session_ends_with_what_admitted_it(relay):
    """By a reload; those who were refused hear what they always hear."""
    one = relay({"allow": ["127.0.0.2", "127.0.0.3"]})
    with Dialogue(one.port, source="127.0.0.2") as talk, \
            Dialogue(one.port, source="127.0.0.3") as other, \
            Dialogue(one.port, source="127.0.0.4") as stranger:
        for session in (talk, other, stranger):
            session.hello()
        one.change({"allow": ["127.0.0.3"]})
        one.reload()
        talk.expect("421 4.7.0", "MAIL FROM:<a@b.c>")
        assert talk.rest() == b""
        other.envelope()
        stranger.expect("550 5.7.1", "MAIL FROM:<a@b.c>")


def test_rules_count_for_open_sessions(relay, sandbox):
    """What is taken from a device that misbehaves is taken at once, and not when it reconnects."""
    one = relay({"devices": [{"name": "erp", "address": "127.0.0.2"}]})
    with Dialogue(one.port, source="127.0.0.2") as talk:
        talk.hello()
        talk.envelope(sender="ceo@fabrikam.com")
        talk.expect(250, "RSET")
        one.change({"devices": [{"name": "erp", "address": "127.0.0.2", "hold_above": "1/h",
                                 "senders": ["contoso.com"], "recipients": ["fabrikam.com"]}]})
        one.reload()
        talk.expect("550 5.7.1 erp may not send as", "MAIL FROM:<ceo@fabrikam.com>")
        talk.expect(250, "MAIL FROM:<a@contoso.com>")
        talk.expect("550 5.7.1 erp may not send to", "RCPT TO:<b@x.org>")
        talk.expect(250, "RSET")
        talk.envelope(sender="a@contoso.com")
        assert talk.data(message(sender="ceo@fabrikam.com")).startswith("550 5.7.1")
        for _ in range(2):
            talk.envelope(sender="a@contoso.com")
            assert talk.data(message(sender="a@contoso.com")).startswith("250")
    one.wait_event("held", device="erp")
    sandbox.wait(messages=1)
