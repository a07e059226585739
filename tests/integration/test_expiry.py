# SPDX-License-Identifier: MIT
"""What ends is foreseen: log, status and metrics, for secrets, certificates and sign-ins."""
import datetime
import glob
import hashlib
import time

import pytest

from sandbox.signer import Certificate

from . import sealed
from .dialogue import message, print_page
from .test_metrics import samples

DAY = 24 * 3600


def day(days):
    """`expires` so many days from now."""
    return (datetime.datetime.now(datetime.timezone.utc)
            + datetime.timedelta(days=days)).strftime("%Y-%m-%d")


def with_secret(one, **more):
    """The account's secret as one of `credentials`."""
    account = one.config["accounts"][0]
    account["credentials"] = [{"secret": account.pop("client_secret"), **more}]
    one.write_config()
    return one


def with_certificate(one, sandbox, days):
    made = Certificate(days=(-1, days))
    sandbox.register(made.pem)
    certificate, key = made.write(one.dir)
    one.secrets.append(made.key_pem)
    one.config["accounts"][0].pop("client_secret")
    one.config["accounts"][0]["credentials"] = [{"certificate": certificate, "key": "file:" + key}]
    one.write_config()
    return one


def ends_in(credential):
    """Days from today to the last one on which it is good, as with a calendar (UTC)."""
    end = datetime.datetime.fromisoformat(credential["ends"].replace("Z", "+00:00"))
    last = (end - datetime.timedelta(milliseconds=1)).date()
    return max(1, (last - datetime.datetime.now(datetime.timezone.utc).date()).days)


def credential_of(one):
    return one.status()["accounts"][0]["credentials"][0]


@pytest.mark.parametrize("days, level", [(25, "warning"), (12, "warning"), (6, "warning"),
                                         (2, "error"), (-1, "error")])
def test_secret_with_a_date(relay, days, level):
    """One line in the log, the first thing in status, a number in the metrics."""
    one = with_secret(relay(start=False), expires=day(days)).start()
    told = one.wait_event("credential-expiring", account="scanner")
    credential = credential_of(one)
    assert told.level == level and int(told["days"]) == credential["ends_in_days"]
    assert told["days"] == str(ends_in(credential)) or days < 0
    assert told["ends"] == credential["ends"] and told["assumed"] == "no"
    assert "oauthrelay account secret scanner" in told["remedy"] == credential["remedy"]
    text = one.cli("status").stdout
    assert text.startswith("! Account scanner: "), text
    assert ("ended on" if days < 0 else "ends on") in text and told["remedy"][:60] in text
    (_, labels, value), = samples(one, "oauthrelay_credential_expiry_timestamp_seconds")
    assert labels["account"] == "scanner" and labels["kind"] == "secret"
    assert abs(value - datetime.datetime.fromisoformat(
        credential["ends"].replace("Z", "+00:00")).timestamp()) < 1
    assert len(one.events("credential-expiring")) == 1


def test_far_from_its_end(relay, sandbox):
    one = with_secret(relay(start=False), expires=day(40)).start()
    print_page(one.port)
    sandbox.wait(messages=1)
    assert one.events("credential-expiring") == []
    assert credential_of(one)["ends_in_days"] >= 40 and "All is well" in one.cli("status").stdout


def test_once_each_and_again_after_a_restart(relay):
    one = with_secret(relay(start=False), expires=day(12)).start()
    one.wait_event("credential-expiring")
    one.reload()
    one.cli("status")
    assert len(one.events("credential-expiring")) == 1
    one.restart()
    one.wait_event("credential-expiring")
    # Another date is news.
    one.config["accounts"][0]["credentials"][0]["expires"] = day(5)
    one.write_config()
    one.reload()
    assert one.wait_event("credential-expiring", count=2).level == "warning"


def test_certificate(relay, sandbox):
    one = with_certificate(relay(start=False), sandbox, 10).start()
    told = one.wait_event("credential-expiring", account="scanner")
    assert told["days"] == "10" and told.level == "warning"
    assert "oauthrelay account certificate scanner" in told["remedy"]
    assert "Upload certificate" in told["remedy"] and sandbox.client_id in told["remedy"]
    assert "(in 10 days)" in one.cli("status").stdout
    (_, labels, value), = samples(one, "oauthrelay_credential_expiry_timestamp_seconds")
    assert labels["kind"] == "certificate" and 9 * DAY < value - time.time() <= 10 * DAY
    print_page(one.port)
    sandbox.wait(messages=1)


def test_secret_without_a_date_by_its_age(relay, sandbox):
    """Since the day it was first seen, which outlives the process."""
    one = relay(start=False)
    first = int((time.time() - 170 * DAY) * 1000)
    digest = hashlib.sha256(sandbox.secret.encode()).hexdigest()
    sealed.write(one, {"version": 1, "seen": [{"digest": digest, "first": first}]})
    one.start()
    told = one.wait_event("credential-expiring")
    assert told["days"] == "10" and told["assumed"] == "yes" and "expires" in told["remedy"]
    assert "about " in one.cli("status").stdout
    one.stop()
    assert sealed.read(one)["seen"] == [{"digest": digest, "first": first}]


def test_first_seen_is_remembered(relay, sandbox):
    one = relay()
    before = time.time() * 1000
    print_page(one.port)
    sandbox.wait(messages=1)
    one.stop()
    (seen,) = sealed.read(one)["seen"]
    assert seen["digest"] == hashlib.sha256(sandbox.secret.encode()).hexdigest()
    assert abs(seen["first"] - before) < 60 * 1000
    one.start()
    credential = credential_of(one)
    assert credential["ends_assumed"] and credential["ends_in_days"] in (179, 180)
    assert one.events("credential-expiring") == []


def test_sign_in_that_cannot_be_renewed(relay, sandbox):
    """Ninety days after its last use it is over, and nobody has to be surprised."""
    one = relay(start=False)
    one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
    sealed.sign_in(one)
    record = sealed.read(one)
    record["refresh_used"] = int((time.time() - 85 * DAY) * 1000)
    sealed.write(one, record)
    sandbox.fault("token", "http", status=503, count=0)
    one.start()
    told = one.wait_event("sign-in-expiring", account="scanner")
    assert told["days"] == "5" and "oauthrelay login scanner" in told["remedy"]
    text = one.cli("status").stdout
    assert "Account scanner: the sign-in ends on" in text and "signed in since" in text
    (_, _, value), = samples(one, "oauthrelay_sign_in_expiry_timestamp_seconds")
    assert 4 * DAY < value - time.time() <= 5 * DAY
    # It comes through again: nothing ends any more.
    sandbox.clear()
    one.reload()
    print_page(one.port, message("after all"))
    sandbox.wait(messages=1)
    assert "sign-in ends" not in one.cli("status").stdout


def test_nobody_has_signed_in(relay):
    one = relay(start=False)
    one.change(lambda config: config.update(accounts=[sealed.delegated(one)]))
    one.start()
    assert "oauthrelay login scanner" in one.cli("status").stdout
    assert not one.status()["accounts"][0]["sign_in"]["signed_in"]


def test_refused_credential_is_told(relay, sandbox):
    """Mail flows by the second one, and status says which serves and what to do."""
    one = relay(start=False)
    account = one.config["accounts"][0]
    wrong = one.secret_file("wrong.secret", "This-Is-Not-The-Secret-" + "x" * 10)
    account["credentials"] = [{"secret": "file:" + wrong}, {"secret": account.pop("client_secret")}]
    one.write_config()
    one.start()
    print_page(one.port)
    sandbox.wait(messages=1)
    refused = one.wait_event("credential-refused", account="scanner", code="AADSTS7000215")
    assert refused.level == "warning" and sandbox.client_id in refused["remedy"]
    status = one.status()["accounts"][0]
    assert [c["refused"] for c in status["credentials"]] == [True, False]
    assert status["credentials"][1]["serving"] and status["serving"]
    text = one.cli("status").stdout
    assert "was refused when it was tried last" in text and "token by: " in text
    assert {labels["credential"]: value for _, labels, value in
            samples(one, "oauthrelay_credential_refused")} == \
        {c["label"]: float(c["refused"]) for c in status["credentials"]}


def test_clock_before_2026_says_nothing(sandbox, make_relay, release):
    """A box that has just booted in 1970 neither warns nor forgets to."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library:
        pytest.skip("faketime is not installed")
    one = make_relay(sandbox, program=release, start=False,
                     env={"LD_PRELOAD": library[0], "FAKETIME": "@1970-01-02 00:00:00"})
    with_secret(one, expires=day(5))
    one.start()
    print_page(one.port)
    one.wait_event("token-failed")          # whose certificate is not valid yet
    assert one.events("credential-expiring") == []
    assert credential_of(one)["ends_in_days"] is None
    assert " ends on" not in one.cli("status").stdout


def test_skewed_clock_is_told(relay, sandbox):
    sandbox.set(clock_skew=3600)
    one = relay()
    print_page(one.port)
    told = one.wait_event("clock-skewed", account="scanner")
    assert int(told["skew_s"]) < -3000
    assert "clock is" in one.cli("status").stdout and "behind" in one.cli("status").stdout
    (_, _, value), = samples(one, "oauthrelay_clock_skew_seconds")
    assert value < -3000
