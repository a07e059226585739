# SPDX-License-Identifier: MIT
"""Fixtures of the vectors, besides those of ../conftest.py."""
import pytest


@pytest.fixture(params=["segment", "octets"])
def single(request):
    """Whether each octet is sent in a segment of its own: Dialogue(port, single=single)."""
    return request.param == "octets"
