# SPDX-License-Identifier: MIT
"""The vectors of threats.md, a file for each section, a test for each vector, named after it."""
