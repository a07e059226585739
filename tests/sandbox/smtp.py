# SPDX-License-Identifier: MIT
"""The submission server: a session's life, its line discipline and the hooks for faults.

The commands are in smtp_hello, smtp_auth, smtp_mail and smtp_body; TABLE joins them.
"""
import asyncio

from . import replies, smtp_auth, smtp_body, smtp_faults, smtp_hello, smtp_mail
from . import wire as wires

MAX_COMMAND = 64 * 1024         # read this far to answer a line that is too long
MAX_LINE = 998

# verb -> (handler, fault point, the client must wait for the reply: RFC 2920 3.1, 4954, 3207)
TABLE = {
    "EHLO": (smtp_hello.ehlo, "ehlo", True), "HELO": (smtp_hello.helo, "ehlo", True),
    "STARTTLS": (smtp_hello.starttls, "starttls", True),
    "AUTH": (smtp_auth.auth, "auth", True),
    "MAIL": (smtp_mail.mail, "mail", False), "RCPT": (smtp_mail.rcpt, "rcpt", False),
    "RSET": (smtp_mail.rset, "rset", False),
    "DATA": (smtp_body.data, "data", True), "BDAT": (smtp_body.bdat, "bdat", False),
    "NOOP": (smtp_hello.noop, "noop", True), "VRFY": (smtp_hello.vrfy, None, True),
    "HELP": (smtp_hello.help_, None, True), "QUIT": (smtp_hello.quit_, "quit", True),
}


class Session:
    def __init__(self, server, wire, number):
        self.server = server
        self.world, self.recorder, self.limits = server.world, server.recorder, server.limits
        self.wire = wire
        self.conn = number
        self.id = replies.session_id()
        self.tls = None
        self.helo = None
        self.mailbox = None             # primary address, once authenticated
        self.token_expires = None
        self.failed_auths = 0
        self.messages = 0
        self.transaction = None         # smtp_mail.Transaction between MAIL and its end
        self.tampering = smtp_faults.Tampering(self)

    # --- recording ------------------------------------------------------------------------
    def violation(self, rule, detail):
        self.recorder.violation(rule, self.conn, detail)

    def context(self):
        transaction = self.transaction
        return {"conn": self.conn, "tls": self.tls is not None, "helo": self.helo or "",
                "mailbox": self.mailbox or "",
                "mail_from": transaction.sender if transaction else "",
                "rcpt": transaction.recipients[-1] if transaction and transaction.recipients
                else ""}

    # --- output ---------------------------------------------------------------------------
    async def reply(self, text, end=""):
        """One reply, one write. `text` may hold several lines; `end` is the bracketed tail.

        500 to 504 in its natural course means that the client broke the protocol.
        """
        text += end
        code = text[:3]
        self.recorder.event("reply", conn=self.conn, text=text.split("\n")[-1][:300])
        if code in ("500", "501", "503", "504") and not text[4:].startswith("5.1."):
            self.violation("protocol", text)
        data = "\r\n".join(text.split("\n")).encode() + b"\r\n"
        await self.tampering.send(data)

    async def refuse(self, text):
        await self.reply(text, replies.tail(self.id))

    # --- input ----------------------------------------------------------------------------
    def lint(self, line):
        """Every line from the client: CRLF at its end and no other CR, LF, NUL."""
        if not line.endswith(b"\r\n"):
            self.violation("bare-lf", line)
        if b"\r" in line.rstrip(b"\n").removesuffix(b"\r"):
            self.violation("bare-cr", line)
        if b"\0" in line:
            self.violation("nul", line)

    def must_wait(self, verb):
        """The client had to wait for this command's reply: nothing may stand behind it."""
        if self.wire.pending:
            self.violation("pipelined-after-" + verb.lower(), self.wire.pending)

    async def line(self, limit=MAX_COMMAND):
        try:
            line = await asyncio.wait_for(self.wire.line(limit),
                                          self.world.settings["idle_timeout"])
        except asyncio.TimeoutError:
            await self.refuse("451 4.7.0 Timeout waiting for client input")
            raise wires.Finished("idle") from None
        except wires.LineTooLong:
            self.violation("line-length", self.wire.pending)
            await self.refuse(replies.LINE_TOO_LONG)
            raise wires.Finished("line too long") from None
        self.lint(line)
        return line.rstrip(b"\r\n")

    # --- the session ----------------------------------------------------------------------
    async def run(self):
        how = "error"
        self.recorder.event("connect", conn=self.conn, peer=self.wire.peer[0])
        try:
            if not await self.tampering.at("greeting"):
                if self.wire.pending:
                    self.violation("early-talker", self.wire.pending)
                await self.reply(replies.banner(self.id))
            while True:
                await self.command(await self.line())
        except (wires.Finished, wires.Closed) as end:
            how = str(end)
        finally:
            if self.wire.pending and not self.wire.lost.is_set():
                self.recorder.event("unread", conn=self.conn, bytes=len(self.wire.pending))
            if self.transaction:
                self.transaction.discard()
            if self.mailbox:
                self.limits.closed(self.mailbox, self.conn)
            self.recorder.event("disconnect", conn=self.conn, how=how, messages=self.messages)

    async def command(self, line):
        text = line.decode("utf-8", "surrogateescape")
        word, _, argument = text.partition(" ")
        verb = word.upper()
        shown = "AUTH " + argument.split(" ")[0] + (" ***" if " " in argument else "") \
            if verb == "AUTH" else text[:300]
        self.recorder.event("command", conn=self.conn, tls=self.tls is not None, line=shown)
        limit = 512 if verb == "AUTH" else MAX_LINE
        if len(line) + 2 > limit:
            self.violation("line-length", f"{verb[:20]}: {len(line) + 2} octets")
            if verb == "AUTH":
                await self.refuse(replies.LINE_TOO_LONG)
                return
        if verb not in TABLE:
            await self.refuse(replies.UNRECOGNIZED.format(verb=verb[:40]))
            return
        handler, point, waits = TABLE[verb]
        if waits:
            self.must_wait(verb)
        if point not in (None, "bdat"):         # BDAT asks for itself: its chunk must be read
            if await self.tampering.at(point, argument):
                return
        if waits:
            self.must_wait(verb)        # again: a stall may have lain between
        await handler(self, argument)
        await self.tampering.after()


class Server:
    def __init__(self, world, recorder, faults, limits, pki, issuer, store):
        self.world, self.recorder, self.faults = world, recorder, faults
        self.limits, self.pki, self.issuer, self.store = limits, pki, issuer, store
        self._connections = 0
        self.open = 0

    def reset(self):
        self._connections = 0

    async def serve(self, wire):
        self._connections += 1
        self.open += 1
        if self.world.settings["record_wire"]:
            wire.tap = self.store.wire_file(self._connections)
        try:
            await Session(self, wire, self._connections).run()
        finally:
            if wire.tap is not None:
                wire.tap.close()
                wire.tap = None
            self.open -= 1
            self.recorder.notify()
