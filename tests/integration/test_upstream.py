# SPDX-License-Identifier: MIT
"""The sending side against a server that misbehaves (threats.md 2.12) and one that says no."""
import pytest

from .dialogue import message, print_page, subject_of

SOON = 40


def delivered_once(sandbox, one, number, subject):
    """In the end it is there, exactly once."""
    one.wait_event("removed", msg=number, timeout=SOON)
    assert [subject_of(r) for r in sandbox.messages()] == [subject]


# --- TLS ----------------------------------------------------------------------------------
@pytest.mark.parametrize("variant", ["wrong-name", "expired", "not-yet-valid", "self-signed",
                                     "unknown-ca"])
def test_bad_certificate(relay, sandbox, variant):
    """UPS-08: no AUTH, a clear reason, and it flows once the certificate is right."""
    sandbox.set(smtp_certificate=variant)
    one = relay()
    number = print_page(one.port, message("cert"))
    one.wait_setback(reason="certificate")
    assert not any("AUTH" in event["line"] for event in sandbox.events("command"))
    sandbox.set(smtp_certificate="good")
    delivered_once(sandbox, one, number, "cert")


def test_old_tls_is_refused(relay, sandbox):
    sandbox.set(smtp_tls_max="1.1")
    one = relay()
    number = print_page(one.port, message("old"))
    one.wait_setback()
    assert sandbox.events("tls") == []
    sandbox.set(smtp_tls_max="1.2")
    delivered_once(sandbox, one, number, "old")
    assert sandbox.messages()[0]["tls"] == "TLSv1.2"


def test_no_starttls_means_no_mail(relay, sandbox):
    """UPS-06: never in clear text."""
    sandbox.set(omit=["STARTTLS"])
    one = relay()
    number = print_page(one.port, message("clear"))
    one.wait_setback(reason="STARTTLS")
    lines = [event["line"] for event in sandbox.events("command")]
    assert not any(line.startswith(("AUTH", "MAIL")) for line in lines), lines
    sandbox.set(omit=[])
    delivered_once(sandbox, one, number, "clear")


def test_no_xoauth2(relay, sandbox):
    sandbox.set(omit=["XOAUTH2"])
    one = relay()
    number = print_page(one.port, message("mechanism"))
    one.wait_setback(reason="XOAUTH2")
    assert not any(event["line"].startswith("AUTH") for event in sandbox.events("command"))
    sandbox.set(omit=[])
    one.reload()
    delivered_once(sandbox, one, number, "mechanism")


@pytest.mark.parametrize("text", [
    "250-x\r\n250 AUTH XOAUTH2\r\n", "250 ok\r\n", "2", "250-SY5\r\n250-AUTH LOGIN XOAUTH2\r\n"
    "250 SMTPUTF8\r\n235 2.7.0 Authentication successful\r\n"])
def test_injected_behind_starttls(relay, sandbox, text):
    """TLS-03: what stands in clear behind the 220 is never taken for a reply."""
    sandbox.fault("starttls", "inject", text=text)
    one = relay()
    number = print_page(one.port, message("injected"))
    one.wait_setback()
    delivered_once(sandbox, one, number, "injected")


@pytest.mark.parametrize("fault", [
    {"point": "starttls", "action": "reply", "text": "454 4.7.5 Certificate not available"},
    {"point": "starttls", "action": "drop"},
    {"point": "starttls", "action": "drop", "when": "after"},
    {"point": "greeting", "action": "drop"}, {"point": "greeting", "action": "drop", "how": "rst"},
    {"point": "greeting", "action": "reply", "text": "421 4.3.2 Service not available",
     "close": True},
    {"point": "greeting", "action": "reply", "text": "554 5.7.1 go away", "close": True},
    {"point": "ehlo", "action": "reply", "text": "421 4.3.2 Service not active", "close": True},
    {"point": "ehlo", "action": "drop"},
    {"point": "ehlo", "action": "drop", "match": {"tls": True}},
    {"point": "auth", "action": "drop"}, {"point": "auth-response", "action": "drop"},
    {"point": "auth-response", "action": "reply", "text":
     "451 4.7.0 Temporary server error. Please try again later. PRX4 [x]"},
    {"point": "auth-response", "action": "reply", "text": "454 4.7.0 Temporary authentication "
     "failure"},
    {"point": "mail", "action": "drop"}, {"point": "rcpt", "action": "drop", "how": "rst"},
    {"point": "data", "action": "drop"}, {"point": "data-body", "action": "drop"},
    {"point": "mail", "action": "reply", "text": "421 4.4.1 Connection timed out. Total session "
     "duration: 00:20:55.1", "close": True},
    {"point": "data", "action": "reply", "text": "451 4.3.0 Not now"},
    {"point": "eod", "action": "reply", "text": "430 4.2.0 STOREDRV; mailbox logon failure"},
    {"point": "rcpt", "action": "reply", "text": "450 4.2.1 Busy"},
], ids=lambda fault: "-".join(str(value)[:12] for value in fault.values()))
def test_passing_refusals(relay, sandbox, fault):
    """Each costs an attempt at most: afterwards the message is there, exactly once."""
    fault = dict(fault)
    sandbox.fault(fault.pop("point"), fault.pop("action"), **fault)
    one = relay()
    number = print_page(one.port, message("again"))
    delivered_once(sandbox, one, number, "again")
    assert one.events("delivery", status="failed") == []


def test_throttling_is_heeded(relay, sandbox):
    """UPS-11: not asked again for a quarter of an hour; mail is taken all the same."""
    sandbox.fault("mail", "reply", count=0, text="451 4.7.500 Server busy. Please try again later "
                  "from [192.0.2.1]. (AS77712344)")
    one = relay()
    print_page(one.port, message("throttled"))
    waiting = one.wait_setback(reason="451 4.7.500")
    if waiting.name == "account-waiting":
        assert int(waiting["retry_in"]) >= 900
    for _ in range(3):
        print_page(one.port)
    one.wait_event("accepted", count=4)
    assert len([e for e in sandbox.events("command") if e["line"].startswith("MAIL")]) <= 2
    assert len(one.spool_files()) == 4


# --- lies and garbage ---------------------------------------------------------------------
LIES = [
    ("greeting", "garbage", {}), ("greeting", "long-line", {}), ("ehlo", "endless", {}),
    ("ehlo", "garbage", {}), ("ehlo", "raw", {"text": "250-SY5\r\n251 x\r\n"}),
    ("mail", "endless", {}), ("mail", "long-line", {"bytes": 70_000}),
    ("mail", "garbage", {}), ("mail", "nul", {}), ("mail", "raw", {"text": "25\r\n"}),
    ("mail", "raw", {"text": "2500 x\r\n"}), ("mail", "raw", {"text": "abc\r\n"}),
    ("mail", "raw", {"text": "250x\r\n"}), ("mail", "raw", {"text": " 250 x\r\n"}),
    ("mail", "raw", {"text": "250-a\r\n354 b\r\n"}), ("mail", "reply", {"text": "354 send"}),
    ("mail", "reply", {"text": "220 hello"}), ("mail", "reply", {"text": "334 "}),
    ("rcpt", "raw", {"text": "250 2.1.5 ok\r\n250 2.1.5 and one more\r\n", "perform": True}),
    ("data", "reply", {"text": "250 2.0.0 OK"}), ("data", "reply", {"text": "334 "}),
    ("data", "early-250", {}), ("data", "garbage", {}),
    ("auth", "reply", {"text": "235 2.7.0 Authentication successful"}),
    ("auth", "reply", {"text": "354 go"}), ("auth", "garbage", {}),
]


@pytest.mark.parametrize("point, action, arguments", LIES,
                         ids=[f"{n}-{p}-{a}" for n, (p, a, _) in enumerate(LIES)])
def test_lies_are_temporary(relay, sandbox, point, action, arguments):
    """UPS-01..05: a protocol error is never "delivered" and never a bounce."""
    sandbox.fault(point, action, **arguments)
    one = relay()
    number = print_page(one.port, message("lied to"))
    one.wait_setback()
    one.wait_event("removed", msg=number, timeout=SOON)
    # The one lie that cannot be told from the truth in time is the early 250.
    assert {subject_of(r) for r in sandbox.messages()} == {"lied to"}
    assert len(sandbox.messages()) <= (2 if action == "early-250" else 1)
    assert one.events("delivery", status="failed") == []
    sandbox.violations(take=action in ("early-250",) or (point, action) == ("auth", "reply"))


@pytest.mark.parametrize("text", ["garbage without a code\r\n", "250-a\r\n354 b\r\n", "25\r\n"])
def test_garbage_after_the_final_dot_is_uncertain(relay, sandbox, text):
    sandbox.fault("eod", "raw", text=text, perform=True)
    one = relay()
    number = print_page(one.port, message("garbled"))
    one.wait_event("removed", msg=number, timeout=SOON)
    assert {subject_of(r) for r in sandbox.messages()} == {"garbled"}
    assert 1 <= len(sandbox.messages()) <= 2
    if len(sandbox.messages()) == 2:
        assert one.events("uncertain", msg=number)


def test_replies_octet_by_octet(relay, sandbox):
    for point in ("greeting", "ehlo", "mail", "rcpt", "data", "eod"):
        sandbox.fault(point, "drip", delay=0.002)
    one = relay()
    number = print_page(one.port, message("slow"))
    delivered_once(sandbox, one, number, "slow")
    assert one.events("delivery")[0]["attempts"] == "1"


@pytest.mark.parametrize("keyword", ["SIZE", "PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8",
                                     "ENHANCEDSTATUSCODES"])
def test_without_an_extension(relay, sandbox, keyword):
    """UPS-17."""
    sandbox.set(omit=[keyword])
    one = relay()
    number = print_page(one.port, message("plain"))
    delivered_once(sandbox, one, number, "plain")
    if keyword == "SIZE":
        assert sandbox.messages()[0]["declared_size"] is None
        assert {v["rule"] for v in sandbox.violations(take=True)} <= {"size-missing"}


# --- AUTH ---------------------------------------------------------------------------------
def test_refused_token_is_renewed_once(relay, sandbox):
    """535 with a cached token: a new token, a new connection, delivered; nothing held."""
    one = relay()
    print_page(one.port, message("first"))
    sandbox.wait(messages=1)
    sandbox.revoke()
    sandbox.off("smtp")
    sandbox.on("smtp")                  # the next message needs a new session
    number = print_page(one.port, message("second"))
    one.wait_event("removed", msg=number)
    assert [subject_of(r) for r in sandbox.messages()] == ["first", "second"]
    assert len(sandbox.events("token")) == 2 and one.events("account-held") == []


@pytest.mark.parametrize("text", [
    "535 5.7.3 Authentication unsuccessful [SY5 2026-01-01 08DE]",
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
    "Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [x]",
    "535 5.7.139 Authentication unsuccessful, account locked. Contact your administrator. [x]",
    "550 5.7.30 Basic authentication is not supported for Client Submission."])
def test_refused_login_holds_the_account(relay, sandbox, text):
    """UPS-10: mail is held, never bounced, and AUTH is not tried again and again."""
    sandbox.fault("auth-response", "reply", text=text, count=0)
    one = relay()
    for number in range(5):
        print_page(one.port, message(f"m{number}"))
    held = one.wait_event("account-held", account="scanner")
    assert text[:9] in held["reason"] and held["remedy"]
    # Two connections may have begun at once; only 5.7.3 is worth one more try with a new token.
    tries = len([e for e in sandbox.events("command") if e["line"] == "AUTH XOAUTH2"])
    assert tries <= (4 if "5.7.3 " in text else 2)
    assert len(sandbox.events("token")) <= 2
    assert len(one.spool_files()) == 5 and one.events("delivery", status="failed") == []
    sandbox.clear()
    one.reload()
    sandbox.wait(messages=5)
    one.wait_event("account-resumed")


def test_challenge_instead_of_535(relay, sandbox):
    """UPS-09: 334 with JSON; an empty line, then the 535 counts."""
    sandbox.fault("auth-response", "challenge")
    one = relay()
    number = print_page(one.port, message("challenged"))
    delivered_once(sandbox, one, number, "challenged")


@pytest.mark.parametrize("prompt", ["334\n", "334 \n"])
def test_both_forms_of_the_prompt(relay, sandbox, prompt):
    """microsoft365.md 1.1: "334" or "334 "."""
    sandbox.fault("auth", "raw", text=prompt.replace("\n", "\r\n"), perform=True)
    one = relay()
    number = print_page(one.port, message("prompt"))
    delivered_once(sandbox, one, number, "prompt")
    assert one.events("delivery")[0]["attempts"] == "1"


# --- recipients, replies ------------------------------------------------------------------
def test_a_reply_for_each_recipient(relay, sandbox):
    """UPS-12: one is refused for good, one for now; the others are sent once."""
    sandbox.fault("rcpt", "reply", text="550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found",
                  match={"rcpt": "never@"}, count=0)
    sandbox.fault("rcpt", "reply", text="450 4.2.1 Busy", match={"rcpt": "later@"}, count=2)
    one = relay()
    number = print_page(one.port, message("each"),
                        rcpts=["a@x.org", "never@x.org", "later@x.org", "b@x.org"])
    failed = one.wait_event("delivery", msg=number, to="never@x.org", status="failed")
    assert failed["dsn"] == "5.1.10" and failed["reply"].startswith("550 5.1.10")
    sandbox.wait(messages=2, timeout=SOON)
    one.wait_event("delivery", msg=number, to="later@x.org", status="sent")
    assert [r["rcpts"] for r in sandbox.messages()] == [["a@x.org", "b@x.org"], ["later@x.org"]]


def test_every_recipient_refused(relay, sandbox):
    sandbox.fault("rcpt", "reply", text="450 4.2.1 Busy", count=2)
    one = relay()
    number = print_page(one.port, message("none"), rcpts=["a@x.org", "b@x.org"])
    delivered_once(sandbox, one, number, "none")
    assert sandbox.messages()[0]["rcpts"] == ["a@x.org", "b@x.org"]


def test_too_many_recipients_are_split(relay, sandbox):
    """452 4.5.3: those accepted are sent, the rest at once in another transaction."""
    sandbox.set(recipients=4)
    one = relay()
    wanted = [f"u{n}@x.org" for n in range(10)]
    number = print_page(one.port, message("split"), rcpts=wanted)
    one.wait_event("removed", msg=number, timeout=SOON)
    lists = [record["rcpts"] for record in sandbox.messages()]
    assert sorted(sum(lists, [])) == sorted(wanted) and all(len(rcpts) <= 4 for rcpts in lists)


def test_own_limit_of_recipients(relay, sandbox):
    one = relay(start=False)
    one.config["accounts"][0]["limits"]["recipients"] = 3
    one.write_config()
    one.start()
    wanted = [f"u{n}@x.org" for n in range(8)]
    number = print_page(one.port, message("parts"), rcpts=wanted)
    one.wait_event("removed", msg=number)
    lists = [record["rcpts"] for record in sandbox.messages()]
    assert sorted(sum(lists, [])) == wanted and max(map(len, lists)) <= 3


@pytest.mark.parametrize("text", [
    "554 5.6.0 Corrupt message content", "552 5.3.4 Message size exceeds fixed maximum message "
    "size", "550 5.6.11 Invalid characters"])
def test_a_message_refused_for_good(relay, sandbox, text):
    """It fails, visibly; the next one is not disturbed."""
    sandbox.fault("eod", "reply", text=text)
    one = relay()
    number = print_page(one.port, message("bad"))
    failed = one.wait_event("delivery", msg=number, status="failed")
    assert failed["reply"].startswith(text[:9])
    print_page(one.port, message("good"))
    sandbox.wait(messages=1)
    assert subject_of(sandbox.messages()[0]) == "good"


def test_long_reply_is_kept_and_escaped(relay, sandbox):
    long = "451 4.7.0 [BeginDiagnosticData]" + "0.35250:0A00DE85, " * 300
    sandbox.fault("mail", "reply", text=long)
    sandbox.fault("mail", "reply", text='451 4.7.0 x" msg=fake\x1b[2J\u00e4')
    one = relay()
    number = print_page(one.port, message("long"))
    delivered_once(sandbox, one, number, "long")
    assert "\x1b" not in one.text() and one.events(msg="fake") == []


def test_a_slow_server_does_not_delay_another_account(relay, sandbox):
    """UPS-16."""
    one = relay(start=False)
    one.config["accounts"].append(one.account(
        "fabrikam", client="66666666-7777-8888-9999-aaaaaaaaaaaa", mailbox="scanner@fabrikam.com"))
    one.config.pop("allow")
    one.config["devices"] = [{"name": "a", "address": "127.0.0.1", "account": "scanner"},
                             {"name": "b", "address": "127.0.0.2", "account": "fabrikam"}]
    one.write_config()
    one.start()
    sandbox.fault("eod", "stall", match={"mailbox": "contoso"}, count=0)
    for number in range(6):
        print_page(one.port, message(f"stuck {number}"))
    sandbox.wait(stalled=1)
    for number in range(3):
        print_page(one.port, message(f"free {number}"), source="127.0.0.2")
    sandbox.wait(messages=3, timeout=10)
    assert {subject_of(r)[:4] for r in sandbox.messages()} == {"free"}
    sandbox.clear()
    sandbox.wait(messages=9)
