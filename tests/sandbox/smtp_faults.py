# SPDX-License-Identifier: MIT
"""How a fault (faults.py) is carried out in an SMTP session."""
import asyncio
import base64
import os

from . import wire as wires


def _bytes(fault):
    if fault.get("base64") is not None:
        return base64.b64decode(fault.get("base64"))
    return fault.get("text", "").encode("latin-1", "replace")


class Tampering:
    """One per session. at() at the start of a command; send() for its reply; after() at its end."""

    def __init__(self, session):
        self._session = session
        self._replacement = None        # bytes sent in place of the next reply
        self._drop = None               # None | "unanswered" | "after"
        self._how = "fin"
        self._drip = 0.0
        self.current = None             # the fault found by the last at() that did not end there

    async def at(self, point, argument=""):
        """True when a fault took the place of the command."""
        context = self._session.context()
        if point == "rcpt":
            context["rcpt"] = argument
        elif point == "mail":
            context["mail_from"] = argument
        elif point == "ehlo":
            context["helo"] = argument
        fault = self._session.server.faults.take(point, context)
        self.current = fault
        if fault is None:
            return False
        act = getattr(self, "act_" + fault.action.replace("-", "_"), None)
        return await act(fault) if act else False

    async def send(self, data):
        if self._drop == "unanswered":
            self.drop("dropped before the reply")
        if self._replacement is not None:
            data, self._replacement = self._replacement, None
        if not self._drip:
            await self._session.wire.write(data)
            return
        for byte in data:
            await self._session.wire.write(bytes([byte]))
            await asyncio.sleep(self._drip)
        self._drip = 0.0

    async def after(self):
        if self._drop == "after":
            self.drop("dropped after the reply")

    @property
    def tampers_with_reply(self):
        return bool(self._drop or self._drip or self._replacement is not None)

    @property
    def unanswered(self):
        """The next reply will not be sent."""
        return self._drop == "unanswered"

    def drop(self, why):
        if self._how == "rst":
            self._session.wire.reset()
        else:
            self._session.wire.close()
        raise wires.Closed(why)

    async def finish(self, fault, data):
        """Sends bytes that stand in for a reply; closes if the fault wants that."""
        await self._session.wire.write(data)
        if fault.get("close"):
            self.drop("closed by fault")
        return True

    # --- one method for each action; True: the command is done with -----------------------
    async def act_reply(self, fault):
        text = fault.get("text", "451 4.7.0 Temporary server error. Please try again later. PRX4")
        self._session.recorder.event("reply", conn=self._session.conn, text=text[:300],
                                     fault=fault.id)
        return await self.finish(fault, text.replace("\n", "\r\n").encode() + b"\r\n")

    async def act_stall(self, fault):
        await fault.hold(self._session.recorder, self._session.wire.lost)
        if self._session.wire.lost.is_set():
            raise wires.Closed("the client left during a stall")
        if fault.get("text"):
            return await self.act_reply(fault)
        return False

    async def act_drop(self, fault):
        self._how = fault.get("how", "fin")
        when = fault.get("when", "before")
        if when == "before":
            self.drop("dropped by fault")
        self._drop = when
        return False

    async def act_raw(self, fault):
        if fault.get("perform"):
            self._replacement = _bytes(fault)
            return False
        return await self.finish(fault, _bytes(fault))

    async def act_endless(self, fault):
        line = (fault.get("line", "250-and so on") + "\r\n").encode() * 50
        while True:
            await self._session.wire.write(line)
            await asyncio.sleep(0)

    async def act_long_line(self, fault):
        size = int(fault.get("bytes", 16384))
        return await self.finish(fault, b"250 " + b"x" * (size - 6) + b"\r\n")

    async def act_nul(self, fault):
        return await self.finish(fault, b"250 2.0.0 O\0K\r\n")

    async def act_garbage(self, fault):
        noise = os.urandom(int(fault.get("bytes", 600)))
        return await self.finish(fault, b"\xff\xfe" + noise + b"\r\n")

    async def act_drip(self, fault):
        self._drip = float(fault.get("delay", 0.05))
        return False

