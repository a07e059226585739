# SPDX-License-Identifier: MIT
"""The control port: plain HTTP on loopback, JSON in and out. ROUTES is the whole of it."""
import inspect

from . import httpd
from . import wire as wires
from .control_users import UserControl


class Control:
    def __init__(self, box):
        self._box = box         # main.Sandbox
        self.ROUTES = {
            ("GET", "/info"): self._info,
            ("GET", "/messages"): self._messages,
            ("GET", "/violations"): self._violations,
            ("GET", "/events"): self._events,
            ("GET", "/secrets"): self._secrets,
            ("GET", "/limits"): self._limits,
            ("GET", "/faults"): self._faults,
            ("GET", "/wait"): self._wait,
            ("POST", "/fault"): self._fault,
            ("POST", "/release"): self._release,
            ("POST", "/clear"): self._clear,
            ("POST", "/reset"): self._reset,
            ("POST", "/off"): self._off,
            ("POST", "/on"): self._on,
            ("POST", "/set"): self._set,
            ("POST", "/revoke"): self._revoke,
            **UserControl(box).ROUTES,
        }

    async def serve(self, wire):
        try:
            while True:
                request = await httpd.read_request(wire)
                if request is None:
                    break
                status, body = await self._route(request)
                await wire.write(httpd.response(status, body))
        except (wires.Closed, wires.LineTooLong, httpd.Bad):
            pass        # a client of ours that went away, or never spoke HTTP

    async def _route(self, request):
        handler = self.ROUTES.get((request.method, request.path))
        if handler is None:
            return 404, {"error": f"no {request.method} {request.path}",
                         "routes": [" ".join(route) for route in self.ROUTES]}
        try:
            result = handler(request)
            return 200, (await result) if inspect.isawaitable(result) else result
        except (ValueError, KeyError, TypeError, httpd.Bad) as error:
            return 400, {"error": str(error)}

    # --- what there is --------------------------------------------------------------------
    def _info(self, _request):
        return self._box.info()

    def _messages(self, _request):
        return self._box.store.messages

    def _violations(self, request):
        found = list(self._box.recorder.violations)
        if request.query.get("take"):
            self._box.recorder.violations.clear()
        return found

    def _events(self, request):
        since, kind = int(request.query.get("since", 0)), request.query.get("kind")
        return [event for event in self._box.recorder.events[since:]
                if kind is None or event["kind"] in kind.split(",")]

    def _secrets(self, _request):
        return self._box.vault.describe(self._box.world)

    def _limits(self, _request):
        return self._box.limits.describe()

    def _faults(self, _request):
        return self._box.faults.describe()

    async def _wait(self, request):
        """Waits until every given number is reached: messages, violations, connections (open now,
        SMTP), stalled, received (octets from the SMTP connections open now), or count events of
        one kind. closed=N: at most N SMTP connections are open."""
        box, query = self._box, request.query
        numbers = {
            "messages": lambda: len(box.store.messages),
            "violations": lambda: len(box.recorder.violations),
            "connections": lambda: box.server.open,
            "stalled": lambda: box.faults.waiting,
            "received": lambda: sum(wire.received for wire in box.listeners["smtp"].wires),
        }
        tests = [(value, int(query[name])) for name, value in numbers.items() if name in query]
        if "event" in query:
            kind = query["event"]
            tests.append((lambda: box.recorder.counts[kind], int(query.get("count", 1))))

        def reached():
            if "closed" in query and box.server.open > int(query["closed"]):
                return False
            return all(value() >= wanted for value, wanted in tests)

        done = await box.recorder.wait_for(reached, float(query.get("timeout", 30)))
        return {"ok": done, **{name: value() for name, value in numbers.items()},
                "events": dict(box.recorder.counts)}

    # --- what to change -------------------------------------------------------------------
    def _fault(self, request):
        return {"id": self._box.faults.add(request.json())}

    def _release(self, request):
        self._box.faults.release(request.json().get("id"))
        return {"ok": True}

    def _clear(self, _request):
        self._box.faults.clear()
        return {"ok": True}

    async def _reset(self, _request):
        await self._box.reset()
        return {"ok": True}

    async def _off(self, request):
        wanted = request.json()
        await self._box.off(wanted.get("what", ["smtp", "token"]), wanted.get("drop", True))
        return {"ok": True}

    async def _on(self, request):
        await self._box.on(request.json().get("what", ["smtp", "token"]))
        return {"ok": True}

    def _set(self, request):
        self._box.world.set(request.json())
        return {"ok": True}

    def _revoke(self, _request):
        self._box.revoke()
        return {"ok": True}
