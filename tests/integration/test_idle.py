# SPDX-License-Identifier: MIT
"""What an idle connection costs, by scripts/bench: a bounded share of its 10,000."""
import os
import subprocess

from .relay import ROOT


def test_memory_of_idle_connections(release):
    """Under 16 KiB a plain one, under 64 KiB a TLS one; new clients are served; none is dropped."""
    bench = subprocess.run(
        [os.path.join(ROOT, "scripts", "bench"), "idle", "--connections", "1000", "--hold", "0",
         "--program", release], capture_output=True, text=True, timeout=120, check=False,
        stdin=subprocess.DEVNULL)
    print(bench.stdout, bench.stderr)
    assert bench.returncode == 0, bench.stdout + bench.stderr
    assert "100 of 100 served" in bench.stdout
