# SPDX-License-Identifier: MIT
"""A stand-in Microsoft 365 for tests: token endpoint and submission server. See README.md."""
