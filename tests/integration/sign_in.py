# SPDX-License-Identifier: MIT
"""`oauthrelay login`, as a process that is talked to while it waits."""
import json
import os
import pty
import subprocess
import threading

import pytest

from . import sealed
from .dialogue import print_page

CLIENT_WEB = "https://relay.contoso.com/oauth"


def account(relay, name="scanner", tenant=None, **more):
    """Of a public client, with the addresses to sign in at."""
    box = relay.sandbox
    made = relay.account(name, client_id=box.public_client, grant="delegated", scope=sealed.SCOPE,
                         token_endpoint=box.endpoint("token", tenant),
                         device_endpoint=box.endpoint("devicecode", tenant),
                         authorization_endpoint=box.endpoint("authorize", tenant))
    del made["client_secret"], made["tenant"]
    made.update(more)
    return {key: item for key, item in made.items() if item is not None}


class Login:
    """With Login(relay, "--browser") as login: login.step("browser") waits for that step.

    Without `json` it runs on a terminal of its own; what it shows is in `text()`.
    """

    def __init__(self, relay, *arguments, name="scanner", json_steps=True, stdin=subprocess.PIPE):
        self.steps, self.code, self.errors = [], None, ""
        self._relay = relay
        self._shown = ""
        self._change = threading.Condition()
        self._ended = False
        command = [relay.program, "-c", relay.path, "login", name, *arguments]
        self.terminal = None
        if json_steps:
            command.append("--json")
            outputs = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        else:
            self.terminal, far = pty.openpty()
            self.far = os.dup(far)
            outputs = {"stdin": far, "stdout": far, "stderr": far, "start_new_session": True,
                       "preexec_fn": _take_terminal}
        self.process = subprocess.Popen(command, env=relay._environment() | {"TERM": "dumb"},
                                        cwd=relay.dir, **outputs)
        if self.terminal is not None:
            os.close(far)
        self._readers = [threading.Thread(target=self._read, daemon=True)]
        if json_steps:
            self._readers.append(threading.Thread(target=self._read_errors, daemon=True))
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.terminal is not None:
            os.close(self.far)
        for reader in self._readers:
            reader.join(10)
        for file in (self.process.stdin, self.process.stdout, self.process.stderr):
            if file:
                file.close()
        if self.terminal is not None:
            os.close(self.terminal)

    def _add(self, text):
        with self._change:
            self._shown += text
            while self.terminal is None and "\n" in self._shown:
                line, self._shown = self._shown.split("\n", 1)
                self.steps.append(json.loads(line))
            self._change.notify_all()

    def _read(self):
        descriptor = self.terminal if self.terminal is not None else self.process.stdout.fileno()
        while True:
            try:
                data = os.read(descriptor, 65536)
            except OSError:             # the terminal's other end is closed
                data = b""
            if not data:
                break
            self._add(data.decode())
        with self._change:
            self._ended = True
            self._change.notify_all()

    def _read_errors(self):
        self.errors = self.process.stderr.read().decode()

    def step(self, name, count=1, timeout=30):
        """The count-th step of this name."""
        def found():
            return [one for one in self.steps if one["step"] == name][count - 1:]
        with self._change:
            self._change.wait_for(lambda: found() or self._ended, timeout)
            if not found():
                raise AssertionError(f"no step {name}: {self.steps} {self.errors}")
            return found()[0]

    def shows(self, words, timeout=30):
        """On a terminal: waits for these words."""
        with self._change:
            self._change.wait_for(lambda: words in self._shown or self._ended, timeout)
            assert words in self._shown, self._shown
            return self._shown

    def paste(self, line):
        """Types it, with Enter."""
        if self.terminal is not None:
            os.write(self.terminal, line.encode() + b"\r")
        else:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def end(self, code=0, timeout=30):
        """Waits for its end; it must exit with `code` and have shown no secret."""
        if self.process.stdin:
            self.process.stdin.close()
        actual = self.process.wait(timeout)
        if self.terminal is not None:
            os.close(self.far)
            self.far = os.open(os.devnull, os.O_RDONLY)
        for reader in self._readers:
            reader.join(timeout)
        said = json.dumps(self.steps) + self.errors + self._shown
        assert actual == code, said
        assert "Sanitizer" not in said and "runtime error" not in said, said
        for kind, values in self._relay.sandbox.secrets().items():
            for value in values:
                assert value not in said, f"a {kind} is shown"
        return self

    def findings(self):
        """(weight, text) of what looked wrong."""
        return [(one["step"], one["text"]) for one in self.steps
                if one["step"] in ("warning", "note")]


def _take_terminal():
    import fcntl
    import termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


# --- for both files of tests ------------------------------------------------------------------

@pytest.fixture
def world(relay, sandbox):
    """world(...) makes a relay with an account for which somebody has to sign in; not started."""
    sandbox.set(device_interval=0.3, browser_user=sandbox.mailbox)

    def make(tenant=None, **more):
        one = relay(start=False)
        one.change(lambda config: config.update(accounts=[
            account(one, tenant=tenant, **more)]))
        return one
    return make


@pytest.fixture
def web(relay, sandbox):
    """A confidential client's: a secret, and a redirect_uri that leads elsewhere."""
    sandbox.set(browser_user=sandbox.mailbox)

    def make(**more):
        one = relay(start=False)
        made = account(one, redirect_uri=CLIENT_WEB, client_id=sandbox.client_id, **more)
        made["client_secret"] = one.account()["client_secret"]
        one.change(lambda config: config.update(accounts=[made]))
        return one
    return make


def by_code(one, act="approve", **more):
    with Login(one) as login:
        login.step("device-code")
        one.sandbox.device(act, **more)
        return login.end(0 if act == "approve" else 1)


def mail_flows(one, count=1):
    print_page(one.port)
    one.sandbox.wait(messages=count)
