"""dremio-arrow: rows as pandas, a time as text, a wrong password."""

import json
import sys

from dremioarrow import DremioArrowClient, dremio_query

given = json.load(sys.stdin)
place = {"host": given["host"], "port": str(given["port"]), "username": given["user"]}
client = DremioArrowClient(**place, password=given["password"])
times = "SELECT TIMESTAMP '2024-02-29 01:02:03' AS at"
try:
    client.query("SELECT * FROM no_such_table")
    refused = ""
except SyntaxError as error:
    refused = str(error)
try:
    DremioArrowClient(**place, password="wrong").query("SELECT 1")
    stranger = ""
except ConnectionError as error:
    stranger = str(error)
print(
    json.dumps(
        {
            "rows": client.query(given["sql"]).to_dict("records"),
            "day": client.query(times, ts_col="at", ts_format="%Y-%m-%d")["at"].tolist(),
            "once": dremio_query("SELECT 7 AS n", **place, password=given["password"]).n.tolist(),
            "refused": refused,
            "stranger": stranger,
        }
    )
)
