"""The functions that Dremio's SQL reference lists, by its categories (release 26)."""

from __future__ import annotations

REFERENCE: dict[str, str] = {
    "Aggregate": (
        "APPROX_COUNT_DISTINCT, ARRAY_AGG, ARRAY_AVG, ARRAY_MAX, ARRAY_MIN, ARRAY_SUM, AVG, "
        "BIT_AND, BIT_OR, CORR, COUNT, COVAR_POP, COVAR_SAMP, LISTAGG, MAX, MEDIAN, MIN, NDV, "
        "STDDEV, STDDEV_POP, STDDEV_SAMP, SUM, VAR_POP, VAR_SAMP"
    ),
    "AI": ("AI_CLASSIFY, AI_COMPLETE, AI_GENERATE, LIST_FILES"),
    "Binary": ("BASE64, BIN, BIT_LENGTH, CRC32, ENCODE, FROM_HEX, HEX, TO_HEX, UNBASE64, UNHEX"),
    "Bitwise": (
        "BITWISE_AND, BITWISE_NOT, BITWISE_OR, BITWISE_XOR, BIT_AND, BIT_OR, LSHIFT, RSHIFT, XOR"
    ),
    "Boolean": (
        "IS [NOT] DISTINCT FROM, IS [NOT] FALSE, IS [NOT] NULL, IS [NOT] TRUE, ISDATE, ISNUMERIC, "
        "IS_MEMBER, IS_SUBSTR"
    ),
    "Conditional": ("BOOL_AND, BOOL_OR, CASE, COALESCE, GREATEST, LEAST, NULLIF, NVL"),
    "Conversion": (
        "ARRAY_TO_STRING, BINARY_STRING, CAST, CONVERT_FROM, CONVERT_REPLACEUTF8, "
        "CONVERT_TIMEZONE, CONVERT_TO, ENCODE, FROM_HEX, HASH, HASH64, HEX, STRING_BINARY, "
        "ST_FROMGEOHASH, ST_GEOHASH, TOASCII, TO_CHAR, TO_DATE, TO_HEX, TO_NUMBER, TO_TIME, "
        "TO_TIMESTAMP, TRY_CONVERT_FROM, UNHEX"
    ),
    "Cryptography": ("AES_DECRYPT, AES_ENCRYPT, DECRYPT, ENCRYPT, MD5, SHA, SHA1, SHA256, SHA512"),
    "Datatype": (
        "IS [NOT] DISTINCT FROM, IS [NOT] FALSE, IS [NOT] NULL, IS [NOT] TRUE, ISDATE, IS_BIGINT, "
        "IS_INT, IS_SUBSTR, IS_VARCHAR, SIZE, TYPEOF"
    ),
    "Date/Time": (
        "CONVERT_TIMEZONE, CURRENT_DATE, CURRENT_DATE_UTC, CURRENT_TIME, CURRENT_TIMESTAMP, "
        "DATEDIFF, DATETYPE, DATE_ADD, DATE_DIFF, DATE_PART, DATE_SUB, DATE_TRUNC, DAY, "
        "DAYOFMONTH, DAYOFWEEK, DAYOFYEAR, EXTRACT, HOUR, LAST_DAY, MINUTE, MONTH, "
        "MONTHS_BETWEEN, NEXT_DAY, OVERLAPS, QUARTER, SECOND, TIMESTAMPADD, TIMESTAMPDIFF, "
        "TIMESTAMPTYPE, TO_DATE, TO_TIME, TO_TIMESTAMP, UNIX_TIMESTAMP, WEEK, WEEKOFYEAR, YEAR"
    ),
    "Directory": ("IMAXDIR, IMINDIR, LIST_FILES, MAXDIR, MINDIR"),
    "Geospatial": ("GEO_BEYOND, GEO_DISTANCE, GEO_NEARBY, ST_FROMGEOHASH, ST_GEOHASH"),
    "Math": (
        "ABS, ACOS, ASIN, ATAN, ATAN2, BROUND, CBRT, CEILING, COS, COSH, COT, DEGREES, E, EXP, "
        "FACTORIAL, FLOOR, LN, LOG, LOG10, MOD, PI, PMOD, POW, POWER, RADIANS, RANDOM, ROUND, "
        "SIGN, SIN, SINH, SQRT, STDDEV, STDDEV_POP, STDDEV_SAMP, TAN, TANH, TRUNCATE"
    ),
    "Percentile": ("APPROX_PERCENTILE, MEDIAN, PERCENTILE_CONT, PERCENTILE_DISC"),
    "Regular Expressions": (
        "REGEXP_COL_LIKE, REGEXP_EXTRACT, REGEXP_LIKE, REGEXP_MATCHES, REGEXP_REPLACE, REGEXP_SPLIT"
    ),
    "Semi-Structured Data": (
        "ARRAYS_OVERLAP, ARRAY_AGG, ARRAY_APPEND, ARRAY_AVG, ARRAY_CAT, ARRAY_COMPACT, "
        "ARRAY_CONTAINS, ARRAY_DISTINCT, ARRAY_FREQUENCY, ARRAY_GENERATE_RANGE, ARRAY_INSERT, "
        "ARRAY_MAX, ARRAY_MIN, ARRAY_POSITION, ARRAY_PREPEND, ARRAY_REMOVE, ARRAY_REMOVE_AT, "
        "ARRAY_SIZE, ARRAY_SLICE, ARRAY_SUM, ARRAY_TO_STRING, CARDINALITY, FLATTEN, MAP_KEYS, "
        "MAP_VALUES, SET_UNION, SUBLIST"
    ),
    "String": (
        "ASCII, BASE64, BTRIM, CHARACTER_LENGTH, CHAR_LENGTH, CHR, COL_LIKE, CONCAT, CONCAT_WS, "
        "CONTAINS, CRC32, ENDS_WITH, FROM_HEX, HEX, ILIKE, INITCAP, INSTR, IS_UTF8, LCASE, LEFT, "
        "LENGTH, LEVENSHTEIN, LIKE, LOCATE, LOWER, LPAD, LTRIM, MASK, MASK_FIRST_N, MASK_HASH, "
        "MASK_LAST_N, MASK_SHOW_FIRST_N, MASK_SHOW_LAST_N, NORMALIZE_STRING, OCTET_LENGTH, "
        "PARSE_URL, POSITION, QUOTE, REGEXP_COL_LIKE, REGEXP_EXTRACT, REGEXP_LIKE, "
        "REGEXP_MATCHES, REGEXP_REPLACE, REGEXP_SPLIT, REPEAT, REPEATSTR, REPLACE, REVERSE, "
        "RIGHT, RPAD, RTRIM, SIMILAR_TO, SOUNDEX, SPLIT_PART, STARTS_WITH, STRPOS, "
        "ST_FROMGEOHASH, ST_GEOHASH, SUBSTR, SUBSTRING, SUBSTRING_INDEX, TOASCII, TO_HEX, "
        "TRANSLATE, TRIM, UCASE, UNBASE64, UNHEX, UPPER"
    ),
    "System": (
        "CURRENT_DATE, CURRENT_DATE_UTC, CURRENT_SCHEMA, CURRENT_TIME, CURRENT_TIMESTAMP, "
        "LAST_QUERY_ID, LOCALTIME, LOCALTIMESTAMP, NOW, QUERY_USER, SESSION_USER, SYSTEM_USER, "
        "TRANSACTION_TIMESTAMP, UNIX_TIMESTAMP, USER"
    ),
    "Window": (
        "AVG, COUNT, COVAR_POP, COVAR_SAMP, CUME_DIST, DENSE_RANK, FIRST_VALUE, LAG, LAST_VALUE, "
        "LEAD, MAX, MIN, NDV, NTILE, PERCENT_RANK, RANK, ROW_NUMBER, STDDEV_POP, STDDEV_SAMP, "
        "SUM, VAR_POP, VAR_SAMP"
    ),
}
"""Category → names, separated by commas."""

SYNTAX = frozenset(
    {
        "CASE",
        "CAST",
        "EXTRACT",
        "IS [NOT] DISTINCT FROM",
        "IS [NOT] FALSE",
        "IS [NOT] NULL",
        "IS [NOT] TRUE",
        "LIKE",
        "OVERLAPS",
    }
)
"""Listed as functions, and parsed by a syntax of their own."""

ABSENT: dict[str, str] = {
    "AI_CLASSIFY": "needs a language model's service",
    "AI_COMPLETE": "needs a language model's service",
    "AI_GENERATE": "needs a language model's service",
    "LIST_FILES": "belongs to the AI functions",
}
"""Function → why it is not offered: it is refused as unknown."""

DIFFERENCES: dict[str, str] = {
    "APPROX_COUNT_DISTINCT": "the estimate is DuckDB's HyperLogLog: close to Dremio's, not equal",
    "APPROX_PERCENTILE": "the estimate is DuckDB's t-digest: close to Dremio's, not equal",
    "NDV": "the estimate is DuckDB's HyperLogLog; the precision argument changes nothing",
    "ARRAY_DISTINCT": "elements come in the order first seen (the reference leaves it open)",
    "SET_UNION": "elements come in the order first seen (the reference leaves it open)",
    "HLL": "a group's distinct values are gathered first; bytes of VARBINARY count as their hex",
    "CONTAINS": "two arguments only; a Lucene expression is refused",
    "CONVERT_FROM": "'JSON' of a column reads it once more, to learn the type of all its rows; "
    "of anything else but a literal it is refused, as Dremio does",
    "RANDOM": "a seed is taken and changes nothing",
    "REGEXP_EXTRACT": "look-around in a literal pattern only; the group is a literal",
    "REGEXP_LIKE": "look-around in a literal pattern only",
    "REGEXP_REPLACE": "look-around in a literal pattern only",
    "REGEXP_SPLIT": "RE2: no look-around, no back-references; the keyword is a literal",
    "TO_CHAR": "the format is a literal",
    "MAXDIR": "and its like: of any source that holds files; the arguments are literals",
    "FLATTEN": "twice in one SELECT: not beside `*`",
}
"""Function → how it differs from Dremio's."""
