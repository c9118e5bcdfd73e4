"""Names under which a stream's stored state holds what belongs to all streams of its source."""

# In a state of a built-in source: which table of its server the stream is (every one is another).
TABLE, MEMBER, PARTITIONS = "table_oid", "publication_member_oid", "partitions"
SHARED, OWN, LEGACY = "_lakelet_shared", "_lakelet_stream", "_lakelet_legacy"
