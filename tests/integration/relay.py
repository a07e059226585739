# SPDX-License-Identifier: MIT
"""class Relay: the program under test, in a folder of its own, with its log as events."""
import copy
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import canary, conf, logs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RELEASE = os.path.join(ROOT, "build", "oauthrelay")
CHECKED = os.path.join(ROOT, "build", "san-address-undefined", "oauthrelay")
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:"
                    "exitcode=99:verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""),
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
START_TIMEOUT = 30


def binary():
    """The sanitizer build if there is one; $OAUTHRELAY_BIN before everything."""
    named = os.environ.get("OAUTHRELAY_BIN")
    if named:
        return named
    return CHECKED if os.path.exists(CHECKED) else RELEASE


def free_port():
    """Below the ephemeral range, so that no outgoing connection takes it in the meantime."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


class RelayError(Exception):
    pass


class Relay:
    """start(), stop(), kill9(), restart(), reload(); wait_event() and events() read the log.

    `config` is laid over the defaults below; a function gets them and may change them.
    `wrapper` is put before the command (strace, nsenter ...), `env` added to the environment.
    """

    def __init__(self, sandbox=None, config=None, env=None, wrapper=(), program=None):
        self.dir = tempfile.mkdtemp(prefix="oar-")      # short: a socket's path has 107 bytes
        self.port = free_port()
        self.path = os.path.join(self.dir, "oauthrelay.conf")
        self.spool = os.path.join(self.dir, "spool")
        self.state = os.path.join(self.dir, "state")
        self.socket_path = os.path.join(self.dir, "control.sock")
        self.log_path = os.path.join(self.dir, "stderr.log")
        self.program = program or binary()
        self.sandbox = sandbox
        self.secrets = []               # what must never be seen anywhere (canary.py)
        self.runs = []                  # one logs.Collector for each start
        self.given_environment = dict(env or {})
        self.canary = canary.Canary(self)
        self._wrapper = list(wrapper)
        self._notify = None
        self.process = None
        os.mkdir(self.spool, 0o700)
        os.mkdir(self.state, 0o700)
        self.config = self._defaults()
        if callable(config):
            config(self.config)
        else:
            conf.merge(self.config, copy.deepcopy(config or {}))
        self.write_config()

    # --- its configuration ----------------------------------------------------------------
    def account(self, name="scanner", sandbox=None, client=None, **more):
        """An account of the sandbox, for `config`."""
        box = sandbox or self.sandbox
        client = client or box.client_id
        app = box.info()["apps"][client]
        account = {
            "name": name, "provider": "microsoft365", "mailbox": box.mailbox,
            "tenant": app["tenant"], "client_id": client,
            "host": "localhost", "port": box.smtp_port, "ca_file": box.ca_file,
            "token_endpoint":
                f"https://localhost:{box.token_port}/{app['tenant']}/oauth2/v2.0/token",
            "limits": {"per_minute": 100000},
        }
        for secret in app["secrets"][:1]:       # a public client has none
            account["client_secret"] = "file:" + self.secret_file(name + ".secret",
                                                                  secret["value"])
        return conf.merge(account, more)

    def secret_file(self, name, value, mode=0o600):
        self.secrets.append(value)
        path = os.path.join(self.dir, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value + "\n")
        os.chmod(path, mode)
        return path

    def _defaults(self):
        config = {
            "hostname": "relay.contoso.com", "postmaster": "it@contoso.com",
            "state_dir": self.state,
            "listeners": [{"address": f"127.0.0.1:{self.port}"}],
            "allow": ["127.0.0.0/8"],
            "queue": {"path": self.spool, "min_free": "1M",
                      "retry": {"first": "200ms", "max": "400ms"}},
            "admin": {"socket": self.socket_path},
            "log": {"level": "debug"},
            "limits": {"log_rate": 10000},      # test_dos.py has the default
        }
        if self.sandbox:
            pki = os.path.join(self.sandbox.dir, "pki", "good")
            config["tls"] = {"certificate": pki + ".pem", "key": pki + ".key"}
            config["accounts"] = [self.account()]
        return config

    def write_config(self, text=None):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(conf.text(self.config) if text is None else text)

    def change(self, changes):
        """Changes the file; reload() or restart() makes it count."""
        if callable(changes):
            changes(self.config)
        else:
            conf.merge(self.config, changes)
        self.write_config()

    # --- its life -------------------------------------------------------------------------
    def _environment(self):
        env = {"PATH": os.environ["PATH"], "HOME": self.dir, "LANG": "C.UTF-8", **SANITIZERS}
        env["NOTIFY_SOCKET"] = os.path.join(self.dir, "notify.sock")
        return {**env, **self.given_environment}

    def spawn(self):
        """Starts it without waiting for anything."""
        if self._notify is None:
            self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._notify.bind(os.path.join(self.dir, "notify.sock"))
        self._drain_notify()
        self.process = subprocess.Popen(
            [*self._wrapper, self.program, "-c", self.path, "run"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self._environment(),
            cwd=self.dir)
        self.runs.append(logs.Collector(self.process.stderr, self.log_path))
        return self

    def start(self, timeout=START_TIMEOUT):
        """Starts it and waits for READY=1."""
        self.spawn()
        self._wait_notify("READY=1", timeout)
        return self

    def _drain_notify(self):
        while select.select([self._notify], [], [], 0)[0]:
            self._notify.recv(4096)

    def _wait_notify(self, word, timeout):
        end = time.monotonic() + timeout
        while True:
            readable, _, _ = select.select([self._notify], [], [], 0.2)
            if readable and word in self._notify.recv(4096).decode().split("\n"):
                return
            if self.process.poll() is not None and not readable:
                raise RelayError(f"ended ({self.process.returncode}) before {word}:\n{self.tail()}")
            if time.monotonic() > end:
                raise RelayError(f"no {word} within {timeout} s:\n{self.tail()}")

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Ends it in order; it must exit with 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            self.canary.look_at_process(self._pid_of(process))
            os.kill(self._pid_of(process), number)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.kill(self._pid_of(process), signal.SIGABRT)      # a core says more than a kill
            process.wait()
            raise RelayError(f"did not stop within {timeout} s:\n{self.tail()}") from None
        finally:
            self.runs[-1].join()
            process.stderr.close()
        if code != 0:
            raise RelayError(f"exit code {code}:\n{self.tail()}")

    def _pid_of(self, process):
        """The relay's own process id, below a wrapper if there is one."""
        if not self._wrapper:
            return process.pid
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else process.pid

    @property
    def pid(self):
        return self._pid_of(self.process)

    def kill9(self):
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.runs[-1].join()
        process.stderr.close()

    def restart(self, kill=False):
        if kill:
            self.kill9()
        else:
            self.stop()
        return self.start()

    def reload(self, timeout=START_TIMEOUT):
        """SIGHUP; waits for RELOADING=1 and the READY=1 behind it."""
        self._drain_notify()
        os.kill(self.pid, signal.SIGHUP)
        self._wait_notify("RELOADING=1", timeout)
        self._wait_notify("READY=1", timeout)

    def close(self):
        """For the fixture: whatever state it is in, afterwards nothing is left."""
        try:
            self.canary.show_configuration(self._environment())
            if self.process is not None and self.process.poll() is None:
                self.canary.look_around()
            self.stop()
        finally:
            if self.process is not None:
                self.kill9()
            if self._notify is not None:
                self._notify.close()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- its log --------------------------------------------------------------------------
    @property
    def log(self):
        return self.runs[-1]

    def events(self, name=None, **keys):
        """Of every run so far, in order."""
        return [event for run in self.runs for event in run.events
                if (name is None or event.name == name) and _has(event, keys)]

    def wait_event(self, name, timeout=20, count=1, **keys):
        """The count-th event of this run with these keys. Raises when it does not come."""
        def look(events):
            found = [event for event in events if event.name == name and _has(event, keys)]
            return found[count - 1] if len(found) >= count else None

        found = self.log.wait(look, timeout)
        if found is None:
            raise RelayError(f"no {name} {keys} within {timeout} s:\n{self.tail()}")
        return found

    def wait_setback(self, timeout=20, reason=""):
        """The account or the message has to wait: the event, whichever comes first.

        What concerns the whole account (no connection, no login) is told once for the account;
        what concerns one message, with that message.
        """
        def look(events):
            for event in events:
                words = event.get("reason", "") + event.get("reply", "")
                if (event.name in ("account-waiting", "account-held") or
                        event.name == "delivery" and event["status"] == "deferred") and \
                        reason.lower() in words.lower():
                    return event
            return None

        found = self.log.wait(look, timeout)
        if found is None:
            raise RelayError(f"no setback {reason!r} within {timeout} s:\n{self.tail()}")
        return found

    def wait_empty(self, messages, timeout=30):
        """Waits until so many messages were removed from the spool, in all runs together."""
        before = len(self.events("removed")) - len(
            [event for event in self.log.events if event.name == "removed"])
        if self.log.wait(lambda events: before + sum(event.name == "removed" for event in events)
                         >= messages, timeout) is None:
            raise RelayError(f"{messages} messages are not done:\n{self.tail()}")

    def wait_drained(self, timeout=60):
        """Waits until no message is in the spool."""
        end = time.monotonic() + timeout
        while True:
            seen = len(self.log.events)
            if not self.spool_files():
                return
            left = end - time.monotonic()
            if left <= 0 or not self.log.wait(lambda events: len(events) > seen, left):
                raise RelayError(f"the spool is not empty after {timeout} s:\n{self.tail()}")

    def wait_until(self, condition, timeout=20):
        """For what no event tells: looked at after each turn of the relay's loop that we cause."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise RelayError(f"it does not come within {timeout} s:\n{self.tail()}")
            self.status()

    def text(self):
        return "\n".join(line for run in self.runs for line in run.lines)

    def tail(self, lines=30):
        """The end of the log without the sessions' inner life; a sanitizer's report from its head."""
        kept, report = [], None
        for line in self.text().split("\n"):
            if " debug session-mode " in line:
                continue
            if report is None and logs.REPORT.search(line):
                report = len(kept)
            kept.append(line[11:] if logs.LINE.match(line) else line)
        if report is not None:
            return "\n".join(kept[max(0, report - 10):report + 60])
        return "\n".join(kept[-lines:])

    def spool_files(self):
        """Message files, wherever below the spool they are."""
        return [os.path.join(folder, name) for folder, _, names in os.walk(self.spool)
                for name in names if re.search(r"[0-9a-f]{32}", name)]

    def cli_json(self, *words):
        """What a command prints with --json."""
        result = self.cli(*words, "--json")
        if result.returncode != 0:
            raise RelayError(f"{words}: {result}")
        return json.loads(result.stdout)

    def status(self):
        return self.cli_json("status")

    def problems(self):
        """What must never be: reports of the sanitizers in the log, secrets anywhere."""
        return ["report: " + line for line in self.text().split("\n")
                if logs.REPORT.search(line)] + self.canary.verdict()

    # --- its command line -----------------------------------------------------------------
    def cli(self, *arguments, timeout=30, env=None, text="", cwd=None):
        """Runs a subcommand against this configuration, with text for its standard input; the
        CompletedProcess, as text."""
        done = subprocess.run([self.program, "-c", self.path, *arguments], capture_output=True,
                              text=True, timeout=timeout, check=False, input=text, cwd=cwd,
                              env={**self._environment(), **(env or {})})
        self.canary.heard("the output of " + " ".join(arguments[:2]), done.stdout + done.stderr)
        return done


def _has(event, keys):
    for key, wanted in keys.items():
        actual = event.get(key)
        if actual is None or (not wanted(actual) if callable(wanted) else actual != str(wanted)):
            return False
    return True
