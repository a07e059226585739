# SPDX-License-Identifier: MIT
"""Many accounts, each with an evil of its own, and one whose token endpoint is sound."""
import re
import socket
import threading

from ..dialogue import message, print_page, subject_of

FREE = "free"


class Crowd:
    """The relay with its accounts: `name` of a vector is its id, lower case."""

    def __init__(self, relay, sandbox, vectors, **keywords):
        self.sandbox = sandbox
        self.names = {vector: re.sub(r"[^a-z0-9-]", "-", vector.lower()) for vector in vectors}
        self.clients = {}
        self._make_apps()
        self.relay = relay(start=False, **keywords)
        accounts, devices = [], []
        for number, (vector, what) in enumerate(vectors.items()):
            account = self.relay.account(self.names[vector], client=self.clients[vector],
                                         mailbox=self._mailbox(number))
            account.update(what.get("account", {}))
            accounts.append(account)
            devices.append({"name": self.names[vector], "address": self._address(number),
                            "account": self.names[vector]})
            if "action" in what:
                arguments = {key: value for key, value in what.items()
                             if key not in ("action", "account")}
                sandbox.fault("token", what["action"], count=0,
                              match={"client_id": self.clients[vector]}, **arguments)
        accounts.append(self.relay.account(FREE))
        devices.append({"name": FREE, "address": "127.0.0.1", "account": FREE})
        self.relay.config.update(accounts=accounts, devices=devices)
        self.relay.config.pop("allow")
        self.relay.write_config()
        self.relay.start()

    def _make_apps(self):
        world = self.sandbox.info()
        base = world["apps"][self.sandbox.client_id]
        box = world["mailboxes"]["second@contoso.com"]
        for number, vector in enumerate(self.names):
            client = f"{number:08x}-7070-4070-8070-707070707070"
            self.clients[vector] = client
            secret = f"Q8~{number:04d}-not-a-real-secret-of-anybody"
            self.sandbox.set(apps={client: {**base, "name": vector,
                                            "secrets": [{"value": secret, "expired": False}]}})
            self.sandbox.set(mailboxes={self._mailbox(number): {**box, "full_access": [client]}})

    @staticmethod
    def _mailbox(number):
        return f"device{number}@contoso.com"

    @staticmethod
    def _address(number):
        return f"127.0.1.{number + 1}"

    def strike(self, **keywords):
        """A message for each; {vector: its first token-failed}. Then the sound one delivers."""
        for number, vector in enumerate(self.names):
            print_page(self.relay.port, message(vector), source=self._address(number))
        failed = {vector: self.relay.wait_event("token-failed", account=name, **keywords)
                  for vector, name in self.names.items()}
        self.free()
        return failed

    def free(self, count=1):
        print_page(self.relay.port, message(FREE), source="127.0.0.1")
        self.sandbox.wait(messages=count)
        assert {subject_of(record) for record in self.sandbox.messages()} == {FREE}

    def requests(self, vector):
        return [event for event in self.sandbox.events("token")
                if event["client_id"] == self.clients[vector]]

    def mend(self):
        """All is well: whatever waited is delivered, and nothing was given up."""
        self.sandbox.clear()
        self.relay.reload()
        self.sandbox.wait(messages=1 + len(self.names), timeout=60)
        assert sorted(map(subject_of, self.sandbox.messages())) == sorted([FREE, *self.names])
        assert self.relay.events("delivery", status="failed") == []


class Trap:
    """A listener that says one thing and hangs up; and knows who came."""

    def __init__(self, says=b""):
        self._says = says
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.visitors = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                conn, peer = self._listener.accept()
            except OSError:
                return
            self.visitors.append(peer)
            with conn:
                conn.sendall(self._says)
                conn.shutdown(socket.SHUT_WR)
                conn.recv(4096)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._listener.close()
