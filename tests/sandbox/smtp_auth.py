# SPDX-License-Identifier: MIT
"""AUTH XOAUTH2 (two steps, or inline when the line is short enough) and AUTH LOGIN.

The token is checked as Exchange does: signature, audience, role, time, right to the mailbox.
microsoft365.md 5 (wire) and 6.1 (replies).
"""
import base64
import binascii
import json
import re

from . import jwt, replies
from .wire import Finished, LineTooLong

AUTH_LINE = 12288               # RFC 4954 4: answers to a 334
AUDIENCE = "https://outlook.office365.com"
USER_AUDIENCES = ("https://outlook.office.com", AUDIENCE)
TOKEN_RE = re.compile(r"[A-Za-z0-9._~+/=-]+")
USER_RE = re.compile(r"[^\x00-\x20\x7f]+")


class Refused(Exception):
    """args: reply without tail, why (for the log), whether the client's bytes were at fault"""


async def auth(session, argument):
    words = argument.split(" ")
    mechanism = words[0].upper()
    if not session.tls:
        session.violation("auth-before-tls", mechanism)
        await session.refuse(replies.UNKNOWN_MECHANISM)
        return
    if not session.helo:
        await session.refuse(replies.HELLO_FIRST)
        return
    if session.mailbox or session.transaction or len(words) > 2:
        await session.refuse(replies.BAD_SEQUENCE)
        return
    if mechanism == "XOAUTH2":
        await _xoauth2(session, words[1] if len(words) == 2 else None)
    elif mechanism == "LOGIN":
        await _login(session, words[1] if len(words) == 2 else None)
    else:
        await session.refuse(replies.UNKNOWN_MECHANISM)


async def _ask(session, prompt):
    """Sends a 334 and reads the answer; None when the client cancels."""
    await session.reply("334 " + prompt)
    try:
        line = await session.wire.line(AUTH_LINE)
    except LineTooLong:
        session.violation("line-length", "AUTH response above 12288 octets")
        await session.refuse(replies.LINE_TOO_LONG)
        raise Finished("AUTH response too long") from None
    session.lint(line)
    session.recorder.event("command", conn=session.conn, tls=True, line="***")
    session.must_wait("auth-response")
    text = line.rstrip(b"\r\n")
    return None if text == b"*" else text


async def _xoauth2(session, initial):
    answer = await _ask(session, "") if initial is None else initial.encode("latin-1", "replace")
    if answer is None:
        await _fail(session, replies.AUTH_FAILED, None, "cancelled")
        return
    if await session.tampering.at("auth-response"):
        return
    fault = session.tampering.current
    session.must_wait("auth-response")
    if fault and fault.action == "challenge":
        await _challenge(session, fault)
        return
    if fault and fault.action == "echo":
        await _echo(session, answer)
        return
    user = None
    try:
        user, token = _parse(answer)
        primary, claims = _check(session, user, token)
    except Refused as refusal:
        reply, why, malformed = refusal.args
        if malformed:
            session.violation("xoauth2-form", why)
        await _fail(session, reply, user, why)
        return
    session.token_expires = claims["exp"]
    await _accept(session, primary)


def _parse(answer):
    """base64("user=" U ^A "auth=Bearer " T ^A ^A) -> U, T, to the byte."""
    try:
        if not answer or len(answer) % 4:
            raise ValueError("length")
        text = base64.b64decode(answer, validate=True).decode("utf-8")
    except (ValueError, binascii.Error) as error:
        raise Refused(replies.BAD_ARGUMENT, f"not base64: {error}", True) from error
    parts = text.split("\x01")
    if len(parts) != 4 or parts[2:] != ["", ""] or not parts[0].startswith("user="):
        raise Refused(replies.BAD_AUTH_DATA.format(code=122), "form", True)
    user, bearer = parts[0][len("user="):], parts[1]
    if not user:
        raise Refused(replies.BAD_AUTH_DATA.format(code=123), "no user", True)
    if not USER_RE.fullmatch(user) or "@" not in user:
        raise Refused(replies.BAD_AUTH_DATA.format(code=124), "user's form", True)
    if not bearer.startswith("auth=Bearer "):
        raise Refused(replies.BAD_AUTH_DATA.format(code=125), "no Bearer", True)
    token = bearer[len("auth=Bearer "):]
    if not TOKEN_RE.fullmatch(token):
        raise Refused(replies.BAD_AUTH_DATA.format(code=126), "no token, or odd bytes in it", True)
    return user, token


def _check(session, user, token):
    """The mailbox and the token's claims. Raises Refused."""
    world = session.world
    primary, box = world.mailbox(user)
    hve = box is not None and box["kind"] == "hve"
    failed = replies.HVE_FAILED if hve else replies.AUTH_FAILED

    def refuse(why, reply=failed):
        raise Refused(reply, why, False)

    if box is not None and session.limits.locked(primary):
        refuse("locked", replies.LOCKED)
    try:
        claims = session.server.issuer.verify(token, world.now())
    except jwt.Invalid as error:
        refuse(str(error))
    if box is None:
        refuse("no such mailbox")
    if claims["iat_ms"] < world.revoked_before:
        refuse("revoked")
    (_check_user if claims.get("idtyp") == "user" else _check_app)(
        world, primary, box, claims, refuse, hve, failed)
    if hve and claims["exp"] - world.now() < world.settings["hve_token_margin"]:
        refuse("ends soon", replies.HVE_SOON)
    if box["smtp_auth_disabled"]:
        refuse("SMTP AUTH is off", replies.AUTH_OFF)
    return primary, claims


def _check_app(world, _primary, box, claims, refuse, hve, failed):
    """An application in its own name: role, and a right to the mailbox."""
    app = world.app(claims["appid"])
    if claims["aud"] != AUDIENCE:
        refuse("audience " + claims["aud"])
    role = "Mail.Send" if hve else "SMTP.SendAsApp"
    if not hve and "SMTP.SendAsApp" not in claims.get("roles", ()) and \
            box["tenant"] == app["tenant"] and claims["appid"] in box["rbac"]:
        return                      # RBAC for Applications (microsoft365.md 4.10, way B)
    if role not in claims.get("roles", ()):
        refuse("role " + role + " is missing", replies.HVE_PERMISSION if hve else failed)
    if box["tenant"] != app["tenant"] or claims["appid"] not in box["full_access"]:
        refuse("no right to the mailbox", replies.HVE_APP if hve else failed)


def _check_user(world, primary, box, claims, refuse, hve, failed):
    """A user: the scope, and the user's own mailbox or full access to it."""
    user = world.user(claims["upn"])
    tenant = world.tenant(user["tenant"])
    resources = (tenant["smtp_scope"],) if tenant["plain"] else USER_AUDIENCES
    if claims["aud"] not in resources:
        refuse("audience " + claims["aud"])
    scope = tenant["smtp_scope"] if tenant["plain"] else "Mail.Send" if hve else "SMTP.Send"
    if scope not in claims["scp"].split():
        refuse("scope " + scope + " is missing", replies.HVE_PERMISSION if hve else failed)
    if not user["enabled"]:
        refuse("user is disabled")
    own = world.mailbox(user["upn"])[0] == primary
    if box["tenant"] != tenant["key"] or not own and user["upn"] not in box["full_access"]:
        refuse("no right to the mailbox")


async def _accept(session, primary):
    session.mailbox = primary
    session.limits.auth_worked(primary)
    session.limits.opened(primary, session.conn)
    session.recorder.event("auth", conn=session.conn, user=primary, ok=True)
    await session.reply(replies.AUTH_OK)


async def _fail(session, reply, user, why):
    session.recorder.event("auth", conn=session.conn, user=user, ok=False, why=why)
    if user:
        session.limits.auth_failed(user.lower())
    session.failed_auths += 1
    if session.failed_auths >= session.world.settings["failed_auths"]:
        await session.refuse(reply)
        await session.refuse(replies.AUTH_CLOSE)
        raise Finished("too many failed AUTHs")
    # Not by refuse(): a 501 of ours about a token is no breach of the protocol by itself.
    session.recorder.event("reply", conn=session.conn, text=reply)
    await session.tampering.send((reply + replies.tail(session.id) + "\r\n").encode())


async def _challenge(session, fault):
    """334 with JSON, as Gmail does; the client must send an empty line and take the 535."""
    status = fault.get("json") or {"status": "401", "schemes": "bearer",
                                   "scope": "https://outlook.office365.com/"}
    prompt = base64.b64encode(json.dumps(status, separators=(",", ":")).encode()).decode()
    answer = await _ask(session, prompt)
    if answer:
        session.violation("challenge-answer", "not an empty line")
    await _fail(session, replies.AUTH_FAILED, None, "challenge fault")


async def _echo(session, answer):
    """535 with all that was sent, as it is and decoded: what a careless server might say."""
    session.recorder.event("auth", conn=session.conn, user=None, ok=False, why="echo fault")
    plain = base64.b64decode(answer).replace(b"\x01", b" ")
    await session.tampering.send(b"535-5.7.3 Authentication unsuccessful " + plain + b"\r\n"
                                 b"535 5.7.3 " + answer + b"\r\n")


async def _login(session, initial):
    """Basic authentication: offered, and refused in the words of today's tenants."""
    basic = session.world.settings["basic_auth"]
    if not basic:
        session.violation("auth-login", "AUTH LOGIN by a client that has a token")
    user = initial.encode() if initial else await _ask(session, "VXNlcm5hbWU6")
    password = await _ask(session, "UGFzc3dvcmQ6") if user is not None else None
    if password is None:
        await _fail(session, replies.AUTH_FAILED, None, "cancelled")
        return
    try:
        name = base64.b64decode(user, validate=True).decode()
        given = base64.b64decode(password, validate=True).decode()
    except (ValueError, binascii.Error):
        await _fail(session, replies.AUTH_FAILED, None, "not base64")
        return
    primary, box = session.world.mailbox(name)
    if not basic:
        await _fail(session, replies.BASIC_OFF, name, "basic authentication is disabled")
    elif box and box["password"] and box["password"] == given:
        await _accept(session, primary)
    else:
        await _fail(session, replies.AUTH_FAILED, name, "password")
