"""YAML as JSON would hold it, for documents that go on as JSON.

Plain YAML 1.1 makes more of some texts than JSON has: `2024-01-01` a date, a key `no` False, a key
`404` a number. Here keys and dates stay the text that was written.
"""

from __future__ import annotations

from typing import Any

import orjson
import yaml

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """Knows no dates; a mapping's keys are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: [(tag, pattern) for tag, pattern in known if tag != f"{_TAG}timestamp"]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping with each key as it was written."""
        self.flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = f"{_TAG}str"
        return super().construct_mapping(node, deep)


def load(text: str) -> Any:
    """Return a document's content. Raises yaml.YAMLError for what is no YAML, or fits no JSON."""
    found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    try:
        return orjson.loads(orjson.dumps(found))
    except TypeError as error:
        raise yaml.YAMLError(f"it cannot be told as JSON: {error}") from error
