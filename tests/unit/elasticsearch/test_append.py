"""What is appended by columns is what would have been written document by document."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.elasticsearch.handlers import bulk as handler
from services.elasticsearch.handlers.call import Call
from services.elasticsearch.state.analysis import searchable, searchable_all, tokens
from services.elasticsearch.state.documents.write import Writer
from services.elasticsearch.state.store import Store

MAPPINGS: dict[str, dict[str, Any]] = {
    "fixed": {
        "dynamic": "false",
        "properties": {
            "at": {"type": "date"},
            "level": {"type": "keyword", "ignore_above": 5},
            "text": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
            "count": {"type": "long", "ignore_malformed": True},
            "size": {"type": "integer"},
            "share": {"type": "double", "null_value": 1},
            "good": {"type": "boolean"},
        },
    },
    "free": {},
}
VALUES: dict[str, list[Any]] = {
    "at": [
        "2026-11-21T10:00:00.123Z",
        "2026-11-21T10:00:00.999999Z",
        1763719200000,
        "2026-11-21",
        None,
        "never",
    ],
    "level": ["ERROR", "a longer one", 7, True, None, ["a", "b"]],
    "text": ["Sync of Orders: 12,5 rows.", "größer", "", None, 3.5],
    "count": [1, "2", "x", None, 2**63],
    "size": [1, 2.5, "3", None, 2**40],
    "share": [0.5, 1, None],
    "good": [True, "false", None, "perhaps"],
    "other": ["x", None, {"a": 1}],
    "a.b": ["dotted"],
}


def requests(random_: random.Random) -> list[bytes]:
    made = []
    for _ in range(60):
        plain = random_.random() < 0.6
        lines = []
        for _ in range(random_.randrange(1, 8)):
            action = random_.choice(["index", "create"])
            head: dict[str, Any] = {"_index": random_.choice(list(MAPPINGS))}
            if random_.random() < 0.5:
                head["_id"] = str(random_.randrange(200))
            names = random_.sample(list(VALUES), random_.randrange(1, 6))
            document = {
                n: VALUES[n][0] if plain or random_.random() < 0.8 else random_.choice(VALUES[n])
                for n in names
                if not (plain and n in ("share", "a.b"))
            }
            lines += [orjson.dumps({action: head}), orjson.dumps(document)]
        made.append(b"\n".join(lines) + b"\n")
    return made


def contents(store: Store) -> list[list[tuple[Any, ...]]]:
    found = []
    for name in MAPPINGS:
        index = store.catalog.index(name)
        fields = index.mapping.fields
        columns = ", ".join(fields[path].column for path in sorted(fields))
        found.append([tuple(sorted(fields))])
        found.append(
            store.database.rows(
                f"SELECT _seq, _version, _source, {columns} FROM {index.table} ORDER BY _seq"
            )
        )
    return found


def answers(store: Store, body: bytes) -> list[tuple[str, Any]]:
    items = handler.bulk(Call(store, "POST", {}, {}, body, {})).body["items"]
    items = orjson.loads(orjson.dumps(items))
    for item in items:
        for outcome in item.values():
            if len(outcome.get("_id") or "") > 3:
                outcome["_id"] = "made"
            outcome.get("error", {}).pop("index_uuid", None)
    return items


@pytest.mark.parametrize("seed", range(2))
def test_columns_and_rows_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    stores = [Store(tmp_path / name, password="x") for name in ("columns", "rows")]
    for store in stores:
        for name, mapping in MAPPINGS.items():
            store.indices.create(name, {"mappings": mapping})
    appended = 0
    append = Writer.append

    def counted(self: Writer, *arguments: Any, **named: Any) -> Any:
        nonlocal appended
        done = append(self, *arguments, **named)
        appended += done is not None
        return done

    for body in requests(random.Random(seed)):  # noqa: S311 - the same each time
        monkeypatch.setattr(Writer, "append", counted)
        by_columns = answers(stores[0], body)
        monkeypatch.setattr(Writer, "append", lambda *_, **__: None)
        assert by_columns == answers(stores[1], body)
    assert contents(stores[0]) == contents(stores[1])
    assert appended > 3
    for store in stores:
        store.close()


def test_the_short_way_to_words_finds_the_same_words() -> None:
    random_ = random.Random(1)  # noqa: S311 - the same texts each time
    for _ in range(3000):
        text = "".join(random_.choices("ab1_.:',; -/Z\x1f\n9", k=random_.randrange(12)))
        words = tokens(text)
        assert searchable(text) == (f" {' '.join(words)} " if words else "")


@pytest.mark.parametrize("letters", ["ab1_.:',; -/Z\x1f\n9", "ab1_.:',; -/Z\x1f\n9\0éß"])
def test_many_texts_at_once_come_to_the_same_words(letters: str) -> None:
    random_ = random.Random(2)  # noqa: S311 - the same texts each time
    for size in (0, 1, 2, 40):
        for _ in range(40):
            texts = ["".join(random_.choices(letters, k=random_.randrange(9))) for _ in range(size)]
            assert searchable_all(texts) == [searchable(text) for text in texts]
