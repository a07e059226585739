# SPDX-License-Identifier: MIT
"""`oauthrelay explain`, and the remedy of each error class in the log of a running relay."""
import json
import re
import subprocess

import pytest

from .dialogue import message, print_page

TENANT = "contoso.onmicrosoft.com"


@pytest.fixture
def one(relay):
    return relay(start=False)


def explain(one, *words):
    return one.cli("explain", *words)


def told(one, *words):
    result = one.cli("explain", "--json", *words)
    return result.returncode, json.loads(result.stdout)


# --- the command ------------------------------------------------------------------------------
def test_code_as_people_type_it(one, sandbox):
    texts = {explain(one, *words).stdout for words in (
        ["AADSTS7000222"], ["7000222"], ["aadsts7000222"],
        ["AADSTS7000222: The provided client secret keys for app 'x' are expired."],
        "token-failed account=x code=AADSTS7000222 error=y retry_in=300".split())}
    assert len(texts) == 1
    text = " ".join(texts.pop().split())
    for part in ("has ended", sandbox.client_id, "Certificates & secrets > New client secret",
                 "oauthrelay account secret scanner",
                 "https://login.microsoftonline.com/error?code=7000222"):
        assert part in text, text


@pytest.mark.parametrize("words, code, known, part", [
    (["invalid_client"], "invalid_client", "configuration", "oauthrelay account secret scanner"),
    (["http-429"], "http-429", "transient", None),
    (["535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
      "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information. [X]"], "535 5.7.139",
     "hold", "Set-CASMailbox scanner@contoso.com"),
    (["5.7.60"], "5.7.60", "sender", "Add-RecipientPermission"),
    (["535", "5.7.3", "Authentication", "unsuccessful"], "535 5.7.3", "refresh",
     "Connect-ExchangeOnline -Organization contoso.onmicrosoft.com"),
    (["AADSTS50076"], "AADSTS50076", "sign-in", "`oauthrelay login scanner`"),
])
def test_kinds_of_codes(one, words, code, known, part):
    status, answer = told(one, *words)
    assert status == 0 and answer["known"] and answer["code"] == code
    assert answer["class"] == known and answer["account"] == "scanner"
    assert answer["who"] or known == "transient"
    assert part is None or part in answer["remedy"], answer


def test_unknown(one):
    result = explain(one, "AADSTS7000223")
    assert result.returncode == 1
    assert "did you mean AADSTS7000222?" in result.stderr
    assert "https://login.microsoftonline.com/error?code=7000223" in result.stdout
    result = explain(one, "the printer is on fire")
    assert result.returncode == 1 and result.stdout == "" and "no code" in result.stderr
    status, answer = told(one, "invalid_clinet")
    assert status == 1 and not answer["known"] and answer["guess"] == "invalid_client"


def test_whose_names(one):
    """The only account's, the named one's, or words in their place."""
    one.config["accounts"].append(one.account("second", mailbox="second@contoso.com"))
    one.write_config()
    text = explain(one, "AADSTS50034").stdout
    assert "<your tenant id>" in text and "scanner, second" in text
    text = explain(one, "--account", "second", "AADSTS50034").stdout
    assert "second@contoso.com" in text and "<" not in text
    result = explain(one, "--account", "third", "AADSTS50034")
    assert result.returncode == 1 and '"third"' in result.stderr


def test_without_any_configuration(one):
    result = subprocess.run([one.program, "explain", "AADSTS90002"], capture_output=True, text=True,
                            timeout=30, env={"OAUTHRELAY_CONFIG": "/nonexistent"}, check=False)
    assert result.returncode == 0 and "<your tenant id>" in result.stdout, result


def test_text_at_stdin(one):
    result = subprocess.run([one.program, "-c", one.path, "explain"], capture_output=True, text=True,
                            timeout=30, check=False,
                            input="... error=\"AADSTS65001: The user or administrator\" ...\n")
    assert result.returncode == 0 and "SMTP.SendAsApp" in result.stdout, result


def test_contacts_nothing(one, sandbox):
    for words in (["AADSTS7000222"], ["invalid_client"], ["535 5.7.3"]):
        explain(one, *words)
    assert sandbox.events() == []


# --- every class, as a running relay tells it ---------------------------------------------------
# What of the account's own must be in the remedy; all the rest of 4.12 is in the unit tests.
NAMES = {
    7000215: ["client", "account"], 7000222: ["client", "account"], 70002: ["client", "account"],
    700016: ["client", "tenant"], 700011: ["client", "tenant"], 7000112: ["client", "tenant"],
    90002: ["tenant"], 900023: ["tenant"], 900439: ["tenant", "client"], 700027: ["client", "tenant"],
    700024: ["account"], 70021: ["client"], 700025: ["client"], 7000218: ["client", "account"],
    70011: ["account"], 1002012: ["account"], 500011: ["tenant"], 65001: ["client", "tenant"],
    650056: ["client", "tenant"], 50194: ["account"], 50011: ["client"], 50105: ["mailbox", "client"],
    50034: ["tenant", "mailbox"], 50126: ["mailbox", "account"], 50053: ["mailbox"],
    50055: ["mailbox", "account"], 50057: ["mailbox"], 50076: ["mailbox", "account"],
    530003: ["client"], 53003: ["client"], 530035: ["tenant", "account"],
    530036: ["mailbox", "account"], 50173: ["mailbox", "account"], 70000: ["mailbox", "account"],
    700082: ["mailbox", "account"], 700084: ["client", "account"], 70043: ["mailbox", "account"],
    54005: ["account"], 500021: ["tenant"],
}


def test_every_remedy_names_the_account_s_own(relay, sandbox):
    """One relay, one code after the other; the remedy is what `explain` says, too."""
    own = {"client": sandbox.client_id, "tenant": TENANT, "mailbox": "scanner@contoso.com",
           "account": "scanner"}
    one = relay(start=False)
    for code, names in NAMES.items():
        # The account is held meanwhile: it asks for nothing between the two.
        sandbox.clear()
        sandbox.fault("token", "aadsts", code=code, count=0)
        if one.process is None:
            one.start()
            print_page(one.port, message("waits"))
        else:
            one.reload()
        failed = one.wait_event("token-failed", code=f"AADSTS{code}")
        assert failed["class"] in ("configuration", "sign-in") and failed.level == "error"
        for name in names:
            assert own[name] in failed["remedy"], (code, name, failed["remedy"])
        assert not re.search(r"[{}]", failed["remedy"]), failed["remedy"]
        assert told(one, str(code))[1]["remedy"] == failed["remedy"]
    assert one.events("delivery", status="failed") == []
    sandbox.clear()
    one.reload()
    sandbox.wait(messages=1)


@pytest.mark.parametrize("code", [90033, 50196, 70012])
def test_what_passes_needs_nobody(relay, sandbox, code):
    sandbox.fault("token", "aadsts", code=code, count=1)
    one = relay()
    print_page(one.port, message("after all"))
    failed = one.wait_event("token-failed", code=f"AADSTS{code}")
    assert failed["class"] == "transient" and failed["remedy"] == "" and failed.level == "warning"
    assert int(failed["retry_in"]) >= (300 if code == 50196 else 1)
    if code != 50196:
        sandbox.wait(messages=1)


def test_a_number_that_nobody_knows(relay, sandbox):
    """`error` decides what happens, and Microsoft's page tells what it is."""
    body = {"error": "invalid_grant", "error_codes": [123456],
            "error_description": "AADSTS123456: Something new."}
    sandbox.fault("token", "http", status=400, body=body, count=0)
    one = relay()
    print_page(one.port, message("waits"))
    failed = one.wait_event("token-failed", code="AADSTS123456")
    assert failed["class"] == "sign-in"
    assert "https://login.microsoftonline.com/error?code=123456" in failed["remedy"]
