"""dremio-simple-query: both of its connections, in every form it gives rows."""

import json
import sys

import pyarrow
from dremio_simple_query.connect import DremioConnection as TokenConnection
from dremio_simple_query.connect import get_token
from dremio_simple_query.connectv2 import DremioConnection

given = json.load(sys.stdin)
login = {"userName": given["user"], "password": given["password"]}
token = get_token(f"{given['url']}/apiv2/login", login)
first = TokenConnection(token, given["flight"])
second = DremioConnection(given["flight"], username=given["user"], password=given["password"])
try:
    first.toArrow("SELECT * FROM no_such_table")
    refused = ""
except pyarrow.ArrowInvalid as error:
    refused = str(error)
try:
    DremioConnection(given["flight"], username=given["user"], password="wrong")
    stranger = ""
except ConnectionError as error:
    stranger = str(error)
print(
    json.dumps(
        {
            "arrow": first.toArrow(given["sql"]).read_all().to_pylist(),
            "polars": first.toPolars(given["sql"]).to_dicts(),
            "pandas": second.toPandas(given["sql"]).to_dict("records"),
            "duckdb": second.toDuckDB(given["sql"]).order("n DESC").fetchall(),
            "refused": refused,
            "stranger": stranger,
        }
    )
)
