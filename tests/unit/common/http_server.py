#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTPS servers that behave as badly as test_http.c needs: http_server.py CERTIFICATE KEY

Prints the ports of its listeners on 127.0.0.1: TLS; TLS 1.1 at most; TCP that never says a word; plain
HTTP; a proxy for CONNECT; two SOCKS5 proxies, the second for nobody. The path says what to answer, and to a proxy the host's name:
"status-403.test" is refused with 403, "reply-5.test" with 5, "rude.test" by hanging up; others are at
127.0.0.1. Ends when its standard input does.
"""
import base64
import gzip
import json
import os
import socket
import ssl
import sys
import threading
import urllib.parse

requests = []  # what was asked, the count aside
proxied = []  # what the proxies were asked
forever = threading.Event()


def head(status, *fields):
    return "\r\n".join((f"HTTP/1.1 {status} Whatever", *fields, "", "")).encode("latin-1")


def reply(status, body, *fields, kind="application/json; charset=utf-8"):
    return head(status, f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields) + body


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        part = conn.recv(65536)
        if not part:
            return None
        data += part
    top, _, body = data.partition(b"\r\n\r\n")
    lines = top.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += conn.recv(65536)
    return {"method": method, "target": target, "headers": headers, "body": body.decode("latin-1")}


def drip(conn):
    for byte in reply(200, b"{}" * 1000):
        conn.sendall(bytes([byte]))
        if forever.wait(0.05):
            break


def endless(conn):
    conn.sendall(head(200, "Transfer-Encoding: chunked", "Content-Type: application/json"))
    while True:
        conn.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")


def header_flood(conn):
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while True:
        number += 1
        conn.sendall(f"X-Flood-{number}: {'x' * 500}\r\n".encode())


def answer(conn, request):
    path, _, query = request["target"].partition("?")
    query = urllib.parse.unquote(query)
    if path == "/count":
        conn.sendall(reply(200, str(len(requests)).encode()))
        return
    if path == "/proxied":
        conn.sendall(reply(200, json.dumps(proxied).encode()))
        proxied.clear()
        return
    requests.append(request)
    if path == "/echo":
        conn.sendall(reply(200, json.dumps(request).encode()))
    elif path == "/reply":  # "STATUS|field|field|body"
        status, *fields, body = query.split("|")
        conn.sendall(head(status, *fields, f"Content-Length: {len(body)}") + body.encode())
    elif path == "/size":
        conn.sendall(reply(200, b" " * int(query)))
    elif path == "/raw":
        conn.sendall(query.encode("latin-1"))
    elif path == "/secret":
        conn.sendall(reply(200, b"s3cret-reply"))
    elif path == "/gzip":
        body = gzip.compress(b" " * 10_000_000)
        conn.sendall(reply(200, body, "Content-Encoding: gzip"))
    elif path == "/continue":
        conn.sendall(head(103, "Link: </x>") * 3 + reply(200, b"{}"))
    elif path == "/half":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        forever.wait()
    elif path == "/hang":
        forever.wait()
    elif path == "/drip":
        drip(conn)
    elif path == "/endless":
        endless(conn)
    elif path == "/flood":
        header_flood(conn)


# ---- proxies ----

LOGIN = ("anna", "s3cret-proxy")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def join(conn, port):
    with socket.create_connection(("127.0.0.1", port)) as other:
        back = threading.Thread(target=pump, args=(other, conn), daemon=True)
        back.start()
        pump(conn, other)
        back.join()


def connect_proxy(conn):
    request = read_request(conn)
    if request is None:
        return
    host, _, port = request["target"].rpartition(":")
    proxied.append(request)
    given = request["headers"].get("proxy-authorization", "")
    right = "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
    if host.startswith("status-"):
        conn.sendall(head(host[7:10], "Content-Length: 0"))
    elif host == "ntlm.test":
        conn.sendall(head(407, "Proxy-Authenticate: Negotiate", "Proxy-Authenticate: NTLM",
                          "Content-Length: 0"))
    elif host == "echo.test":
        conn.sendall(head(407, "Proxy-Authenticate: " + given.split(" ")[1], "Content-Length: 0"))
    elif host == "silent.test":
        forever.wait()
    elif host == "rude.test":
        pass
    elif host == "private.test" and given != right:
        conn.sendall(head(407, "Proxy-Authenticate: Basic realm=\"house\"", "Content-Length: 0"))
    else:
        conn.sendall(head(200))
        join(conn, int(port))


def take(conn, n):
    data = b""
    while len(data) < n:
        part = conn.recv(n - len(data))
        if not part:
            raise OSError("the client went away")
        data += part
    return data


def take_counted(conn):
    return take(conn, take(conn, 1)[0]).decode()


def socks_proxy(conn):
    if take(conn, 1) != b"\5":
        return
    methods = list(take_counted(conn).encode())
    seen = {"methods": methods, "login": None}
    if 2 in methods:
        conn.sendall(b"\5\2")
        take(conn, 1)
        seen["login"] = [take_counted(conn), take_counted(conn)]
        if tuple(seen["login"]) != LOGIN:
            conn.sendall(b"\1\1")
            return
        conn.sendall(b"\1\0")
    else:
        conn.sendall(b"\5\0")
    seen["kind"] = take(conn, 4)[3]
    if seen["kind"] == 3:
        seen["host"] = take_counted(conn)
    else:
        seen["host"] = socket.inet_ntoa(take(conn, 4))
    port = int.from_bytes(take(conn, 2), "big")
    proxied.append(seen)
    if seen["host"] == "rude.test":
        return
    number = int(seen["host"][6:7]) if seen["host"].startswith("reply-") else 0
    conn.sendall(bytes([5, number, 0, 1]) + bytes(6))
    if number == 0:
        join(conn, port)


def private_socks_proxy(conn):
    """One that takes nobody without a login."""
    take(conn, 1)
    take_counted(conn)
    conn.sendall(b"\5\xff")


# ---- listeners ----

def serve_https(plain, context):
    with context.wrap_socket(plain, server_side=True) as conn:
        request = read_request(conn)
        if request:
            answer(conn, request)
            conn.unwrap()


def serve(conn, handler):
    try:
        with conn:
            handler(conn)
    except OSError:
        pass  # the client went away, as it should in most of these


def serve_http(conn):
    answer(conn, read_request(conn))


def listen(handler):
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def loop():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn, handler), daemon=True).start()

    if handler:
        threading.Thread(target=loop, daemon=True).start()
    silent.append(listener)
    return listener.getsockname()[1]


def context_for(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


silent = []  # keeps the listeners open
good = context_for(*sys.argv[1:3])
old = context_for(*sys.argv[1:3])
old.set_ciphers("ALL:@SECLEVEL=0")
old.minimum_version = ssl.TLSVersion.TLSv1
old.maximum_version = ssl.TLSVersion.TLSv1_1
print(listen(lambda conn: serve_https(conn, good)), listen(lambda conn: serve_https(conn, old)),
      listen(None), listen(serve_http), listen(connect_proxy), listen(socks_proxy),
      listen(private_socks_proxy), flush=True)
sys.stdin.read()
os._exit(0)
