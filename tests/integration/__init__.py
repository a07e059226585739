# SPDX-License-Identifier: MIT
"""The running relay against the sandbox: one file for each theme."""
