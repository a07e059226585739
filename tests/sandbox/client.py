# SPDX-License-Identifier: MIT
"""Starts the sandbox as a process of its own and talks to its control port.

Used by the integration tests and by scripts/demo. Standard library only; may be imported as
sandbox.client or, with this folder in the path, as client.
"""
import http.client
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "main.py")


class SandboxError(Exception):
    pass


class Sandbox:
    """`with Sandbox() as box:` - or start() and stop().

    After start(): smtp_port, token_port, control_port, imds_port, arc_port, ca_file, tenant, client_id, public_client,
    mailbox, secret, token_endpoint, dir, pid.
    """

    def __init__(self, directory=None, config=None, arguments=(), command=()):
        """`command` is put in front, as ("ip", "netns", "exec", name)."""
        self._own = directory is None
        self.dir = directory or tempfile.mkdtemp(prefix="sandbox-")
        self._config = config
        self._arguments = list(arguments)
        self._command = list(command)
        self._process = None

    # --- its life -------------------------------------------------------------------------
    def start(self, timeout=30):
        command = self._command + ["/usr/bin/python3", MAIN, "--dir", self.dir, *self._arguments]
        if self._config is not None:
            command += ["--config", json.dumps(self._config)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._first_line(timeout)
        for key, value in json.loads(line).items():
            setattr(self, key, value)
        self.secret = self.info()["secret"]
        return self

    def _first_line(self, timeout):
        readable, _, _ = select.select([self._process.stdout], [], [], timeout)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            self.stop()
            raise SandboxError("the sandbox did not start")
        return line

    def stop(self, timeout=10):
        """Closing its standard input is what ends it."""
        process, self._process = self._process, None
        if process is not None:
            process.stdin.close()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        if self._own:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_error):
        self.stop()

    # --- control --------------------------------------------------------------------------
    def call(self, method, path, body=None, timeout=30, **query):
        """One request to the control port. Raises SandboxError with its words if it refuses."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        connection = http.client.HTTPConnection("127.0.0.1", self.control_port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            result = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise SandboxError(f"{method} {path}: {result.get('error', response.status)}")
        return result

    def info(self):
        return self.call("GET", "/info")

    def messages(self):
        """Records (README.md) of what was received, in order."""
        return self.call("GET", "/messages")

    def eml(self, number):
        with open(os.path.join(self.dir, "messages", f"{number}.eml"), "rb") as file:
            return file.read()

    def wire(self, conn):
        """What that connection has sent (setting record_wire), TLS taken off."""
        with open(os.path.join(self.dir, "messages", f"{conn}.wire"), "rb") as file:
            return file.read()

    def violations(self, take=False):
        return self.call("GET", "/violations", **({"take": 1} if take else {}))

    def events(self, kind=None, since=0):
        return self.call("GET", "/events", since=since, **({"kind": kind} if kind else {}))

    def limits(self):
        return self.call("GET", "/limits")

    def fault(self, point, action, **arguments):
        """Adds a fault; returns its id. count=1 unless given; 0 is for ever."""
        return self.call("POST", "/fault", {"point": point, "action": action, **arguments})["id"]

    def faults(self):
        return self.call("GET", "/faults")

    def release(self, number=None):
        self.call("POST", "/release", {"id": number})

    def clear(self):
        self.call("POST", "/clear")

    def reset(self):
        self.call("POST", "/reset")
        self.secret = self.info()["secret"]

    def off(self, *what, drop=True):
        self.call("POST", "/off", {"what": list(what) or ["smtp", "token"], "drop": drop})

    def on(self, *what):
        self.call("POST", "/on", {"what": list(what) or ["smtp", "token"]})

    def set(self, **values):
        self.call("POST", "/set", values)
        if "secret" in values:
            self.secret = values["secret"]

    def set_app(self, client=None, **values):
        """Changes fields of an application (the default one): roles, secrets, certificates ..."""
        self.set(apps={client or self.client_id: values})

    def register(self, *pems, client=None):
        """These certificates, and no others, are registered for the application."""
        self.set_app(client, certificates=list(pems))

    def secrets(self):
        """{kind: [values]} of all that must never be seen anywhere (vault.py)."""
        return self.call("GET", "/secrets")

    def issue_refresh_token(self, user=None, client=None, **more):
        """As if this user (the mailbox's) had signed in to this app (the public one).

        `scope` and `public` (whether the client was one) may be given."""
        wanted = {"user": user or self.mailbox, "client_id": client or self.public_client, **more}
        return self.call("POST", "/issue", wanted)["refresh_token"]

    def refresh_tokens(self):
        """Every one with number, user, uses, parent (rotation), died_of."""
        return self.call("GET", "/refresh-tokens")

    def end_refresh_tokens(self, code=50173, **which):
        """Those that live now (of `user`, `client_id`, `public`) die of this AADSTS code."""
        return self.call("POST", "/end", {"code": code, **which})["ended"]

    def device(self, act="approve", **more):
        """What the user does with the device code: approve, decline, expire, block, slow_down.

        `user` (the mailbox's), `user_code` (the newest pending), `code` (AADSTS, of a block)."""
        return self.call("POST", "/device", {"act": act, **more})

    def devices(self):
        """Every device code: user_code, state, polls, interval, ..."""
        return self.call("GET", "/devices")

    def endpoint(self, name="token", tenant=None):
        """The address of token, devicecode or authorize."""
        return f"https://localhost:{self.token_port}/{tenant or self.tenant}/oauth2/v2.0/{name}"

    def identity_endpoint(self, kind="imds"):
        """The address of the managed identity's endpoint: imds or arc."""
        port = self.imds_port if kind == "imds" else self.arc_port
        return f"http://127.0.0.1:{port}/metadata/identity/oauth2/token"

    def change_password(self, user):
        """Kills the refresh tokens of public clients; those of confidential ones live on."""
        return self.end_refresh_tokens(50173, user=user, public=True)

    def revoke(self):
        self.call("POST", "/revoke")

    def wait(self, timeout=30, **wanted):
        """messages=N, violations=N, connections=N, closed=N, stalled=N, received=OCTETS,
        event=KIND [count=N].

        Returns the numbers; raises SandboxError when the time is over.
        """
        query = urllib.parse.urlencode({**wanted, "timeout": timeout})
        result = self.call("GET", "/wait?" + query, timeout=timeout + 10)
        if not result["ok"]:
            raise SandboxError(f"waited {timeout} s for {wanted}: {result}")
        return result


if __name__ == "__main__":
    print("import this module; or run main.py", file=sys.stderr)
    sys.exit(2)
