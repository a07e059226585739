# SPDX-License-Identifier: MIT
"""DATA and BDAT: the message's bytes, and the judgement at its end."""
import re

from . import address, mailstore, replies
from .wire import HIGH_WATER, Finished

FLUSH = 64 * 1024
STRAY_DOT = re.compile(rb"\r\n\.(?!\.)")


class Lint:
    """Counts what must not be in a message on the wire, over any cut into pieces."""

    def __init__(self):
        self._held_cr = b""
        self.found = set()

    def feed(self, data):
        data = self._held_cr + data
        self._held_cr = b""
        if data.endswith(b"\r"):
            data, self._held_cr = data[:-1], b"\r"
        pairs = data.count(b"\r\n")
        if data.count(b"\n") != pairs:
            self.found.add("bare-lf")
        if data.count(b"\r") != pairs:
            self.found.add("bare-cr")
        if b"\0" in data:
            self.found.add("nul")

    def end(self):
        if self._held_cr:
            self.found.add("bare-cr")


class DotReader:
    """Finds CRLF.CRLF and takes the stuffed dots out. Only CRLF ends a line here.

    A CRLF that is not part of the message stands before it, so that its first line is like any
    other; `_skip` takes it away again.
    """

    def __init__(self):
        self._held = b"\r\n"
        self._skip = 2
        self.stray_dot = False

    def _plain(self, raw):
        if STRAY_DOT.search(raw):
            self.stray_dot = True
        out = raw.replace(b"\r\n..", b"\r\n.")
        skip, self._skip = self._skip, 0
        return out[skip:]

    def feed(self, data):
        """(bytes of the message, None), or (last bytes, what stands behind the end)."""
        data = self._held + data
        at = data.find(b"\r\n.\r\n")
        if at >= 0:
            self._held = b""
            return self._plain(data[:at + 2]), data[at + 5:]
        cut = data.rfind(b"\r\n")
        if cut <= 0 and len(data) > FLUSH:
            cut = len(data) - (1 if data.endswith(b"\r") else 0)
        if cut <= 0:
            self._held = data
            return b"", None
        self._held = data[cut:]
        return self._plain(data[:cut]), None


async def _may_begin(session):
    """Whether there is a recipient; has answered if not."""
    transaction = session.transaction
    if transaction is None:
        # Not refuse(): with PIPELINING, DATA may stand behind a MAIL or RCPT just refused.
        await session.tampering.send((replies.MAIL_FIRST + replies.tail(session.id) +
                                      "\r\n").encode())
    elif not transaction.recipients:
        await session.tampering.send((replies.RCPT_FIRST + replies.tail(session.id) +
                                      "\r\n").encode())
    else:
        return True
    return False


async def data(session, argument):
    if argument:
        await session.refuse(replies.BAD_ARGUMENTS)
        return
    if not await _may_begin(session):
        return
    transaction = session.transaction
    if transaction.chunks or transaction.body == "BINARYMIME":
        await session.refuse(replies.BAD_SEQUENCE)      # RFC 3030 2, 3
        return
    ready, fault = replies.READY, session.tampering.current
    if fault and fault.action == "early-250":
        ready += "\n" + replies.OK + " <early@sandbox>" + replies.hostname()
    transaction.draft = session.server.store.draft()
    await session.reply(ready)
    await session.tampering.after()
    await _receive_dotted(session, transaction)
    await _end(session)


async def _body_fault(session, transaction, pending):
    """Looks for a fault in the middle of the message once its octet count is reached."""
    if transaction.asked_body_fault:
        return
    fault = session.server.faults.find("data-body", session.context())
    if fault and transaction.draft.size + pending >= int(fault.get("bytes", 1)):
        transaction.asked_body_fault = True
        await session.tampering.at("data-body")


async def _receive_dotted(session, transaction):
    reader, lint = DotReader(), Lint()
    while True:
        raw = await session.wire.some()
        body, rest = reader.feed(raw)
        if rest is None:
            lint.feed(raw)
        else:
            lint.feed(raw[:len(raw) - len(rest)])
        transaction.draft.feed(body)
        if rest is None:
            await _body_fault(session, transaction, len(raw) - len(body))
            continue
        if rest:
            session.wire.push_back(rest)
        break
    _report(session, lint)
    if reader.stray_dot:
        session.violation("dot-stuffing", "a line begins with a single dot")
    if "bare-lf" in lint.found:
        transaction.refused = replies.BARE_LF


def _report(session, lint):
    lint.end()
    for rule in sorted(lint.found):
        session.violation(rule, "in the message")


async def bdat(session, argument):
    match = re.fullmatch(r"([0-9]{1,20})( LAST)?", argument, re.I)
    if not match:
        await session.refuse(replies.BAD_ARGUMENTS)
        raise Finished("bad BDAT")         # what follows cannot be told from commands
    length, last = int(match[1]), bool(match[2])
    transaction = session.transaction
    usable = transaction is not None and transaction.recipients and not transaction.refused
    lint = Lint()
    if usable and transaction.draft is None:
        transaction.draft = session.server.store.draft()
    while length:
        piece = await session.wire.some(min(length, HIGH_WATER))
        length -= len(piece)
        lint.feed(piece)
        if usable:
            transaction.draft.feed(piece)
            await _body_fault(session, transaction, 0)
    if await session.tampering.at("bdat"):
        if transaction:
            transaction.refused = replies.BAD_SEQUENCE
        return
    if transaction is not None and transaction.refused:
        await session.refuse(transaction.refused)
        return
    if not await _may_begin(session):
        return
    transaction.chunks += 1
    if transaction.body != "BINARYMIME":
        _report(session, lint)
    if last:
        await _end(session)
    else:
        await session.reply(f"250 2.6.0 CHUNK received OK, {match[1]} octets")


# --- the end of the message ---------------------------------------------------------------
def _check_declared(session, transaction):
    draft = transaction.draft
    if transaction.declared_size is None:
        session.violation("size-missing", "MAIL without SIZE")
    elif transaction.declared_size < draft.size:
        session.violation("size-declared",
                          f"declared {transaction.declared_size}, sent {draft.size}")
    if draft.eight_bit and transaction.body not in ("8BITMIME", "BINARYMIME"):
        session.violation("8bit-undeclared", "octets above 127 without BODY=8BITMIME")


def _judge(session, transaction):
    """The reply that refuses this message, or None."""
    draft, settings, mailbox = transaction.draft, session.world.settings, session.mailbox
    _, box = session.world.mailbox(mailbox)
    hve = box["kind"] == "hve"
    if transaction.refused:
        return transaction.refused
    if len(draft.header) > mailstore.HEADER_LIMIT:
        return replies.HEADER_TOO_BIG
    largest = settings["hve_message_size"] if hve else settings["advertised_size"]
    if draft.size > largest:
        return replies.TOO_BIG
    if not hve and session.limits.too_many_connections(mailbox, session.conn):
        session.recorder.event("limit", conn=session.conn, which="connections", mailbox=mailbox)
        return replies.CONNECTIONS
    if not hve and draft.size > (box["message_size"] or settings["message_size"]):
        return replies.TOO_BIG_FOR_MAILBOX
    senders = address.header_from(draft.header)
    if len(senders) > 1:
        return replies.MANY_FROM
    if not senders or not senders[0]:
        return replies.NO_FROM
    if not session.world.may_send_as(mailbox, senders[0]):
        return replies.HVE_NOT_FROM if hve else \
            replies.SEND_AS_DENIED.format(mailbox=mailbox, sender=senders[0])
    if not hve and session.limits.over_daily(mailbox, len(transaction.recipients)):
        session.recorder.event("limit", conn=session.conn, which="daily", mailbox=mailbox)
        return replies.DAILY
    return None


def _meta(session, transaction, answered):
    fields = address.header_fields(transaction.draft.header)
    return {"conn": session.conn, "mailbox": session.mailbox, "mail_from": transaction.sender,
            "rcpts": list(transaction.recipients), "tls": session.tls, "helo": session.helo,
            "declared_size": transaction.declared_size, "body": transaction.body,
            "smtputf8": transaction.utf8, "mail_params": transaction.params,
            "rcpt_params": transaction.rcpt_params, "started": transaction.started,
            "nth_on_connection": session.messages, "token_expires": session.token_expires,
            "answered": answered, "headers": [[name, value] for name, value in fields]}


def _store(session, transaction, answered):
    session.messages += 1
    session.limits.count_message(session.mailbox, len(transaction.recipients))
    session.server.store.commit(transaction.draft, _meta(session, transaction, answered))
    transaction.draft = None


async def _end(session):
    """Everything has arrived: judge, store, answer. The transaction is over in any case."""
    transaction = session.transaction
    transaction.draft.finish()
    _check_declared(session, transaction)
    try:
        if await session.tampering.at("eod"):
            fault = session.tampering.current
            if fault.get("store"):
                _store(session, transaction, True)
            return
        refusal = _judge(session, transaction)
        if refusal:
            await session.refuse(refusal)
            return
        fields = dict((name.lower(), value) for name, value in
                      address.header_fields(transaction.draft.header))
        identity = fields.get("message-id") or f"<{session.id}@{replies.BACKEND.lower()}>"
        _store(session, transaction, not session.tampering.unanswered)
        await session.reply(f"{replies.OK} {identity[:200]}", replies.hostname())
    finally:
        transaction.discard()
        session.transaction = None
