# SPDX-License-Identifier: MIT
"""Configuration as Python data, and its libconfig text (design.md section 4)."""
import json


class Group(dict):
    """{ ... } inside a list; a plain dict is the same."""


def value(data, depth=0):
    """libconfig text of a Python value: dict = group, list of dicts = list, list = array."""
    pad = "    " * (depth + 1)
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, int):
        return str(data)
    if isinstance(data, str):
        # JSON and libconfig agree on \" \\ \n \r \t and on plain UTF-8.
        return json.dumps(data, ensure_ascii=False)
    if isinstance(data, dict):
        inside = "".join(f"{pad}{key} = {value(item, depth + 1)};\n" for key, item in data.items()
                         if item is not None)
        return "{\n" + inside + "    " * depth + "}"
    if data and isinstance(data[0], dict):
        return "( " + ", ".join(value(item, depth) for item in data) + " )"
    return "[ " + ", ".join(value(item, depth) for item in data) + " ]"


def text(config):
    return "".join(f"{key} = {value(item)};\n" for key, item in config.items()
                   if item is not None)


def merge(base, changes):
    """Dictionaries are merged, None removes a key, anything else is replaced."""
    for key, item in changes.items():
        if isinstance(item, dict) and isinstance(base.get(key), dict):
            merge(base[key], item)
        elif item is None:
            base.pop(key, None)
        else:
            base[key] = item
    return base
