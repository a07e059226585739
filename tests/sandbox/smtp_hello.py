# SPDX-License-Identifier: MIT
"""EHLO, HELO, STARTTLS, NOOP, VRFY, HELP, QUIT."""
from . import address, replies
from .wire import Finished


def _drop_transaction(session):
    if session.transaction:
        session.transaction.discard()
        session.transaction = None


async def _hello(session, name):
    """Checks the name; True if it may go on."""
    if not address.valid_helo(name):
        await session.refuse(replies.BAD_DOMAIN)
        return False
    _drop_transaction(session)
    session.helo = name
    return True


async def ehlo(session, argument):
    if not await _hello(session, argument):
        return
    settings = session.world.settings
    omit = set(settings["omit"])
    fault = session.tampering.current
    if fault and fault.action == "omit":
        omit |= set(fault.get("keywords", []))
    session.omitted = omit
    await session.reply(replies.ehlo(session.wire.peer[0], session.tls, settings["advertised_size"],
                                     omit))


async def helo(session, argument):
    session.violation("helo", "HELO instead of EHLO")
    if await _hello(session, argument):
        await session.reply(f"250 {replies.HOST} Hello [{session.wire.peer[0]}]")


async def starttls(session, argument):
    if argument:
        await session.refuse(replies.BAD_ARGUMENTS)
        return
    if session.tls:
        await session.refuse(replies.BAD_SEQUENCE)
        return
    settings = session.world.settings
    variant, behind = settings["smtp_certificate"], b""
    fault = session.tampering.current
    if fault and fault.action == "certificate":
        variant = fault.get("variant")
    if fault and fault.action == "inject":
        behind = fault.get("text", "250-injected\r\n250 AUTH XOAUTH2\r\n").encode()
    context = session.server.pki.context(variant, settings["smtp_tls_max"])
    if session.tampering.tampers_with_reply:        # then the reply is not the plain 220
        await session.reply(replies.STARTTLS_READY)
        await session.tampering.after()
        await session.wire.start_tls(context)
    else:
        session.recorder.event("reply", conn=session.conn, text=replies.STARTTLS_READY)
        await session.wire.start_tls(context, replies.STARTTLS_READY.encode() + b"\r\n" + behind)
    # RFC 3207 4.2: everything known from before is forgotten.
    _drop_transaction(session)
    session.helo = None
    session.tls = session.wire.tls_version()
    session.recorder.event("tls", conn=session.conn, version=session.tls, certificate=variant)


async def noop(session, _argument):
    await session.reply(replies.OK)


async def vrfy(session, _argument):
    await session.reply(replies.VRFY)


async def help_(session, _argument):
    await session.reply(replies.HELP)


async def quit_(session, _argument):
    await session.reply(replies.CLOSING)
    await session.tampering.after()
    await session.wire.wait_closed(0.1)
    if session.wire.pending:
        session.violation("after-quit", session.wire.pending)
    raise Finished("quit")
