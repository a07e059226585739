#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HTTPS servers that behave as badly as test_http.c needs: http_server.py CERTIFICATE KEY

Prints the ports of three listeners on 127.0.0.1: TLS; TLS 1.1 at most; TCP that never says a word.
The path says what to answer. Ends when its standard input does.
"""
import gzip
import json
import os
import socket
import ssl
import sys
import threading
import urllib.parse

requests = []  # what was asked, the count aside
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


def serve(plain, context):
    try:
        with context.wrap_socket(plain, server_side=True) as conn:
            request = read_request(conn)
            if request:
                answer(conn, request)
                conn.unwrap()
    except OSError:
        pass  # the client went away, as it should in most of these


def listen(context):
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def loop():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn, context), daemon=True).start()

    if context:
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
print(listen(good), listen(old), listen(None), flush=True)
sys.stdin.read()
os._exit(0)
