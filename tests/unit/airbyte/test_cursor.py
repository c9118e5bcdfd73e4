from __future__ import annotations

from services.airbyte.sources.postgres.cursor import Position, Snapshot, condition, to_state


def state(value: str, **mark: object) -> dict[str, object]:
    fields = {"value": value, "late": False, "file": 1, **mark}
    return to_state("orders", "public", "at", "2024-01-01", 0, fields)


def position(value: str, **mark: object) -> Position:
    found = Position.from_state(state(value, **mark), "at")
    assert found is not None
    return found


NOW = Snapshot(900, 900, running=False)


def test_nothing_ran_so_what_is_newer_is_unseen() -> None:
    sql = condition(position("700:700:"), NOW, "at", "timestamptz")
    assert ">= 700" in sql
    assert "'2024-01-01'::timestamptz- interval '1 hour'" in sql
    assert '"at" IS NULL' in sql


def test_a_transaction_that_was_open_may_bring_any_cursor() -> None:
    sql = condition(position("700:700:", late=True), NOW, "at", "timestamptz")
    assert "2024-01-01" not in sql


def test_seen_transactions_are_left_out_by_number() -> None:
    sql = condition(position("690:700:690,695", seen=[691, 692]), NOW, "at", "timestamptz")
    assert ">= 690 AND" in sql
    assert "NOT IN (691, 692)" in sql


def test_too_many_seen_falls_back_to_the_snapshot() -> None:
    sql = condition(position("690:700:690", seen=None), NOW, "at", "timestamptz")
    assert "txid_visible_in_snapshot" in sql


def test_another_server_is_noticed() -> None:
    sql = condition(position("5000:5000:"), NOW, "at", "timestamptz")
    assert sql == "(\"at\" > '2024-01-01'::timestamptz)"


def test_airbytes_rule_without_transaction_ids() -> None:
    counted = Position("5", 3, None, None, late=True)
    assert condition(counted, None, "id", "int8") == "(\"id\" > '5'::int8)"
    more = Position("5", -1, None, None, late=True)
    assert condition(more, None, "id", "int8") == "(\"id\" >= '5'::int8)"


def test_a_state_of_airbytes_own_is_understood() -> None:
    theirs = {"cursor_field": ["at"], "cursor": "2024-01-01", "cursor_record_count": 2}
    found = Position.from_state(theirs, "at")
    assert found is not None
    assert found.snapshot is None
    assert found.count == 2


def test_another_cursor_field_begins_anew() -> None:
    assert Position.from_state(state("700:700:"), "updated_at") is None
    assert Position.from_state(None, "at") is None


def test_a_cursor_set_by_hand_leaves_the_snapshot() -> None:
    changed = {**state("700:700:"), "cursor": "2020-01-01"}
    found = Position.from_state(changed, "at")
    assert found is not None
    assert found.snapshot is None


def test_row_ids_are_64_bit_across_the_wrap() -> None:
    late = Snapshot((1 << 32) + 10, (1 << 32) + 10, running=False)
    # A 32-bit id at or above 10 was given out before the counter went round.
    assert late.row_xid() == (
        "(xmin::text::bigint + CASE WHEN xmin::text::bigint >= 10 THEN 0 ELSE 4294967296 END)"
    )
