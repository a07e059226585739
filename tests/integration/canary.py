# SPDX-License-Identifier: MIT
"""The canary (ENV-06): no secret of a test may be seen in anything that the relay shows or keeps.

After every integration test each secret that the test used (relay.secrets) or that the sandbox
issued or received (GET /secrets: passwords, client secrets, tokens, codes, assertions, keys) or the
relay itself made or keeps sealed (the sealing key, added secrets, keys of certificates) is looked for, as it is, in base64 at any alignment, percent-encoded, escaped and in hex, in:
the log, what the commands printed, the control socket's answers (status, queue, devices with their
transcripts, accounts, metrics), `config show`, the process's command line and environment, and the
files of state and spool (messages: the envelope, not the content).
"""
import base64
import http.client
import json
import os
import re
import socket
import subprocess
import urllib.parse

from sandbox.client import SandboxError

from . import sealed

SHORTEST = 8            # a shorter word would be found by chance
PIECE = 32              # of a long secret: a line cut short must not hide it
RUN = re.compile(rb"[A-Za-z0-9+/=_%~.\\-]{8,}")
PAGES = ("/v1/status", "/v1/queue?limit=50", "/v1/devices?limit=50", "/v1/accounts", "/v1/metrics",
         "/metrics")
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{17,}")       # base64 of {" and what follows
MESSAGE = re.compile(r"[0-9a-f]{32}\.msg$")
KEY = re.compile("[A-Za-z0-9+/]{43}=")
RECORD = re.compile(rb"^OAR1 .*", re.M)
ENVELOPE = 64 * 1024    # of a message's file, at each end
FILE = 1024 * 1024


def pieces(secret):
    """Of a long one three parts, none of them the head that all tokens have."""
    if len(secret) <= 3 * PIECE or len(set(secret)) < 10:
        return [secret]
    middle = len(secret) // 2
    return [secret[40:40 + PIECE], secret[middle:middle + PIECE], secret[-PIECE:]]


def key_lines(pem):
    """Of a key in PEM each line, since line ends stand between them; and all as one."""
    lines = [line for line in pem.split(b"\n") if line and b"-----" not in line]
    return [b"".join(lines), *lines[1:-1]]


def forms(raw):
    """Every way in which these bytes might be written."""
    yield raw
    text = raw.decode("utf-8", "backslashreplace")
    for quote in (urllib.parse.quote, urllib.parse.quote_plus):
        yield quote(raw, safe="").encode()
        yield re.sub("%..", lambda match: match[0].lower(), quote(raw, safe="")).encode()
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    yield escaped.encode()
    yield escaped.replace("/", "\\/").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # What stands before and behind changes the first and the last digits.
            inner = encode(b"\0" * shift + raw).rstrip(b"=")[4 if shift else 0:]
            yield inner[:-1]


def begins_json(token):
    """A token's header is printable; a password's hash that begins by chance like one is not."""
    return all(0x20 <= byte < 0x7f for byte in base64.urlsafe_b64decode(token[:20]))


class Needles:
    """What is looked for: {bytes: what it is}."""

    def __init__(self):
        self._in_runs, self._anywhere = {}, {}
        self.known = set()

    def add(self, kind, secret):
        if not secret or len(secret) < SHORTEST or secret in self.known:
            return
        self.known.add(secret)
        name = f"{kind} {secret[:3]}..."
        raw = secret.encode("utf-8", "surrogateescape")
        for part in key_lines(raw) if "PRIVATE KEY" in secret else [raw]:
            for piece in pieces(part):
                for needle in forms(piece):
                    if len(needle) >= SHORTEST:
                        where = self._in_runs if RUN.fullmatch(needle) else self._anywhere
                        where[needle] = name

    def find(self, where, data):
        """Says which are in `data`; never the secret itself."""
        found = {name for needle, name in self._anywhere.items() if needle in data}
        runs = b"\n".join(set(RUN.findall(data)))
        found |= {name for needle, name in self._in_runs.items() if needle in runs}
        if any(begins_json(match) for match in TOKEN.findall(runs)):
            found.add("a token of some kind")
        if b"dXNlcj1" in runs:
            found.add("an XOAUTH2 string")
        if b"PRIVATE KEY-----" in data and not where.startswith("state/"):
            found.add("a private key")      # the state has the listener's own
        return [f"{where} shows {name}" for name in sorted(found)]


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(5)
        self.sock.connect(self._path)


def ask(path, page):
    """What the control socket answers; nothing when nobody does."""
    connection = Unix(path)
    try:
        connection.request("GET", page)
        return connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return b""
    finally:
        connection.close()


def _behind(page, answer):
    """The pages that a list leads to: messages that wait, transcripts that were kept."""
    if not page.startswith(("/v1/queue", "/v1/devices")) or not answer.startswith(b"{"):
        return []
    found = json.loads(answer)
    return [f"/v1/queue/{message['id']}" for message in found.get("messages", [])[:10]] + [
        f"/v1/devices/{urllib.parse.quote(device['address'], safe='')}/transcript"
        for device in found.get("devices", []) if device.get("transcripts")]


def process(pid):
    """{"cmdline": bytes, "environ": bytes} of a process that lives."""
    seen = {}
    for name in ("cmdline", "environ"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                seen[name] = file.read()
        except OSError:
            pass
    return seen


def _ends(path):
    """The records of a message, which stand before and behind it; any other file's beginning."""
    with open(path, "rb") as file:
        if not MESSAGE.search(path):
            return file.read(FILE)
        head = file.read(ENVELOPE)
        file.seek(max(0, os.fstat(file.fileno()).st_size - ENVELOPE))
        tail = file.read()
    return b"\n".join(RECORD.findall(head + tail))


def memory(pid):
    """What a process can write to, as far as it is in memory; one piece for each mapping."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in maps:
            place, rights = line.split(" ")[:2]
            if not rights.startswith("rw"):
                continue
            first, last = (int(number, 16) for number in place.split("-"))
            file.seek(first)
            try:
                yield file.read(last - first)
            except OSError:
                pass                # [vvar] and the like


class Canary:
    """Of one relay. look_at_process() before it ends, look_around() while it answers, verdict()."""

    def __init__(self, relay):
        self._relay = relay
        self._seen = []             # (where, bytes), of what is gone afterwards
        self._shown = None          # `config show` while it runs
        self._issued = {}

    def heard(self, where, data):
        """Anything more that must be clean: a test may add what it has seen."""
        self._seen.append((where, data.encode() if isinstance(data, str) else data))

    def forget(self, where):
        """For tests of the canary itself."""
        self._seen = [one for one in self._seen if one[0] != where]

    def look_at_process(self, pid):
        for name, data in process(pid).items():
            if name == "environ":   # what the test itself put there is not the relay's doing
                for value in self._relay.given_environment.values():
                    data = data.replace(value.encode(), b"")
            self.heard(f"/proc/PID/{name}", data)

    def look_around(self):
        """While the relay lives; `config show` goes on beside what follows."""
        for page in PAGES:
            answer = ask(self._relay.socket_path, page)
            self.heard("GET " + page, answer)
            for more in _behind(page, answer):
                self.heard("GET " + more, ask(self._relay.socket_path, more))

    def show_configuration(self, environment):
        self._shown = subprocess.Popen(
            [self._relay.program, "-c", self._relay.path, "config", "show"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environment)

    def issued(self):
        """What the sandbox knows; to be asked before it forgets."""
        if self._relay.sandbox is not None:
            try:
                for kind, values in self._relay.sandbox.secrets().items():
                    self._issued.setdefault(kind, set()).update(values)
            except (OSError, SandboxError):
                pass                # a test has ended its sandbox
        return self._issued

    def verdict(self):
        """What was found, in words. After the end of the relay."""
        if self._shown is not None:
            self.heard("config show", self._shown.communicate(timeout=30)[0])
            self._shown = None
        needles = Needles()
        for secret in self._relay.secrets:
            needles.add("secret", secret)
        for kind, values in self.issued().items():
            for value in values:
                needles.add(kind, value)
        files = dict(self._files())
        for kind, value in self._kept(files):
            needles.add(kind, value)
        found = []
        for where, data in [*self._seen, *files.items()]:
            if where != "state/seal.key":
                found += needles.find(where, data)
        return sorted(set(found))

    def _kept(self, files):
        """(kind, secret) of all that the relay has made itself, or keeps behind its seal."""
        texts = files.get("state/seal.key", b"").decode("utf-8", "replace").split()
        keys = []
        for text in [*texts, *self._relay.secrets]:
            if KEY.fullmatch(text.strip()):
                keys.append(base64.b64decode(text))
        for text in texts:
            yield "seal key", text
        for key in keys:
            yield "seal key", key.decode("utf-8", "surrogateescape")
        for where, data in files.items():
            if where.startswith("state/accounts/"):
                account = where.split("/")[2].removesuffix(".refused")
                yield from sealed.secrets_in(sealed.unseal(data, account, keys))

    def _files(self):
        if os.path.exists(self._relay.log_path):
            with open(self._relay.log_path, "rb") as file:
                yield "the log", file.read()
        for top in (self._relay.state, self._relay.spool):
            for folder, _, names in os.walk(top):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path) and not os.path.islink(path):
                        yield os.path.relpath(path, self._relay.dir), _ends(path)
