# SPDX-License-Identifier: MIT
"""MAIL, RCPT, RSET: the envelope, checked as Exchange checks it."""
import asyncio
import time

from . import address, replies, smtp_params
from .wire import Finished


class Transaction:
    """From an accepted MAIL to the end of the message, RSET, EHLO or the connection."""

    def __init__(self, sender, params):
        self.sender = sender
        self.params = params            # of MAIL: smtp_params.parse()
        self.declared_size = params.get("SIZE")
        self.body = params.get("BODY")  # None when the client did not say
        self.utf8 = "SMTPUTF8" in params
        self.recipients = []
        self.rcpt_params = []           # of each recipient
        self.draft = None               # mailstore.Draft
        self.started = round(time.time(), 6)
        self.chunks = 0
        self.asked_body_fault = False
        self.refused = None             # after a failed BDAT every other chunk gets this

    def discard(self):
        if self.draft:
            self.draft.discard()
            self.draft = None


async def _ready(session):
    """Whether an envelope may begin; has answered if not."""
    if not session.helo:
        await session.refuse(replies.HELLO_FIRST)
    elif not session.tls:
        session.violation("mail-before-tls", "MAIL in clear text")
        await session.refuse(replies.TLS_FIRST)
    elif not session.mailbox:
        session.violation("mail-before-auth", "MAIL without AUTH")
        await session.refuse(replies.NOT_AUTHENTICATED)
    elif session.transaction:
        await session.refuse(replies.SENDER_GIVEN)
    else:
        return True
    return False


async def mail(session, argument):
    if not await _ready(session):
        return
    parsed = address.parse_path(argument, "FROM:")
    if parsed is None:
        await session.refuse(replies.BAD_ARGUMENTS)
        return
    sender, params = parsed
    try:
        params = smtp_params.parse(params, smtp_params.MAIL, session.omitted)
    except smtp_params.Refused as error:
        session.violation("mail-parameter", str(error))
        await session.refuse(error.reply)
        return
    size = params.get("SIZE")
    if sender and not address.valid_mailbox(sender, "SMTPUTF8" in params):
        await session.refuse(replies.BAD_SENDER)
        return
    _, box = session.world.mailbox(session.mailbox)
    hve = box["kind"] == "hve"
    # Exchange refuses the null sender here as it does any other that is not the mailbox.
    if not session.world.may_send_as(session.mailbox, sender):
        await session.refuse(replies.HVE_NOT_SENDER if hve else replies.NOT_SENDER)
        return
    settings = session.world.settings
    largest = settings["hve_message_size"] if hve else settings["advertised_size"]
    if size is not None and size > largest:
        await session.refuse(replies.TOO_BIG)
        return
    wait = 0 if hve else session.limits.seconds_until_rate_allows(session.mailbox)
    if wait > 0:
        session.recorder.event("limit", conn=session.conn, which="rate", mailbox=session.mailbox)
        if settings["rate_mode"] != "delay":
            await session.refuse(replies.RATE)
            raise Finished("rate limit")
        await asyncio.sleep(wait)
    session.transaction = Transaction(sender, params)
    await session.reply(replies.SENDER_OK)


async def rcpt(session, argument):
    transaction = session.transaction
    if transaction is None:
        # With PIPELINING a client sends RCPT behind a MAIL that is then refused: no violation.
        await session.tampering.send((replies.MAIL_FIRST + replies.tail(session.id) +
                                      "\r\n").encode())
        return
    parsed = address.parse_path(argument, "TO:")
    if parsed is None:
        await session.refuse(replies.BAD_ARGUMENTS)
        return
    recipient, params = parsed
    try:
        params = smtp_params.parse(params, smtp_params.RCPT, session.omitted)
    except smtp_params.Refused as error:
        session.violation("rcpt-parameter", str(error))
        await session.refuse(error.reply)
        return
    if not address.valid_mailbox(recipient, transaction.utf8):
        await session.refuse(replies.BAD_RCPT)
        return
    primary, box = session.world.mailbox(session.mailbox)
    hve = box["kind"] == "hve"
    if hve:
        tenant = session.world.tenant(box["tenant"])
        if recipient.rpartition("@")[2].lower() not in tenant["domains"]:
            await session.refuse(replies.HVE_EXTERNAL)
            return
    settings = session.world.settings
    if len(transaction.recipients) >= settings["hve_recipients" if hve else "recipients"]:
        session.recorder.event("limit", conn=session.conn, which="recipients", mailbox=primary)
        await session.refuse(replies.TOO_MANY_RCPTS)
        return
    transaction.recipients.append(recipient)
    transaction.rcpt_params.append(params)
    await session.reply(replies.RCPT_OK)


async def rset(session, argument):
    if argument:
        await session.refuse(replies.BAD_ARGUMENTS)
        return
    if session.transaction:
        session.transaction.discard()
        session.transaction = None
    await session.reply(replies.RESET)
