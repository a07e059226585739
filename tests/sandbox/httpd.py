# SPDX-License-Identifier: MIT
"""Just enough of HTTP/1.1 for the token endpoint and the control port."""
import json
import time
import urllib.parse

from . import wire as wires

MAX_HEADER = 64 * 1024
MAX_BODY = 1024 * 1024


class Bad(Exception):
    """The request is not one; the text says why."""


class Redirect:
    """A body that is a way to somewhere else."""

    def __init__(self, location):
        self.location = location


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        split = urllib.parse.urlsplit(target)
        self.path = urllib.parse.unquote(split.path)
        self.pairs = urllib.parse.parse_qsl(split.query, keep_blank_values=True)
        self.query = dict(self.pairs)
        self.headers = headers          # names in lower case; a list of (name, value)
        self.body = body

    def header(self, name, default=None):
        values = [value for key, value in self.headers if key == name]
        return values[0] if values else default

    def json(self):
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise Bad(f"not JSON: {error}") from error
        if not isinstance(value, dict):
            raise Bad("a JSON object is wanted")
        return value


async def read_request(wire):
    """The next request, or None if the peer closed before it. Raises Bad or wire.Closed."""
    try:
        first = await wire.line(MAX_HEADER)
    except wires.Closed:
        return None
    parts = first.decode("latin-1").split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise Bad("request line")
    headers, total = [], 0
    while True:
        line = await wire.line(MAX_HEADER)
        total += len(line)
        if total > MAX_HEADER:
            raise Bad("header too long")
        text = line.decode("latin-1").rstrip("\r\n")
        if not text:
            break
        name, colon, value = text.partition(":")
        if not colon:
            raise Bad("header line")
        headers.append((name.strip().lower(), value.strip()))
    request = Request(parts[0], parts[1], headers, b"")
    if (request.header("expect") or "").lower() == "100-continue":
        await wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = request.header("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY:
        raise Bad("content-length")
    body = b""
    while len(body) < int(length):
        body += await wire.some(int(length) - len(body))
    request.body = body
    return request


REASONS = {200: "OK", 302: "Found", 301: "Moved Permanently", 307: "Temporary Redirect",
           308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
           403: "Forbidden", 405: "Method Not Allowed", 408: "Request Timeout", 410: "Gone", 429: "Too Many Requests",
           500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable"}


def head(status, headers, length, now=None):
    """`now`: the server's clock, where it is not ours."""
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}",
             "Date: " + time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))]
    lines += [f"{name}: {value}" for name, value in headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def response(status, body, headers=(), now=None):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
        headers = [("Content-Type", "application/json; charset=utf-8"), *headers]
    elif isinstance(body, str):
        body = body.encode()
    return head(status, headers, len(body), now) + body
