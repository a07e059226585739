#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the sandbox. See README.md.

Prints one JSON line with "ready": true when it listens. Ends when its standard input is closed,
so that it never outlives whoever started it, and after --lifetime seconds.
"""
import os
import sys

if __package__ in (None, ""):       # run as a program: make the package of it
    _HERE = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]
    sys.path.insert(0, os.path.dirname(_HERE))
    __package__ = "sandbox"         # pylint: disable=redefined-builtin

# pylint: disable=wrong-import-position
import argparse
import asyncio
import json
import signal
import tempfile
import threading
import time

from sandbox import faults, identity, jwt, limits, mailstore, pki, recorder, signins, smtp
from sandbox import token_endpoint, vault, world
from sandbox.control import Control
from sandbox.grants.ask import Office
from sandbox.wire import Listener


class Sandbox:
    """Joins the parts; owns the listeners."""

    def __init__(self, options):
        directory = os.path.abspath(options.dir)
        os.makedirs(directory, exist_ok=True)
        extra = json.loads(options.config) if options.config else {}
        self.directory = directory
        self.recorder = recorder.Recorder()
        self.world = world.World(directory, extra)
        self.faults = faults.FaultBook(self.recorder)
        self.limits = limits.Limits(self.world)
        self.pki = pki.Pki(directory)
        self.issuer = jwt.Issuer()
        self.store = mailstore.MailStore(directory, self.recorder)
        self.server = smtp.Server(self.world, self.recorder, self.faults, self.limits, self.pki,
                                  self.issuer, self.store)
        self.vault = vault.Vault()
        self.signins = signins.SignIns(self.world, self.vault)
        office = Office(self.world, self.recorder, self.issuer, self.vault, self.signins)
        tokens = token_endpoint.TokenEndpoint(office, self.faults, self.pki)
        addresses = options.bind.split(",")
        self.identities = {kind: identity.Identity(kind, office, self.faults, directory)
                           for kind in ("imds", "arc")}
        self.listeners = {
            "smtp": Listener(self.server.serve, addresses, options.smtp_port, self._bug,
                             self.recorder.notify),
            "token": Listener(tokens.serve, addresses, options.token_port, self._bug,
                              self.recorder.notify),
            **{kind: Listener(one.serve, ["127.0.0.1"], 0, self._bug, self.recorder.notify)
               for kind, one in self.identities.items()},
        }
        self._control = Listener(Control(self).serve, ["127.0.0.1"], options.control_port,
                                 self._bug, lambda: None)

    def _bug(self, text):
        self.recorder.violation("sandbox-bug", None, text)

    async def open(self):
        for listener in (*self.listeners.values(), self._control):
            await listener.open()

    async def close(self):
        for listener in (*self.listeners.values(), self._control):
            await listener.close()

    async def off(self, what, drop):
        for name in what:
            await self.listeners[name].close(drop)
            self.recorder.event("off", what=name)

    async def on(self, what):
        for name in what:
            if not self.listeners[name].is_open:
                await self.listeners[name].open()
                self.recorder.event("on", what=name)

    def revoke(self):
        """Tokens issued until now are refused from now on."""
        self.world.revoked_before = time.time()

    async def reset(self):
        """Back to the beginning, on the same ports: nothing received, no faults, all defaults."""
        self.faults.clear()
        for listener in self.listeners.values():
            for wire in list(listener.wires):
                wire.reset()
        await self.on(self.listeners)
        gone = self.recorder.wait_for(
            lambda: not any(listener.wires for listener in self.listeners.values()), 5)
        await gone
        self.world.reset()
        self.limits.reset()
        self.store.reset()
        self.server.reset()
        self.signins.reset()
        for one in self.identities.values():
            one.reset()
        self.vault.reset()
        self.recorder.reset()

    def info(self):
        smtp_port, token_port = self.listeners["smtp"].port, self.listeners["token"].port
        data = self.world.info()
        return {
            "smtp_port": smtp_port, "token_port": token_port, "control_port": self._control.port,
            "imds_port": self.listeners["imds"].port, "arc_port": self.listeners["arc"].port,
            "system_identity": world.SYSTEM_IDENTITY, "user_identity": world.USER_IDENTITY,
            "arc_folder": os.path.join(self.directory, "arc-tokens"),
            "pid": os.getpid(), "dir": self.directory, "ca_file": self.pki.ca_file,
            "tenant": world.TENANT, "client_id": world.CLIENT,
            "public_client": world.PUBLIC_CLIENT, "mailbox": world.MAILBOX,
            "secret": data["apps"][world.CLIENT]["secrets"][0]["value"],
            "token_endpoint":
                f"https://localhost:{token_port}/{world.TENANT}/oauth2/v2.0/token",
            "scope": "https://outlook.office365.com/.default", **data,
        }


def _watch_stdin(loop, stop):
    """A thread of its own: standard input may be a file, a pipe or a terminal."""
    def read():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        try:
            loop.call_soon_threadsafe(stop.set)
        except RuntimeError:
            pass                # the loop has ended already
    threading.Thread(target=read, daemon=True).start()


async def run(options):
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    box = Sandbox(options)
    await box.open()
    info = box.info()
    ready = {"ready": True, **{key: info[key] for key in
                               ("smtp_port", "token_port", "control_port", "imds_port",
                                "arc_port", "system_identity", "user_identity", "arc_folder",
                                "pid", "dir",
                                "ca_file", "tenant", "client_id", "public_client", "mailbox",
                                "token_endpoint")}}
    print(json.dumps(ready), flush=True)
    _watch_stdin(loop, stop)
    try:
        await asyncio.wait_for(stop.wait(), options.lifetime)
    except asyncio.TimeoutError:
        print("sandbox: lifetime is over", file=sys.stderr)
    await box.close()


def parse(arguments):
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    parser.add_argument("--dir", help="where everything is written (default: a new one)")
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--token-port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--bind", default="127.0.0.1,::1", help="addresses, with commas")
    parser.add_argument("--config", help="JSON laid over the defaults (world.py)")
    parser.add_argument("--lifetime", type=float, default=1800, help="seconds (1800)")
    options = parser.parse_args(arguments)
    options.dir = options.dir or tempfile.mkdtemp(prefix="sandbox-")
    return options


if __name__ == "__main__":
    asyncio.run(run(parse(None)))
