# SPDX-License-Identifier: MIT
"""One sandbox process for each module of its own tests, reset before each test."""
import pytest

from sandbox import client


@pytest.fixture(scope="module")
def sandbox_process():
    with client.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def box(sandbox_process):
    sandbox_process.reset()
    return sandbox_process
