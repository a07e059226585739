# SPDX-License-Identifier: MIT
"""For the sandbox's own tests: a client that sends exactly what it is told, and token requests."""
import base64
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

MESSAGE = (b"From: Scanner <scanner@contoso.com>\r\nTo: b@fabrikam.com\r\nSubject: scan\r\n"
           b"Message-ID: <1@printer>\r\n\r\nHello\r\n.hidden dot\r\nend\r\n")


def trust(box):
    context = ssl.create_default_context(cafile=box.ca_file)
    context.hostname_checks_common_name = False
    return context


def form(box, **changes):
    fields = {"grant_type": "client_credentials", "client_id": box.client_id,
              "client_secret": box.secret, "scope": "https://outlook.office365.com/.default"}
    fields.update(changes)
    return {key: value for key, value in fields.items() if value is not None}


def post(box, fields=None, path=None, body=None, headers=None, timeout=10):
    """(status, JSON or text, headers) of a token request."""
    url = path and f"https://localhost:{box.token_port}{path}" or box.token_endpoint
    data = body if body is not None else urllib.parse.urlencode(fields or form(box)).encode()
    request = urllib.request.Request(url, data, headers or {})
    try:
        with urllib.request.urlopen(request, context=trust(box), timeout=timeout) as response:
            text, status, got = response.read(), response.status, response.headers
    except urllib.error.HTTPError as error:
        text, status, got = error.read(), error.code, error.headers
    try:
        return status, json.loads(text), got
    except ValueError:
        return status, text.decode(), got


def refresh_form(box, value, client=None, **changes):
    """A public client's; `client_secret` in changes makes it a confidential one's."""
    fields = {"grant_type": "refresh_token", "client_id": client or box.public_client,
              "refresh_token": value, **changes}
    return {key: value for key, value in fields.items() if value is not None}


def user_token(box, user=None, **changes):
    """A delegated access token, by way of a refresh token made for it."""
    status, body, _ = post(box, refresh_form(box, box.issue_refresh_token(user), **changes),
                           path="/common/oauth2/v2.0/token")
    assert status == 200, body
    return body["access_token"]


def token(box):
    return post(box)[1]["access_token"]


class Raw:
    """A client that sends exactly what it is told."""

    def __init__(self, box, greet=True):
        self.box = box
        self.socket = socket.create_connection(("127.0.0.1", box.smtp_port), timeout=10)
        self.buffer = b""
        if greet:
            assert self.reply().startswith(b"220 ")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(self.buffer)
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def reply(self):
        lines = self.line()
        while lines.splitlines()[-1][3:4] == b"-":
            lines += self.line()
        return lines

    def ask(self, data):
        self.send(data)
        return self.reply()

    def tls(self):
        assert self.ask(b"EHLO relay.contoso.com\r\n").startswith(b"250-")
        assert self.ask(b"STARTTLS\r\n") == b"220 2.0.0 SMTP server ready\r\n"
        self.socket = trust(self.box).wrap_socket(self.socket, server_hostname="localhost")
        return self.ask(b"EHLO relay.contoso.com\r\n")

    def xoauth2(self, access, user="scanner@contoso.com"):
        text = f"user={user}\x01auth=Bearer {access}\x01\x01".encode()
        assert self.ask(b"AUTH XOAUTH2\r\n") == b"334 \r\n"
        return self.ask(base64.b64encode(text) + b"\r\n")

    def login(self):
        self.tls()
        assert self.xoauth2(token(self.box)).startswith(b"235 2.7.0 ")
        return self

    def envelope(self, size=len(MESSAGE), more=b"", rcpts=(b"b@fabrikam.com",)):
        reply = self.ask(b"MAIL FROM:<scanner@contoso.com> SIZE=%d%s\r\n" % (size, more))
        assert reply == b"250 2.1.0 Sender OK\r\n"
        for rcpt in rcpts:
            assert self.ask(b"RCPT TO:<%s>\r\n" % rcpt) == b"250 2.1.5 Recipient OK\r\n"

    def data(self, message=MESSAGE, stuffed=None):
        assert self.ask(b"DATA\r\n").startswith(b"354 ")
        stuffed = stuffed or (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
        return self.ask(stuffed)

    def ended(self):
        try:
            return self.socket.recv(1) == b""
        except OSError:
            return True


def rules(box):
    return sorted({violation["rule"] for violation in box.violations()})
