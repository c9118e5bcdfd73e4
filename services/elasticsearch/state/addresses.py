"""The order of IP addresses, which are kept as text: IPv4 lies within IPv6, as in Lucene."""

from __future__ import annotations

import ipaddress

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, where IPv4's addresses are


def address_key(text: str) -> str:
    """Return a text that orders as the address does. Raises ValueError for what is none."""
    address = ipaddress.ip_address(text)
    number = int(address) + (_MAPPED if address.version == 4 else 0)
    return f"{number:032x}"


def key_sql(value: str) -> str:
    """Return the SQL of `address_key` of an address as it is kept (its shortest form)."""
    half = "list_filter(string_split(string_split({0}, '::')[{1}], ':'), lambda g: g <> '')"
    left, right = (f"coalesce({half.format(value, number)}, []::VARCHAR[])" for number in (1, 2))
    zeros = f"list_transform(range(8 - len({left}) - len({right})), lambda n: '0')"
    groups = f"flatten([{left}, {zeros}, {right}])"
    version_6 = f"array_to_string(list_transform({groups}, lambda g: lpad(g, 4, '0')), '')"
    octets = (
        f"list_transform(string_split({value}, '.'), "
        "lambda o: lpad(to_hex(try_cast(o AS UTINYINT)), 2, '0'))"
    )
    version_4 = f"'{'0' * 20}ffff' || lower(array_to_string({octets}, ''))"
    return f"(CASE WHEN contains({value}, ':') THEN {version_6} ELSE {version_4} END)"
