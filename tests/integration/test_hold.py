# SPDX-License-Identifier: MIT
"""hold_above: what a device sends above its rate is taken, kept, and sent when it is released."""
import json
import os
import random
import socket
import threading

from .dialogue import Dialogue, by_subject, message, print_page, subject_of

ERP = "127.0.0.2"
OTHER = "127.0.0.3"


def devices(rate="5/h"):
    return {"devices": [{"name": "erp", "address": ERP, "hold_above": rate},
                        {"name": "other", "address": OTHER, "hold_above": "1000/h"}]}


def burst(one, count, source=ERP, start=0):
    """Sends so many messages in one session; each is answered 250. {subject: id}"""
    ids = {}
    with Dialogue(one.port, source=source) as talk:
        talk.hello()
        for number in range(start, start + count):
            subject = f"{source}-{number}"
            talk.envelope()
            reply = talk.data(message(subject))
            assert reply.startswith("250 "), reply
            ids[subject] = reply.split()[-1]
    return ids


def released(one, *arguments):
    result = one.cli("device", "release", *arguments)
    assert result.returncode == 0, result
    return result.stdout


def held_ids(one):
    """Ids of the messages that are held because of the rate, as `queue list` tells them."""
    page = json.loads(one.cli("queue", "list", "--limit", "200", "--json").stdout)
    return {m["id"] for m in page["messages"]
            if any(r["state"] == "held" and "device release" in (r["reply"] or "")
                   for r in m["recipients"])}


def held_now(one):
    status = json.loads(one.cli("status", "--json").stdout)
    return sum(device["messages"] for device in status["held_devices"])


def post_release(one, name):
    """As the command does it, but without the time that ending a program takes."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(one.socket_path)
        control.sendall(f"POST /v1/devices/{name}/release HTTP/1.0\r\n\r\n".encode())
        answer = control.makefile("rb").read()
    return json.loads(answer.partition(b"\r\n\r\n")[2])["released"]


def test_above_the_rate_is_held_and_others_flow(relay, sandbox):
    one = relay(devices())
    ids = burst(one, 12)
    others = burst(one, 8, source=OTHER)
    sandbox.wait(messages=5 + 8)
    warning = one.wait_event("device-held", device="erp")
    assert warning.level == "warning" and warning["rate"] == "5/h"
    assert warning["remedy"] == "oauthrelay device release erp"
    one.wait_event("held", count=7, device="erp")
    held = held_ids(one)
    assert held == {ids[f"{ERP}-{n}"] for n in range(5, 12)}
    assert set(by_subject(sandbox.messages())) == \
        set(others) | {f"{ERP}-{n}" for n in range(5)}
    assert len(one.events("device-held")) == 1          # not for every message

    # It is said wherever somebody looks.
    some = sorted(held)[0]
    for command in (("queue", "list"), ("queue", "show", some)):
        assert "held: erp is above 5/h; oauthrelay device release erp" in one.cli(*command).stdout
    status = one.cli("status").stdout
    assert "Device erp is above 5/h: 7 messages are held." in status
    assert "oauthrelay device release erp" in status and "may or may not" not in status

    assert released(one, "erp") == "7 messages of erp are released\n"
    done = one.wait_event("device-released", device="erp")
    assert (done["released"], done["held"]) == ("7", "0")
    who = one.wait_event("admin", did="POST /v1/devices/erp/release")
    assert (who["uid"], who["status"]) == (str(os.getuid()), "200")
    sandbox.wait(messages=20)
    one.wait_drained()
    assert all(len(copies) == 1 for copies in by_subject(sandbox.messages()).values())
    assert released(one, "erp") == "nothing of erp is held\n"


def test_the_count_begins_anew_at_a_release(relay, sandbox):
    one = relay(devices("3/h"))
    burst(one, 4)
    assert released(one, "erp") == "1 message of erp is released\n"
    sandbox.wait(messages=4)
    burst(one, 5, start=4)
    sandbox.wait(messages=7)
    one.wait_event("device-held", count=2)              # a new one: told again
    assert released(one, "erp") == "2 messages of erp are released\n"
    sandbox.wait(messages=9)


def test_held_mail_survives_restarts(relay, sandbox):
    one = relay(devices("2/h"))
    ids = burst(one, 6)
    sandbox.wait(messages=2)
    for kill in (False, True):
        one.restart(kill=kill)
        one.wait_event("recovered", messages="4")
        warning = one.wait_event("device-held", device="erp")
        assert warning["held"] == "4"
        assert held_ids(one) == {ids[f"{ERP}-{n}"] for n in range(2, 6)}
    one.change(lambda config: config["devices"].pop(0))     # even where the device is no more
    one.reload()
    assert "held: erp is above its rate" in one.cli("queue", "list").stdout
    assert released(one, "erp") == "4 messages of erp are released\n"
    sandbox.wait(messages=6)
    one.wait_drained()
    assert sorted(subject_of(r) for r in sandbox.messages()) == sorted(ids)


def test_a_reload_keeps_the_count(relay, sandbox):
    one = relay(devices("3/h"))
    burst(one, 3)
    one.change({"log": {"level": "info"}})
    one.reload()
    burst(one, 1, start=3)
    one.wait_event("device-held", device="erp")
    sandbox.wait(messages=3)
    assert len(held_ids(one)) == 1


def test_what_is_refused_does_not_count(relay, sandbox):
    one = relay(devices("2/h"))
    with Dialogue(one.port, source=ERP) as talk:
        talk.hello()
        for _ in range(4):
            talk.envelope()
            assert talk.data(b"Subject: x\r\n\r\n\0\r\n").startswith("554")
        talk.envelope()
        talk.expect(354, "DATA")            # and gone, inside the message
    burst(one, 2)
    sandbox.wait(messages=2)
    assert held_ids(one) == set()


def test_unknown_devices_are_named(relay):
    one = relay(devices())
    wrong = one.cli("device", "release", "epr")
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert "there is no device epr; did you mean erp?" in wrong.stderr
    assert one.cli("device", "release", "../x").returncode == 2
    assert one.cli("device", "release").returncode == 2
    answer = json.loads(released(one, "other", "--json"))
    assert answer == {"device": "other", "released": 0}


def test_released_mail_has_its_turn_behind_others(relay, sandbox):
    sandbox.off()
    one = relay(devices("1/h"), start=False)
    one.config["accounts"][0]["limits"]["connections"] = 1
    one.write_config()
    one.start()
    late = burst(one, 5)
    others = burst(one, 3, source=OTHER)
    one.wait_event("account-waiting")
    assert released(one, "erp") == "4 messages of erp are released\n"
    one.wait_event("device-released")
    sandbox.on()
    sandbox.wait(messages=8)
    order = [subject_of(record) for record in sandbox.messages()]
    assert order[0] == f"{ERP}-0" and order[1:4] == list(others)
    assert set(order[4:]) == set(late) - {f"{ERP}-0"}


def test_kill_9_during_a_release(relay, sandbox):
    """Nothing is lost, nothing is freed that was not asked for, and nothing arrives twice save
    what was in flight at a kill."""
    one = relay(devices("1/h"), start=False)
    one.config["accounts"][0]["limits"]["connections"] = 2
    one.write_config()
    one.start()
    seed = int(os.environ.get("OAUTHRELAY_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    print("seed", seed)
    moment, rounds, count = random.Random(seed), [], 400
    ids = burst(one, count)
    sandbox.wait(messages=1)
    while (left := post_release(one, "erp")) != 0:
        # Killed somewhere among the records: the answer comes before the first of them.
        threading.Event().wait(moment.random() * 0.05)
        one.restart(kill=True)
        still = int(one.wait_event("recovered")["messages"])
        rounds.append((left, held_now(one)))
        assert rounds[-1][1] <= min(left, still) and len(rounds) < 60
    sandbox.wait(messages=count)
    one.wait_drained()
    arrived = by_subject(sandbox.messages())
    assert set(arrived) == set(ids)
    twice = sum(len(copies) - 1 for copies in arrived.values())
    print(f"held before and after each kill: {rounds}; {twice} twice")
    # Two connections, at most two transactions in flight on each.
    assert twice <= len(rounds) * 4
    assert one.events("spool-corrupt") == []


def test_many_are_released_while_mail_flows(relay, sandbox):
    """The loop goes on: others are served, and each held message is sent once."""
    one = relay(devices("1/h"))
    ids = burst(one, 600)
    assert released(one, "erp") == "599 messages of erp are released\n"
    print_page(one.port, message("between"), source=OTHER)
    one.wait_event("device-released", timeout=60)
    sandbox.wait(messages=601, timeout=120)
    one.wait_drained(60)
    arrived = by_subject(sandbox.messages())
    assert set(arrived) == set(ids) | {"between"}
    assert all(len(copies) == 1 for copies in arrived.values())
