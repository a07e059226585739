# SPDX-License-Identifier: MIT
"""Several clients that keep sending; what was answered 250 is remembered, to be found again."""
import hashlib
import os
import threading
import uuid

from .dialogue import Dialogue, by_subject, stuff


class Client(threading.Thread):
    """Sends one message after another until told to stop; a lost connection is opened again."""

    def __init__(self, traffic, number):
        super().__init__(daemon=True)
        self._traffic = traffic
        self._number = number

    def run(self):
        try:
            while not self._traffic.stopping.is_set():
                try:
                    with Dialogue(self._traffic.port, timeout=self._traffic.timeout) as talk:
                        talk.hello(f"client{self._number}")
                        while not self._traffic.stopping.is_set():
                            self._one(talk)
                            if self._traffic.pause:
                                self._traffic.stopping.wait(self._traffic.pause)
                except (OSError, EOFError):
                    # The relay is down for a moment: that is what the test is about.
                    self._traffic.stopping.wait(0.02)
        except Exception as error:      # pylint: disable=broad-except
            self._traffic.failures.append(repr(error))
            raise

    def _one(self, talk):
        subject = uuid.uuid4().hex
        body = self._traffic.body()
        data = (f"From: scan@printer.local\r\nTo: b@fabrikam.com\r\nSubject: {subject}\r\n\r\n"
                ).encode() + body
        for code, command in (("250", "MAIL FROM:<scan@printer.local>"),
                              ("250", "RCPT TO:<b@fabrikam.com>"), ("354", "DATA")):
            reply = talk.ask(command)
            if reply.startswith("421"):
                raise EOFError(reply)           # it is stopping
            assert reply.startswith(code), (command, reply)
        digest = hashlib.sha256(body).hexdigest()
        self._traffic.tried[subject] = digest
        talk.send(stuff(data) + b".\r\n")
        reply = talk.reply()
        if reply.startswith("250"):
            self._traffic.note(subject, digest)
        elif reply.startswith("421"):
            raise EOFError(reply)
        elif not reply.startswith("451"):
            self._traffic.failures.append(reply)


class Traffic:
    """`with Traffic(port, clients=4) as traffic:` - accepted is {subject: sha256 of the body}."""

    def __init__(self, port, clients=4, sizes=(200, 3000, 90_000), timeout=30, pause=0):
        self.port = port
        self.timeout = timeout
        self.pause = pause              # seconds between two messages of a client
        self._sizes = sizes
        self._changed = threading.Condition()
        self.stopping = threading.Event()
        self.accepted = {}
        self.tried = {}
        self.failures = []
        self._clients = [Client(self, number) for number in range(clients)]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_error):
        self.stop()

    def stop(self):
        self.stopping.set()
        for client in self._clients:
            client.join(self.timeout + 10)
        assert not self.failures, self.failures

    def body(self):
        size = self._sizes[os.urandom(1)[0] % len(self._sizes)]
        return b"".join(os.urandom(30).hex().encode() + b"\r\n" for _ in range(size // 62 + 1))

    def note(self, subject, digest):
        with self._changed:
            self.accepted[subject] = digest
            self._changed.notify_all()

    def wait_accepted(self, count, timeout=60):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.accepted) >= count, timeout), \
                f"only {len(self.accepted)} of {count} messages were accepted in {timeout} s"

    def check(self, records):
        """Everything accepted has arrived, nothing is damaged. Returns the duplicates."""
        arrived = by_subject(records)
        missing = set(self.accepted) - set(arrived)
        assert not missing, f"{len(missing)} of {len(self.accepted)} accepted messages are lost"
        for subject, copies in arrived.items():
            assert subject in self.tried, f"nobody sent {subject!r}"
            for copy in copies:
                assert copy["body_sha256"] == self.tried[subject], f"{subject} is damaged"
        return {subject: copies for subject, copies in arrived.items() if len(copies) > 1}

    def check_soon(self, sandbox, relay, timeout=90):
        """Waits until the relay has nothing left, then check()."""
        sandbox.wait(messages=len(self.accepted), timeout=timeout)
        relay.wait_drained(timeout)
        return self.check(sandbox.messages())
