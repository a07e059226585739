# SPDX-License-Identifier: MIT
"""TLS clients: openssl's own, as old or as odd as a test wants; and libssl, call by call."""
import ctypes
import ctypes.util
import os
import socket
import struct
import subprocess

# A client's own policy would keep it from saying what an old device says.
OLD = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = old
[old]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
"""


def s_client(port, *options, folder, starttls=True, source=None, letters=None, timeout=30):
    """What `openssl s_client` prints (both streams) when it connects, handshakes and says QUIT.

    letters are commands to s_client itself, instead. (It takes the Q of QUIT for one, and leaves
    before the tickets are there, unless it is told to wait for the relay's end.)
    """
    config = os.path.join(folder, "old-openssl.cnf")
    with open(config, "w", encoding="ascii") as file:
        file.write(OLD)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-crlf"]
    command += ["-starttls", "smtp"] if starttls else []
    command += ["-ign_eof"] if letters is None else []
    command += ["-bind", source + ":0"] if source else []
    done = subprocess.run([*command, *options], input=(letters or "QUIT\n").encode(), timeout=timeout,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "OPENSSL_CONF": config})
    return done.stdout.decode(errors="replace")


class LibSSL:
    """A TLS connection over a connected socket, made with libssl's own calls, which can do what
    Python's ssl cannot: KeyUpdate, close_notify and go on reading. Everything blocks."""

    def __init__(self, plain, version=0x0304):
        lib = self.lib = ctypes.CDLL(ctypes.util.find_library("ssl"))
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        self.socket = plain
        self.socket.setblocking(True)
        self.context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
        lib.SSL_CTX_ctrl(self.context, 123, ctypes.c_long(version), None)   # min_proto_version
        lib.SSL_CTX_ctrl(self.context, 124, ctypes.c_long(version), None)   # max_proto_version
        self.ssl = ctypes.c_void_p(lib.SSL_new(self.context))
        lib.SSL_set_fd(self.ssl, self.socket.fileno())
        assert lib.SSL_connect(self.ssl) == 1

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.lib.SSL_free(self.ssl)
        self.lib.SSL_CTX_free(self.context)
        self.socket.close()

    def send(self, data):
        assert self.lib.SSL_write(self.ssl, data, len(data)) == len(data)

    def receive(self):
        """b"" when nothing more comes."""
        room = ctypes.create_string_buffer(65536)
        count = self.lib.SSL_read(self.ssl, room, len(room))
        return room.raw[:max(count, 0)]

    def wait(self, text):
        data = b""
        while text not in data:
            more = self.receive()
            assert more, data
            data += more
        return data

    def key_update(self):
        """Asks for the server's new keys too."""
        assert self.lib.SSL_key_update(self.ssl, 1) == 1
        return self.lib.SSL_do_handshake(self.ssl) == 1

    def close_notify(self):
        return self.lib.SSL_shutdown(self.ssl)


def _block(size, data):
    return len(data).to_bytes(size, "big") + data


def client_hello(version=0x0303, ciphers=(0xC02F, 0x009C, 0x002F), sni=None, extensions=b"",
                 record=0x0301):
    """A ClientHello in one record; sni are the bytes that stand for the server's name."""
    if sni is not None:
        extensions += struct.pack(">H", 0) + _block(2, _block(2, b"\x00" + _block(2, sni)))
    # Groups, point formats, and signatures that everybody has.
    extensions += struct.pack(">H", 10) + _block(2, _block(2, b"\x00\x17\x00\x1d"))
    extensions += struct.pack(">H", 11) + _block(2, _block(1, b"\x00"))
    extensions += struct.pack(">H", 13) + _block(2, _block(2, b"\x04\x01\x08\x04\x02\x01"))
    body = (struct.pack(">H", version) + b"\x42" * 32 + _block(1, b"")
            + _block(2, b"".join(struct.pack(">H", cipher) for cipher in ciphers))
            + _block(1, b"\x00") + _block(2, extensions))
    return b"\x16" + struct.pack(">H", record) + _block(2, b"\x01" + _block(3, body))


def reset(connection):
    """Ends it by a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
