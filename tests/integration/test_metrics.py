# SPDX-License-Identifier: MIT
"""GET /metrics: Prometheus' text format 0.0.4, read strictly, and what the numbers say."""
import re
import shutil
import subprocess

from .canary import ask
from .dialogue import message, print_page

NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
LABEL = re.compile(rf'({NAME})="((?:[^"\\\n]|\\["\\n])*)"')
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL.pattern},?)*)\}})? (\S+)")
UNITS = ("_seconds", "_bytes", "_total", "_messages", "_recipients", "_connections", "_sessions",
         "_transactions", "_state", "_info", "_serving", "_refused")


def parse(text):
    """[(name, labels, value)]; asserts what the format asks for."""
    assert text.endswith("\n")
    found, seen, kinds, name = [], set(), {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in kinds and len(line.split(" ", 3)[3]) > 5
        elif line.startswith("# TYPE "):
            _, _, typed, kind = line.split(" ")
            assert typed == name and kind in ("counter", "gauge")
            assert (kind == "counter") == name.endswith("_total")
            kinds[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == name and name in kinds, f"{line} is not below its TYPE"
            labels = dict(pair[:2] for pair in LABEL.findall(match[2] or ""))
            key = (name, tuple(sorted(labels.items())))
            assert key not in seen, f"{key} twice"
            seen.add(key)
            found.append((name, labels, float(match[5])))
    for each in kinds:
        assert each.startswith("oauthrelay_") and each.endswith(UNITS), each
    return found


def page(one):
    return ask(one.socket_path, "/metrics").decode()


def samples(one, name):
    """Those of one name."""
    return [sample for sample in parse(page(one)) if sample[0] == name]


def value(one, name, **labels):
    (_, _, number), = [sample for sample in samples(one, "oauthrelay_" + name)
                       if labels.items() <= sample[1].items()]
    return number


def test_what_happens_is_counted(relay, sandbox):
    one = relay()
    assert value(one, "token_state", account="scanner", state="empty") == 1
    assert value(one, "token_fetches_total") == 0 and value(one, "queue_messages") == 0
    number = print_page(one.port, message("one"))
    one.wait_event("removed", msg=number)
    assert value(one, "token_fetches_total", account="scanner") == 1
    assert value(one, "token_state", state="valid") == 1
    assert 3000 < value(one, "token_good_for_seconds") < 3600
    assert value(one, "delivered_recipients_total") == 1
    assert value(one, "intake_messages_total") == 1
    assert value(one, "intake_connections_total") == 1
    assert value(one, "account_state", state="open") == 1
    assert value(one, "clock_skew_seconds") == 0
    status = one.status()
    assert abs(value(one, "token_good_for_seconds")
               - status["accounts"][0]["token"]["good_for_s"]) < 5


def test_failures_by_class(relay, sandbox):
    sandbox.fault("token", "aadsts", code=7000215, count=0)
    one = relay()
    print_page(one.port)
    one.wait_event("account-held")
    assert value(one, "token_failures_total", **{"class": "configuration"}) == 1
    assert value(one, "token_failures_total", **{"class": "transient"}) == 0
    assert value(one, "account_state", state="held") == 1
    assert value(one, "token_state", state="held") == 1
    assert value(one, "queue_messages") == value(one, "account_waiting_messages") == 1


def test_promtool_likes_it(relay, sandbox):
    one = relay()
    print_page(one.port)
    sandbox.wait(messages=1)
    text = page(one)
    assert len(parse(text)) > 40
    if shutil.which("promtool"):        # the parser above is the judge where it is not
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                 capture_output=True, timeout=30, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
