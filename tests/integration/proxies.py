# SPDX-License-Identifier: MIT
"""Proxies on loopback for tests: HTTP CONNECT and SOCKS5, with or without a password.

    with ConnectProxy() as proxy, SocksProxy("user", "secret") as other:
        ... proxy.url ("http://127.0.0.1:PORT"), other.url ("socks5h://user@127.0.0.1:PORT")

`requests` has what was asked, in order: {"host", "port", "user", "password", "kind"}; kind is how the
host was named ("name", "ipv4", "ipv6"). `seen` is every byte clients sent before the tunnel stood;
`problems` what a correct client never sends. `hosts` says where a name leads ({"login.example":
"127.0.0.1"}; other names are looked up as they are). `refuse` makes it refuse each request:
an HTTP status (403, 407, 502) or a SOCKS reply (2, 5), "garbage", "close", "hang", "endless".
"""
import base64
import binascii
import select
import socket
import struct
import threading

LIMIT = 64 * 1024
GARBAGE = b"\x00\xff\x13garbage, not a proxy\r\n\r\n"


class Gone(Exception):
    """The client closed, or sent what is no request."""


class Proxy:
    """What both have in common. One thread for each connection, ended by close()."""
    scheme = ""

    def __init__(self, user=None, password=None, hosts=None, refuse=None):
        self.user, self.password = user, password
        self.hosts = dict(hosts or {})
        self.refuse = refuse
        self.requests, self.problems, self.seen = [], [], b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self):
        name = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{name}127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def close(self):
        self._closing.set()
        for one in [self._listener, *self._open]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _accept(self):
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client):
        upstream = None
        try:
            upstream = self.handshake(client)
            if upstream is not None:
                with self._lock:
                    self._open.add(upstream)
                self._pump(client, upstream)
        except (Gone, OSError):
            pass
        finally:
            for one in filter(None, (client, upstream)):
                with self._lock:
                    self._open.discard(one)
                one.close()

    def _pump(self, client, upstream):
        peer = {client: upstream, upstream: client}
        reading = [client, upstream]
        while reading and not self._closing.is_set():
            for one in select.select(reading, [], [], 0.5)[0]:
                data = one.recv(65536)
                if data:
                    peer[one].sendall(data)
                else:
                    reading.remove(one)
                    peer[one].shutdown(socket.SHUT_WR)

    # --- for the two kinds ----------------------------------------------------------------
    def read(self, client, count=None, until=None):
        """Exactly `count` octets, or all up to and with `until`; never more."""
        data = b""
        while (len(data) < count) if until is None else not data.endswith(until):
            piece = client.recv(count - len(data) if until is None else 1)
            if not piece or len(data) > LIMIT:
                raise Gone
            data += piece
            self.seen += piece
        return data

    def note(self, **request):
        with self._lock:
            self.requests.append(request)

    def problem(self, text):
        with self._lock:
            self.problems.append(text)

    def connect(self, host, port):
        return socket.create_connection((self.hosts.get(host, host), port), timeout=10)

    def spoil(self, client):
        """What `refuse` says in words; True if that was all of the answer."""
        if self.refuse == "garbage":
            client.sendall(GARBAGE)
        elif self.refuse == "endless":
            while not self._closing.is_set():
                client.sendall(b"X" * 1024)
        elif self.refuse == "hang":
            self._closing.wait()
        return isinstance(self.refuse, str)

    def handshake(self, client):
        """The connection to the target, or None when the request was refused."""
        raise NotImplementedError


class ConnectProxy(Proxy):
    """HTTP CONNECT (RFC 9110 9.3.6), Basic authentication."""
    scheme = "http"

    def handshake(self, client):
        lines = self.read(client, until=b"\r\n\r\n").decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip()
                   for line in lines[1:] if line}
        if len(words) != 3 or words[0] != "CONNECT" or words[2] != "HTTP/1.1":
            self.problem(lines[0])
            client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = words[1].rpartition(":")
        user, password = self._credentials(headers)
        self.note(host=host.strip("[]"), port=int(port), user=user, password=password,
                  kind=_kind(host.strip("[]")), headers=headers)
        if headers.get("host") != words[1]:
            self.problem(f"Host {headers.get('host')!r} is not {words[1]!r}")
        if "authorization" in headers or "cookie" in headers:
            self.problem("a header for the server went to the proxy")
        if self.spoil(client):
            return None
        if self.refuse or (self.user and (user, password) != (self.user, self.password)):
            self._answer(client, self.refuse or 407)
            return None
        try:
            upstream = self.connect(host.strip("[]"), int(port))
        except OSError:
            self._answer(client, 502)
            return None
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return upstream

    @staticmethod
    def _answer(client, status):
        more = 'Proxy-Authenticate: Basic realm="test"\r\n' if status == 407 else ""
        page = "<html>refused by the proxy</html>"
        client.sendall(f"HTTP/1.1 {status} Refused\r\n{more}Content-Type: text/html\r\n"
                       f"Content-Length: {len(page)}\r\nConnection: close\r\n\r\n{page}".encode())

    def _credentials(self, headers):
        given = headers.get("proxy-authorization")
        if given is None:
            return None, None
        scheme, _, text = given.partition(" ")
        try:
            user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            self.problem("Proxy-Authorization is not base64")
            return None, None
        if scheme != "Basic":
            self.problem(f"Proxy-Authorization {scheme}")
        if not self.user:
            self.problem("credentials for a proxy that asks for none")
        return user, password


class SocksProxy(Proxy):
    """SOCKS5 (RFC 1928), user and password by RFC 1929."""
    scheme = "socks5h"

    def handshake(self, client):
        version, count = self.read(client, 2)
        methods = self.read(client, count)
        if version != 5 or not count:
            self.problem(f"version {version}, {count} methods")
            return None
        if self.spoil(client):
            return None
        wanted = 2 if self.user else 0
        if wanted not in methods:
            self.note(host=None, port=None, user=None, password=None, kind="no method")
            client.sendall(b"\x05\xff")
            return None
        client.sendall(bytes([5, wanted]))
        user, password = self._login(client) if wanted == 2 else (None, None)
        version, command, reserved, kind = self.read(client, 4)
        if (version, command, reserved) != (5, 1, 0) or kind not in (1, 3, 4):
            self.problem(f"request {version} {command} {reserved} {kind}")
            return None
        if kind == 3:
            host = self.read(client, self.read(client, 1)[0]).decode("latin-1")
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, self.read(client, size))
        port = struct.unpack("!H", self.read(client, 2))[0]
        self.note(host=host, port=port, user=user, password=password,
                  kind={1: "ipv4", 3: "name", 4: "ipv6"}[kind])
        return self._reach(client, host, port)

    def _reach(self, client, host, port):
        if not self.refuse:
            try:
                upstream = self.connect(host, port)
            except OSError:
                self._answer(client, 5)
                return None
            self._answer(client, 0)
            return upstream
        self._answer(client, self.refuse)
        return None

    @staticmethod
    def _answer(client, code):
        client.sendall(bytes([5, code, 0, 1]) + bytes(6))

    def _login(self, client):
        version = self.read(client, 1)[0]
        user = self.read(client, self.read(client, 1)[0]).decode()
        password = self.read(client, self.read(client, 1)[0]).decode()
        if version != 1:
            self.problem(f"RFC 1929 version {version}")
        good = (user, password) == (self.user, self.password)
        client.sendall(bytes([1, 0 if good else 1]))
        if not good:
            self.note(host=None, port=None, user=user, password=password, kind="login")
            raise Gone
        return user, password


def _kind(host):
    for family, name in ((socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")):
        try:
            socket.inet_pton(family, host)
            return name
        except OSError:
            pass
    return "name"
