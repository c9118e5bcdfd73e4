"""Mappers: what a connection does to rows on their way from a source into the table.

`mappers` reads and checks their configuration, `fields` follows the columns through them, `text`
and `rows` make SQL of them, so that they are part of the query that reads the rows.
"""
