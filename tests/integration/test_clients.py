# SPDX-License-Identifier: MIT
"""Clients that are not ours, as they come with Debian, in every way they can talk to us."""
import email
import email.policy
import hashlib
import os
import subprocess

import pytest

from . import clients
from .relay import free_port

USER, PASSWORD = "erp", "Pa55-w0rd~of=erp"
TEXT = "Der Bericht f\u00fcr M\u00e4rz:\n.\n..zwei Punkte, 5 \u20ac\n"
RCPTS = ["b@fabrikam.com", "c.d+scans@fabrikam.com", "e@contoso.com"]
# name: (listener, the client's TLS, login)
WAYS = {
    "plain": ("starttls", "none", None),
    "plain-PLAIN": ("starttls", "none", "PLAIN"),
    "plain-LOGIN": ("starttls", "none", "LOGIN"),
    "starttls": ("starttls", "starttls", None),
    "starttls-PLAIN": ("starttls", "starttls", "PLAIN"),
    "starttls-LOGIN": ("starttls", "starttls", "LOGIN"),
    "implicit": ("implicit", "implicit", None),
    "implicit-PLAIN": ("implicit", "implicit", "PLAIN"),
    "implicit-LOGIN": ("implicit", "implicit", "LOGIN"),
    "auto-plain": ("auto", "none", None),
    "auto-starttls-PLAIN": ("auto", "starttls", "PLAIN"),
    "auto-implicit-LOGIN": ("auto", "implicit", "LOGIN"),
}
# What a client cannot do.
CANNOT = {("sendemail", "implicit")}
EVERY = [(client, way) for client in clients.CLIENTS for way in WAYS
         if (client, WAYS[way][1]) not in CANNOT]


def each(pairs):
    return pytest.mark.parametrize("client, way", [pytest.param(*pair, id="-".join(pair))
                                                   for pair in pairs])


@pytest.fixture
def listening(relay, tmp_path):
    """listening(way, config): a relay that listens in this way; a Job for it."""
    def make(way, config=None):
        listener, tls, login = WAYS[way]
        one = relay(start=False)
        one.config["listeners"] = [{"address": f"127.0.0.1:{one.port}", "tls": listener,
                                    "auth": "required" if login else "none"}]
        # A client that says nothing at first is greeted after auto_wait.
        one.config["limits"] = {"auto_wait": "100ms" if tls != "implicit" else "10s"}
        one.config["devices"] = [{"name": "here", "address": "127.0.0.1",
                                  "cleartext_auth": tls == "none"}]
        users = os.path.join(one.state, "users")
        with open(users, "w", encoding="ascii") as file:
            file.write(f"{USER}:{hash_of(PASSWORD)}\n")
        os.chmod(users, 0o600)
        one.secrets.append(PASSWORD)
        one.change(config or {})
        one.start()
        job = clients.Job(tmp_path, one.port, tls, login, user=USER, password=PASSWORD,
                          ca_file=one.sandbox.ca_file, rcpts=RCPTS, text=TEXT)
        return one, write(job)
    return make


def hash_of(password):
    return subprocess.run(["openssl", "passwd", "-6", "-salt", "abcdefgh", password],
                          capture_output=True, text=True, check=True).stdout.strip()


def write(job, size=2000):
    """The attachment, and the whole message for those clients that make none themselves."""
    data = os.urandom(size)
    job.attachment = os.path.join(job.folder, "scan.bin")
    with open(job.attachment, "wb") as file:
        file.write(data)
    whole = email.message.EmailMessage(policy=email.policy.SMTP.clone(cte_type="8bit"))
    whole["From"], whole["To"], whole["Subject"] = job.sender, ", ".join(job.rcpts), job.subject
    whole.set_content(job.text, cte="8bit")
    whole.add_attachment(data, maintype="application", subtype="octet-stream",
                         filename="scan.bin")
    job.file = os.path.join(job.folder, "scan.eml")
    job.unix_file = os.path.join(job.folder, "scan.txt")
    for path, octets in ((job.file, whole.as_bytes()),
                         (job.unix_file, whole.as_bytes().replace(b"\r\n", b"\n"))):
        with open(path, "wb") as file:
            file.write(octets)
    return job


def check_arrived(sandbox, client, job):
    sandbox.wait(messages=1)
    [record] = sandbox.messages()
    assert sorted(record["rcpts"]) == sorted(RCPTS)
    assert record["mail_from"] == "scanner@contoso.com"
    eml = sandbox.eml(record["n"])
    arrived = email.message_from_bytes(eml, policy=email.policy.default)
    assert [a.addr_spec for a in arrived["From"].addresses] == ["scanner@contoso.com"]
    assert arrived["Subject"] == job.subject
    with open(job.attachment, "rb") as file:
        sent = hashlib.sha256(file.read()).digest()
    [attached] = [part for part in arrived.walk() if part.get_filename()]
    assert hashlib.sha256(attached.get_payload(decode=True)).digest() == sent
    # sendemail doubles the dot of a line only where nothing else is on it.
    text_sent = TEXT.replace("\n..", "\n.") if client == "sendemail" else TEXT
    text = next(part for part in arrived.walk() if part.get_content_type() == "text/plain")
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == text_sent.rstrip("\n")
    if client in clients.AS_IT_IS:
        with open(job.file, "rb") as file:
            body = file.read().partition(b"\r\n\r\n")[2]
        assert eml.partition(b"\r\n\r\n")[2].rstrip(b"\r\n") == body.rstrip(b"\r\n")


@each(EVERY)
def test_delivers(listening, sandbox, client, way):
    """8-bit text with dots at the line's start, an attachment, three recipients."""
    _, job = listening(way)
    code, shown = clients.run(client, job)
    assert code == 0, shown
    check_arrived(sandbox, client, job)


@each([(client, way) for client, way in EVERY if way in ("plain", "starttls-PLAIN")])
def test_two_megabytes(listening, sandbox, client, way):
    _, job = listening(way)
    write(job, 2 * 1024 * 1024)
    code, shown = clients.run(client, job)
    assert code == 0, shown
    check_arrived(sandbox, client, job)


# --- what they show to their user when we refuse --------------------------------------------------
# What clients say that keep our words to themselves.
OWN_WORDS = {"mutt": "SASL authentication failed", "sendemail": "Authentication to 127.0.0.1",
             "phpmailer": "Could not authenticate"}


def by_client(way):
    return each([(client, way) for client in clients.CLIENTS])


@by_client("plain")
def test_shows_who_is_not_allowed(listening, sandbox, client, way):
    _, job = listening(way, {"allow": ["192.0.2.0/24"], "devices": None})
    code, shown = clients.run(client, job)
    assert code != 0 and "127.0.0.1 is not allowed here" in shown, shown
    assert sandbox.messages() == []


@by_client("plain")
def test_shows_a_sender_refused(listening, sandbox, client, way):
    _, job = listening(way, {"devices": [{"name": "xerox-3f", "address": "127.0.0.1",
                                          "senders": ["contoso.com"]}]})
    code, shown = clients.run(client, job)
    assert code != 0 and "xerox-3f may not send as scan@printer.local" in shown, shown
    assert sandbox.messages() == []


@by_client("starttls-PLAIN")
def test_shows_a_wrong_password(listening, sandbox, client, way):
    _, job = listening(way)
    job.password = "another"
    code, shown = clients.run(client, job)
    assert code != 0 and OWN_WORDS.get(client, "wrong user name or password") in shown, shown
    assert sandbox.messages() == []
