# SPDX-License-Identifier: MIT
"""Talking to the relay: raw dialogues, byte by byte if wanted, and a printer that just sends."""
import hashlib
import select
import smtplib
import socket
import ssl
import uuid


class Dialogue:
    """Sends exactly what it is told, in one segment or in one-byte segments."""

    def __init__(self, port, host="127.0.0.1", source=None, single=False, greet=True, timeout=20):
        self.socket = socket.create_connection(
            (host, port), timeout=timeout, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.single = single
        self._buffer = b""
        if greet:
            self.banner = self.expect(220)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        if not self.single:
            self.socket.sendall(data)
            return
        for at in range(len(data)):
            self.socket.sendall(data[at:at + 1])

    def line(self):
        """One line with its end. EOFError when the relay has closed."""
        while b"\n" not in self._buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self._buffer)
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def reply(self):
        """The whole next reply as text, lines separated by \\n. Its form is checked."""
        lines = []
        while True:
            raw = self.line()
            assert raw.endswith(b"\r\n"), raw
            assert raw[:3].isdigit() and raw[3:4] in (b" ", b"-"), raw
            assert len(raw) <= 512, raw
            text = raw[:-2].decode()
            assert not lines or lines[0][:3] == text[:3], (lines, text)
            lines.append(text)
            if text[3:4] == " ":
                return "\n".join(lines)

    def ask(self, data, end="\r\n"):
        self.send((data if isinstance(data, bytes) else data.encode()) + end.encode())
        return self.reply()

    def expect(self, code, data=None):
        """ask(), and the reply must begin with this code (250 or "5.7.1" style "550 5.7.1")."""
        answer = self.reply() if data is None else self.ask(data)
        assert answer.startswith(str(code)), f"{data!r} -> {answer!r}, not {code}"
        return answer

    def hello(self, name="printer"):
        return self.expect(250, f"EHLO {name}")

    def starttls(self, context=None):
        self.expect(220, "STARTTLS")
        assert not self._buffer, self._buffer
        context = context or unverified()
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        return self

    def envelope(self, sender="scan@printer.local", rcpts=("b@fabrikam.com",)):
        self.expect(250, f"MAIL FROM:<{sender}>")
        for rcpt in rcpts:
            self.expect(250, f"RCPT TO:<{rcpt}>")
        return self

    def data(self, message):
        """DATA with a message in wire form without its final dot; the reply to it."""
        self.expect(354, "DATA")
        self.send(stuff(message) + b".\r\n")
        return self.reply()

    def rest(self, timeout=20):
        """Everything until the relay closes."""
        self.socket.settimeout(timeout)
        data, self._buffer = self._buffer, b""
        while True:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return data
            if not more:
                return data
            data += more

    def silent(self, seconds=0.3):
        """True if nothing comes for this long."""
        self.socket.settimeout(seconds)
        try:
            return not self._buffer and self.socket.recv(1, socket.MSG_PEEK) is None
        except (socket.timeout, ssl.SSLWantReadError):
            return True
        finally:
            self.socket.settimeout(20)


def quiet(sockets, seconds):
    """True if on none of them anything comes, nor the end, for this long."""
    poll = select.poll()
    for one in sockets:
        poll.register(one, select.POLLIN)
    return not poll.poll(seconds * 1000)


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def stuff(message):
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]


def message(subject=None, body=b"A scan.\r\n", sender="scan@printer.local", header=b""):
    """A message of a printer with a subject nobody else has."""
    subject = subject or uuid.uuid4().hex
    return (f"From: Scanner 3F <{sender}>\r\nTo: b@fabrikam.com\r\nSubject: {subject}\r\n"
            ).encode() + header + b"MIME-Version: 1.0\r\n\r\n" + body


def subject_of(record):
    return next(value for name, value in record["headers"] if name.lower() == "subject")


def by_subject(records):
    found = {}
    for record in records:
        found.setdefault(subject_of(record), []).append(record)
    return found


def body_sha(data):
    return hashlib.sha256(data.partition(b"\r\n\r\n")[2]).hexdigest()


def print_page(port, data=None, rcpts=("b@fabrikam.com",), sender="scan@printer.local", source=None):
    """What a printer does: plain SMTP, no login. Returns the message's queue id from the 250."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="printer", timeout=30,
                      source_address=(source, 0) if source else None) as client:
        client.ehlo()
        client.mail(sender)
        for rcpt in rcpts:
            code, text = client.rcpt(rcpt)
            if code != 250:
                raise smtplib.SMTPResponseException(code, text)
        code, text = client.data(data if data is not None else message())
        if code != 250:
            raise smtplib.SMTPResponseException(code, text)
    return queue_id(text.decode())


def queue_id(reply):
    """`2.0.0 ... queued as ID` -> ID"""
    return reply.rsplit(" ", 1)[-1].strip("<>.")
