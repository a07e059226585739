# SPDX-License-Identifier: MIT
"""One accepted TCP connection, before and after STARTTLS, with its input buffer in sight.

asyncio's own streams hide what is buffered; the sandbox must see it (what did the client send
before it had our answer?), must drop a connection in any way, and must pause reading.
"""
import asyncio
import socket
import struct
import traceback

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024


class Closed(Exception):
    """The peer is gone, or a fault closed the connection."""


class Finished(Exception):
    """The session ends here, in order; the text says how."""


class LineTooLong(Exception):
    """No line end within the limit."""


class Wire(asyncio.Protocol):
    """`serve(wire)` is a coroutine function; it runs as the connection's only task."""

    def __init__(self, serve, notify):
        self._serve = serve
        self._notify = notify           # called whenever bytes arrive
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self._secured = False
        self.transport = None
        self.task = None
        self.eof = False
        self.lost = asyncio.Event()
        self.received = 0
        self.tap = None                 # a file that gets every byte, decrypted

    # --- asyncio.Protocol -----------------------------------------------------------------
    def connection_made(self, transport):
        self.transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = transport.get_extra_info("peername")
        self.task = asyncio.get_running_loop().create_task(self._serve(self))

    def data_received(self, data):
        self._buffer += data
        self.received += len(data)
        if self.tap is not None:
            self.tap.write(data)
        if len(self._buffer) > HIGH_WATER and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._arrived.set()
        self._notify()

    def eof_received(self):
        self.eof = True
        self._arrived.set()
        return not self._secured            # plain TCP: half-closed, we may still answer

    def connection_lost(self, exc):
        self.eof = True
        self.lost.set()
        self._arrived.set()
        self._writable.set()

    def pause_writing(self):
        self._writable.clear()

    def resume_writing(self):
        self._writable.set()

    # --- reading --------------------------------------------------------------------------
    @property
    def pending(self):
        """Bytes that arrived and were not read yet."""
        return bytes(self._buffer)

    def _take(self, count):
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        if self._paused and len(self._buffer) < LOW_WATER:
            self._paused = False
            if not self.lost.is_set():
                self.transport.resume_reading()
        return data

    def push_back(self, data):
        """Bytes read too far."""
        self._buffer[:0] = data

    async def _more(self):
        if self.eof:
            raise Closed("end of input")
        self._arrived.clear()
        await self._arrived.wait()

    async def line(self, limit):
        """The next line with its end (LF, whatever stands before it)."""
        searched = 0
        while True:
            at = self._buffer.find(b"\n", searched)
            if at >= 0:
                return self._take(at + 1)
            searched = len(self._buffer)
            if searched > limit:
                raise LineTooLong
            await self._more()

    async def some(self, limit=HIGH_WATER):
        """At least one byte, at most `limit`."""
        while not self._buffer:
            await self._more()
        return self._take(limit)

    async def wait_closed(self, seconds):
        """True if the peer went away (or sent its end) within this time."""
        end = asyncio.get_running_loop().time() + seconds
        while not self.eof:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except asyncio.TimeoutError:
                return self.eof
        return True

    # --- writing --------------------------------------------------------------------------
    async def write(self, data):
        """One write; returns when it is on its way. Raises Closed if the peer is gone."""
        if self.lost.is_set() or self.transport.is_closing():
            raise Closed("connection is closed")
        self.transport.write(data)
        await self._writable.wait()
        if self.lost.is_set():
            raise Closed("connection is closed")

    # --- state ----------------------------------------------------------------------------
    def tls_version(self):
        ssl_object = self.transport.get_extra_info("ssl_object")
        return ssl_object.version() if ssl_object else None

    async def start_tls(self, context, before=b"", timeout=30):
        """Writes `before` in the clear, then shakes hands. What was buffered is thrown away.

        Reading is paused before `before` goes out, so that the ClientHello can only meet TLS.
        """
        self.transport.pause_reading()
        self._buffer.clear()
        if before:
            await self.write(before)
        try:
            self.transport = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_side=True, ssl_handshake_timeout=timeout)
        except (OSError, asyncio.TimeoutError) as error:      # ssl.SSLError is an OSError
            self.eof = True
            self.lost.set()
            raise Closed(f"TLS: {error}") from error
        if self.transport is None:
            raise Closed("TLS: the peer went away")
        self._secured = True

    def close(self):
        if self.transport is not None:
            self.transport.close()

    def reset(self):
        """RST instead of FIN."""
        if self.transport is None or self.lost.is_set():
            return
        sock = self.transport.get_extra_info("socket")
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        self.transport.abort()


class Listener:
    """A server on a fixed port of several loopback addresses; it can be closed and opened again."""

    def __init__(self, serve, addresses, port, failed, notify):
        self._serve = serve
        self._notify = notify
        self._failed = failed           # called with the text of an unexpected exception
        self._addresses = addresses
        self.port = port
        self._servers = []
        self.wires = set()

    def _make(self):
        wire = Wire(self._run, self._notify)
        self.wires.add(wire)
        return wire

    async def _run(self, wire):
        try:
            await self._serve(wire)
        except Exception as error:      # pylint: disable=broad-except
            traceback.print_exc()       # a fault of the sandbox itself must not go unseen
            self._failed(repr(error))
        finally:
            wire.close()
            self.wires.discard(wire)

    async def open(self):
        """Port 0 means: choose one that is free on every address, and keep it from now on."""
        for attempt in range(20):
            try:
                await self._open_once()
                return
            except OSError:
                await self.close(drop=False)
                if self.port or attempt == 19:
                    raise

    async def _open_once(self):
        loop = asyncio.get_running_loop()
        port = self.port
        for address in self._addresses:
            server = await loop.create_server(self._make, address, port, backlog=256)
            self._servers.append(server)
            port = port or server.sockets[0].getsockname()[1]
        self.port = port

    @property
    def is_open(self):
        return bool(self._servers)

    async def close(self, drop=True):
        """Nobody listens any more; with `drop` the connections there are end with a RST."""
        for server in self._servers:
            server.close()
        self._servers = []
        if drop:
            for wire in list(self.wires):
                wire.reset()
