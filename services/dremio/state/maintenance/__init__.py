"""Changes of a table's metadata and files that no rows' change comes with, by PyIceberg."""
