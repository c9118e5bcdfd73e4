"""What to do here about errors in which airbyte-cdk speaks of Airbyte's own images."""

from __future__ import annotations

import re

# A pattern in the connector's words → what is added to them.
_ADVICE = (
    (
        r"AIRBYTE_ENABLE_UNSAFE_CODE",
        "Here: put the manifest and its components.py into a folder beside lakelet.yml and name the"
        " manifest there under connectors: Python code that comes over the network is not run",
    ),
    (
        r"No module named 'airbyte_cdk|from 'airbyte_cdk|object has no attribute 'read_records'",
        "Here: this components.py was written for another release of airbyte-cdk; name that one as"
        " the connector's version in lakelet.yml (of 6 the last is 6.61.6), or run the package"
        " airbyte-source-… of PyPI",
    ),
    (
        r"No module named '",
        "Here: a components.py imports what airbyte-cdk brings along; a connector that needs more"
        " runs as the package airbyte-source-… of PyPI",
    ),
    (
        r"Could not load (?:module|class) ",
        "Here: a manifest's classes are read from the components.py in its folder alone; a"
        " connector of more files than that runs as the package airbyte-source-… of PyPI",
    ),
    (
        r"Cannot find file \S*\.json",
        "Here: a manifest holds its schemas itself (InlineSchemaLoader); a connector with files"
        " beside it runs as the package airbyte-source-… of PyPI",
    ),
)


def advised(message: str) -> str:
    """Return the connector's words, with what helps here."""
    for pattern, words in _ADVICE:
        if re.search(pattern, message):
            return f"{message.rstrip('. ')}. {words}"
    return message
