"""A table as PyIceberg knows it, for commits that DuckDB cannot make.

PyIceberg is imported on first use: it takes half a second that most processes never need.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from services.dremio.state.errors import DremioError, ErrorKind
from services.dremio.state.lake.source import LakeSource, Place

if TYPE_CHECKING:
    from pyiceberg.table import Table
    from pyiceberg.types import IcebergType


def open_table(lake: LakeSource, place: Place) -> Table:
    """Load the table's current metadata. Raises DremioError."""
    from pyiceberg.catalog.rest import RestCatalog

    access = lake.access
    plain = lake.rest.is_plain(place.bucket)
    login = (
        {"token": access.plain_key}
        if plain
        else {
            "credential": f"{access.access_key}:{access.secret_key}",
            "oauth2-server-uri": f"{access.iceberg_uri}/v1/oauth/tokens",
        }
    )
    with translated():
        catalog = RestCatalog(
            f"{lake.name}.{place.bucket}",
            uri=access.plain_uri if plain else access.iceberg_uri,
            warehouse=place.bucket,
            **{
                **login,
                "s3.endpoint": f"{'https' if access.secure else 'http'}://{access.s3_endpoint}",
                "s3.access-key-id": access.access_key,
                "s3.secret-access-key": access.secret_key,
                "s3.region": access.region,
                "s3.path-style-access": str(access.path_style).lower(),
                "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
            },
        )
        table: Table = catalog.load_table((*place.namespace, place.table))
        return table


def iceberg_type(kind: pa.DataType) -> IcebergType:
    """Return Iceberg's type for an Arrow type; inner fields get their numbers when it is used."""
    from pyiceberg.io.pyarrow import _ConvertToIcebergWithoutIDs, visit_pyarrow

    found = visit_pyarrow(kind, _ConvertToIcebergWithoutIDs())
    return cast("IcebergType", found)


@contextmanager
def translated() -> Iterator[None]:
    """Raise PyIceberg's errors as DremioError: a lost race, a table that is gone, a bad value."""
    from pyiceberg import exceptions as e

    try:
        yield
    except DremioError:
        raise
    except (e.CommitFailedException, e.ValidationException, e.CommitStateUnknownException) as error:
        raise DremioError(
            ErrorKind.CONCURRENT_MODIFICATION,
            f"Unable to commit: the table was changed meanwhile: {error}",
        ) from error
    except (e.NoSuchTableError, e.NoSuchNamespaceError) as error:
        raise DremioError(ErrorKind.VALIDATION, f"Table not found: {error}") from error
    except (ValueError, NotImplementedError) as error:
        raise DremioError(ErrorKind.VALIDATION, str(error)) from error
    except (e.RESTError, OSError) as error:
        raise DremioError(ErrorKind.CONNECTION, f"The storage failed: {error}") from error
