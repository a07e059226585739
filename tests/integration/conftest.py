# SPDX-License-Identifier: MIT
"""Fixtures: `sandbox` (one process for each worker, reset for each test) and `relay`, a factory.

After every test: the relay stopped with exit code 0, its log shows no sanitizer report, no secret
or token is in anything that it showed or keeps (canary.py), and the sandbox saw no violation of the
protocol.
"""
import glob
import os

import pytest

from sandbox.client import Sandbox

from . import relay as relays


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of each relay's log, and keeps its folder."""
    report = (yield).get_result()
    if report.failed:
        item.relay_test_failed = True
        for one in getattr(item, "relays", []):
            report.sections.append((f"log of the relay in {one.dir}", one.tail(80)))


@pytest.fixture(scope="session")
def sandbox_process():
    # Rates are what most tests are not about; test_limits.py sets them to Microsoft's.
    rates = {"per_minute": 10**6, "recipients_per_day": 10**9}
    with Sandbox(config={"settings": rates}) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process):
    sandbox_process.reset()
    yield sandbox_process
    found = sandbox_process.violations()
    assert found == [], f"the relay broke the protocol: {found}"


@pytest.fixture
def make_relay(request):
    """relay(sandbox, config, ...) without the sandbox of this worker."""
    if not os.path.exists(relays.binary()):
        pytest.fail(f"{relays.binary()} does not exist: run make SAN=address,undefined")
    made = request.node.relays = []

    def make(*arguments, start=True, **keywords):
        one = relays.Relay(*arguments, **keywords)
        made.append(one)
        return one.start() if start else one

    yield make
    problems = []
    for one in made:
        try:
            one.close()
        except relays.RelayError as error:
            problems.append(str(error))
        problems += one.problems()
    if not problems and not getattr(request.node, "relay_test_failed", False):
        for one in made:
            one.remove()
    assert not problems, "\n".join(problems)


@pytest.fixture
def relay(sandbox, make_relay):
    """relay(config) starts a relay that delivers to the sandbox; start=False only makes it."""
    def make(config=None, **keywords):
        return make_relay(sandbox, config, **keywords)
    return make


@pytest.fixture
def fast_clock():
    """fast_clock(speed): the environment in which a program's clock runs so many times as fast."""
    def make(speed):
        library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        if not library:
            pytest.skip("faketime is not installed")
        return {"LD_PRELOAD": library[0], "FAKETIME": f"+0 x{speed}"}
    return make


@pytest.fixture
def release():
    """The release binary, for what a sanitizer's own memory would hide."""
    path = os.environ.get("OAUTHRELAY_RELEASE_BIN", relays.RELEASE)
    if not os.path.exists(path):
        pytest.skip(f"{path} does not exist: run make")
    return path
