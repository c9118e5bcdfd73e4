"""Runs Elastic's public client tests (YAML) against a log store, with elasticsearch-py.

    python -m tests.contract.elasticsearch.yaml_suite FOLDER URL PASSWORD [AREA ...]

FOLDER is `tests/` of a checkout of elastic/elasticsearch-clients-tests, which is not kept here.
A test counts as passed when its setup and every step and assertion of it hold.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from elasticsearch import ApiError, Elasticsearch

# What the log store claims to be; the rest of the suite is about other products' features.
AREAS = (
    "bulk", "cat/aliases", "cat/component_templates", "cat/count", "cat/health", "cat/indices",
    "cat/segments", "cat/shards", "cat/templates", "cat/allocation", "cat/nodes", "cat/master",
    "cluster/component_templates", "cluster/health", "cluster/stats", "cluster/get_settings",
    "cluster/put_settings", "cluster/state", "cluster/pending_tasks", "count", "create", "delete/",
    "delete_by_query", "exists", "exists_source", "explain", "field_caps", "get", "get_source",
    "index/", "indices/alias", "indices/analyze", "indices/block", "indices/clear_cache",
    "indices/create", "indices/delete", "indices/exists", "indices/flush", "indices/forcemerge",
    "indices/get", "indices/index_template", "indices/mapping", "indices/open_close",
    "indices/refresh", "indices/resolve.yml", "indices/rollover", "indices/settings",
    "indices/simulate", "indices/stats", "indices/template", "indices/data_streams_stack",
    "indices/10_data_lifecycle", "ilm", "info_stack", "mget", "msearch.yml", "nodes", "ping",
    "point_in_time", "scroll", "search/", "search_shards", "security/10_api_key", "update/",
    "update_by_query", "validate_query", "reindex/stack",
)  # fmt: skip


class Failed(Exception):
    """A step or an assertion did not hold."""


class Runner:
    """One test: its stash and the last answer."""

    def __init__(self, client: Elasticsearch) -> None:
        self._client = client
        self._stash: dict[str, Any] = {}
        self._last: Any = None

    def steps(self, steps: list[dict[str, Any]]) -> None:
        for step in steps:
            [(kind, body)] = step.items()
            if kind != "skip":
                getattr(self, f"_{kind}")(body)

    def _do(self, body: dict[str, Any]) -> None:
        catch = body.pop("catch", None)
        headers = body.pop("headers", None)
        for name in ("warnings", "allowed_warnings", "node_selector", "warnings_regex"):
            body.pop(name, None)
        [(api, arguments)] = body.items()
        target: Any = self._client.options(headers=headers) if headers else self._client
        for part in api.split("."):
            target = getattr(target, part)
        arguments = self._filled(arguments or {})
        if isinstance(arguments.get("body"), str) and arguments["body"].startswith("{"):
            arguments["body"] = json.loads(arguments["body"])
        arguments = {"from_" if k == "from" else k: v for k, v in arguments.items()}
        if api.startswith("ilm.") and "policy" in arguments:
            arguments["name"] = arguments.pop("policy")  # as this client calls the path's part
        ignore = arguments.pop("ignore", None)
        try:
            self._last = target(**arguments)
            if hasattr(self._last, "body"):
                self._last = self._last.body
        except ApiError as error:
            self._last = error.body
            if ignore and error.status_code in (ignore if isinstance(ignore, list) else [ignore]):
                return
            if catch is None:
                raise Failed(f"{api}: {error.status_code} {error.body}") from error
            known = {
                "missing": 404,
                "conflict": 409,
                "bad_request": 400,
                "unauthorized": 401,
                "forbidden": 403,
            }
            wanted = known.get(catch)
            if wanted and error.status_code != wanted:
                raise Failed(f"{api}: {error.status_code} instead of {catch}") from error
            if catch.startswith("/") and not re.search(catch.strip("/"), str(error.body)):
                raise Failed(f"{api}: {error.body} does not match {catch}") from error
            return
        if catch not in (None, "param"):
            raise Failed(f"{api}: did not fail with {catch}")

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._filled(k): self._filled(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._filled(v) for v in value]
        if isinstance(value, str):
            if value.startswith("$") and value.strip("${}") in self._stash:
                return self._stash[value.strip("${}")]
            return re.sub(r"\$\{(\w+)\}", lambda m: str(self._stash.get(m[1], m[0])), value)
        return value

    def _at(self, path: str) -> Any:
        if path in ("$body", ""):
            return self._last
        value = self._last
        for part in re.split(r"(?<!\\)\.", str(path)):
            name = self._filled(part.replace("\\.", "."))
            if isinstance(value, list):
                value = value[int(name)]
            elif isinstance(value, dict) and name == "_arbitrary_key_":
                value = next(iter(value))
            elif isinstance(value, dict) and name in value:
                value = value[name]
            else:
                raise Failed(f"nothing at {path} in {str(self._last)[:300]}")
        return value

    def _set(self, body: dict[str, str]) -> None:
        for path, name in body.items():
            self._stash[name] = self._at(path)

    def _match(self, body: dict[str, Any]) -> None:
        for path, wanted in body.items():
            wanted, found = self._filled(wanted), self._at(path)
            if isinstance(wanted, str) and len(wanted) > 1 and wanted.strip().startswith("/"):
                pattern = wanted.strip().strip("/")
                good = re.search(pattern, str(found), re.VERBOSE) is not None
            else:
                good = found == wanted or str(found) == str(wanted)
            if not good:
                raise Failed(f"{path} is {str(found)[:200]!r}, not {wanted!r}")

    def _is_true(self, path: str) -> None:
        value = self._last if path == "" else self._at(path)
        if hasattr(value, "body"):
            value = value.body
        if not value and value not in ({}, []):
            raise Failed(f"{path} is {value!r}")

    def _is_false(self, path: str) -> None:
        try:
            value = self._last if path == "" else self._at(path)
        except Failed:
            return
        if value not in (False, None, "false", 0, "", []) and not (
            hasattr(value, "__bool__") and not value
        ):
            raise Failed(f"{path} is {value!r}")

    def _length(self, body: dict[str, int]) -> None:
        for path, wanted in body.items():
            if len(self._at(path)) != wanted:
                raise Failed(f"{path} has {len(self._at(path))} items, not {wanted}")

    def _exists(self, path: str) -> None:
        self._at(path)

    def _compare(self, body: dict[str, Any], holds: Any) -> None:
        for path, wanted in body.items():
            if not holds(float(self._at(path)), float(self._filled(wanted))):
                raise Failed(f"{path} is {self._at(path)}, compared with {wanted}")

    def _gt(self, body: dict[str, Any]) -> None:
        self._compare(body, lambda a, b: a > b)

    def _gte(self, body: dict[str, Any]) -> None:
        self._compare(body, lambda a, b: a >= b)

    def _lt(self, body: dict[str, Any]) -> None:
        self._compare(body, lambda a, b: a < b)

    def _lte(self, body: dict[str, Any]) -> None:
        self._compare(body, lambda a, b: a <= b)

    def _contains(self, body: dict[str, Any]) -> None:
        for path, wanted in body.items():
            found, wanted = self._at(path), self._filled(wanted)
            if isinstance(found, list) and isinstance(wanted, dict):
                good = any(isinstance(i, dict) and wanted.items() <= i.items() for i in found)
            else:
                good = wanted in found
            if not good:
                raise Failed(f"{path} does not contain {wanted}")


def run_file(path: Path, client: Elasticsearch) -> list[tuple[str, str]]:
    """Run a file's tests; return (name, "" or what failed) for each."""
    parts = [d for d in yaml.safe_load_all(path.read_text()) if d]
    fixed: dict[str, list[Any]] = {"setup": [], "teardown": []}
    tests, requires = [], {}
    for part in parts:
        for name, body in part.items():
            if name == "requires":
                requires = body
            elif name in fixed:
                fixed[name] = body
            else:
                tests.append((name, body))
    if requires.get("stack") is False:
        return []
    results = []
    for name, steps in tests:
        runner, problem = Runner(client), ""
        try:
            # Parsed anew for each test: steps are taken apart while they run.
            runner.steps(yaml.safe_load(yaml.safe_dump(fixed["setup"])))
            runner.steps(steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has failed
            problem = f"{type(error).__name__}: {error}"
        try:
            runner.steps(yaml.safe_load(yaml.safe_dump(fixed["teardown"])))
        except Exception as error:  # noqa: BLE001
            problem = problem or f"teardown: {error}"
        results.append((name, problem))
    return results


def main() -> None:
    folder, url, password, *areas = sys.argv[1:]
    passed = total = 0
    client = Elasticsearch(url, basic_auth=("elastic", password), max_retries=0)
    # The suite counts on an index being there: Elasticsearch makes one for its own security.
    client.options(ignore_status=400).indices.create(index=".security-7")
    for path in sorted(Path(folder).rglob("*.yml")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith(tuple(areas or AREAS)):
            continue
        for test, problem in run_file(path, client):
            total += 1
            passed += not problem
            if problem:
                print(f"FAILED {name}: {test}: {problem[:400]}")
    print(f"{passed} of {total} passed")


if __name__ == "__main__":
    main()
