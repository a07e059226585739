# SPDX-License-Identifier: MIT
"""What the tests of several sections say in the same way."""
import pytest


def each(vectors, names="name, vector"):
    """Parametrizes a test by {"SMG-01": ..., ...}: it is called with the id and what stands there;
    the id is the test's name."""
    return pytest.mark.parametrize(names, [pytest.param(name, vector, id=name)
                                           for name, vector in vectors.items()])


def start_data(talk, **envelope):
    """A hello, an envelope (as Dialogue.envelope) and DATA: what is sent next is content."""
    talk.hello()
    talk.envelope(**envelope)
    talk.expect(354, "DATA")
