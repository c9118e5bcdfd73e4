"""docs/access.md: every statement on it works, in its order."""

from __future__ import annotations

import re

from services.common.settings import CHECKOUT
from tests.support.dremio import Dremio


def test_every_statement_of_the_page_works(dremio: Dremio) -> None:
    for statement in (
        "CREATE TABLE gold.team.sales AS SELECT 1 AS a",
        "CREATE TABLE gold.team.people AS SELECT 'CH' AS country, 'a@b' AS mail",
        "CREATE SPACE team",
        "CREATE VIEW team.totals AS SELECT SUM(a) AS total FROM gold.team.sales",
    ):
        dremio.query(statement)
    page = (CHECKOUT / "docs" / "access.md").read_text()
    statements = [
        statement.strip()
        for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
        for statement in block.split(";")
        if statement.strip()
    ]
    assert len(statements) > 20
    for statement in statements:
        dremio.query(statement)
    for statement in (
        "DROP SPACE team",
        "DROP TABLE gold.team.sales",
        "DROP TABLE gold.team.people",
        "DROP ROLE auditors",
    ):
        dremio.query(statement)
    left = dremio.rows("SELECT * FROM sys.privileges WHERE object_id LIKE '%team%sales%'")
    assert left == []  # what was granted went with the objects
    dremio.query("CREATE TABLE gold.team.sales AS SELECT 1 AS a")
    assert dremio.rows("SELECT * FROM sys.privileges WHERE object_id = 'gold.team.sales'") == []
    dremio.query("DROP TABLE gold.team.sales")
