# SPDX-License-Identifier: MIT
"""What a fault does to an answer over HTTP. Each act returns
(sent or None, status, body, more headers, keep the connection)."""
import asyncio
import base64
import urllib.parse

from . import aadsts, httpd


async def tamper(wire, recorder, fault, note, status, body, request):
    if fault.action == "echo":
        return _echo(fault, note, request)
    return await ACTS[fault.action](wire, recorder, fault, note, status, body)


async def _stall(wire, recorder, fault, note, status, body):
    await fault.hold(recorder, wire.lost)
    return None, status, body, [], True


async def _drop(wire, recorder, fault, note, status, body):
    wire.reset() if fault.get("how") == "rst" else wire.close()
    return True, 0, None, [], False


async def _http(wire, recorder, fault, note, status, body):
    headers = list((fault.get("headers") or {}).items())
    if fault.get("retry_after") is not None:
        headers.append(("Retry-After", str(fault.get("retry_after"))))
    text = fault.get("body")
    if text is None:
        text = "<html><head><title>Service Unavailable</title></head><body><h2>Our services " \
               "aren't available right now</h2></body></html>"
    if isinstance(text, str) and "Content-Type" not in (fault.get("headers") or {}):
        headers.append(("Content-Type", "text/html"))
    return None, int(fault.get("status", 503)), text, headers, True


async def _aadsts(wire, recorder, fault, note, status, body):
    note["error"] = int(fault.get("code"))
    more = {"error": fault.get("error")} if fault.get("error") else {}
    tell = aadsts.plain if fault.get("plain") else aadsts.error
    status, body = tell(note["error"], tenant=note["tenant"], client=note["client_id"], **more)
    return None, status, body, [], True


async def _hang(wire, recorder, fault, note, status, body):
    if fault.get("where", "before") == "after":
        await wire.write(httpd.head(200, [("Content-Type", "application/json")], 2000))
    await fault.hold(recorder, wire.lost)
    return True, 0, None, [], False


async def _token_drip(wire, recorder, fault, note, status, body):
    for byte in httpd.response(status, body):
        await wire.write(bytes([byte]))
        await asyncio.sleep(float(fault.get("delay", 0.2)))
    return True, status, None, [], True


async def _redirect(wire, recorder, fault, note, status, body):
    place = fault.get("location") or f"https://localhost{'/elsewhere'}"
    return None, int(fault.get("status", 302)), "", [("Location", place)], True


async def _huge(wire, recorder, fault, note, status, body):
    left = int(fault.get("bytes", 64 * 1024 * 1024))
    await wire.write(httpd.head(200, [("Content-Type", "application/json")], left))
    await wire.write(b'{"access_token":"')
    left -= 17
    while left > 0:
        await wire.write(b"A" * min(left, 65536))
        left -= 65536
    return True, 200, None, [], False


async def _raw(wire, recorder, fault, note, status, body):
    data = base64.b64decode(fault.get("base64", "")) + fault.get("text", "").encode("latin-1")
    await wire.write(data)
    piece, left = fault.get("repeat", "").encode("latin-1"), int(fault.get("times", 0))
    many = max(1, 65536 // max(1, len(piece)))
    while piece and left > 0:
        await wire.write(piece * min(left, many))
        left -= many
    wire.close()
    return True, 0, None, [], False


async def _bad_json(wire, recorder, fault, note, status, body):
    text = fault.get("body", '{"token_type":"Bearer","expires_in":3599,"access_tok')
    return None, 200, text, [("Content-Type", "application/json; charset=utf-8")], True


async def _expires_in(wire, recorder, fault, note, status, body):
    if isinstance(body, dict) and "access_token" in body:
        body = {key: value for key, value in body.items() if "expires_in" not in key}
        if fault.get("value") is not None:
            body["expires_in"] = fault.get("value")
    return None, status, body, [], True


async def _forged_token(wire, recorder, fault, note, status, body):
    return None, 200, {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599,
                       "access_token": fault.get("token")}, [], True


def _echo(fault, note, request):
    """What a careless server writes into its error: all that it was sent, raw and decoded."""
    raw = request.body.decode("latin-1") or str(request.headers)
    note["error"] = code = int(fault.get("code", 7000215))
    status, body = aadsts.error(code, tenant=note["tenant"], client=note["client_id"])
    body["error_description"] = f"AADSTS{code}: {urllib.parse.unquote_plus(raw)} {raw}"
    return None, status, body, [("X-Request", raw[:2000])], True


ACTS = {
    "stall": _stall, "drop": _drop, "http": _http, "aadsts": _aadsts, "hang": _hang,
    "token-drip": _token_drip, "redirect": _redirect, "huge": _huge, "token-raw": _raw,
    "bad-json": _bad_json, "expires-in": _expires_in, "forged-token": _forged_token,
}
