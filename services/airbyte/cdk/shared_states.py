"""Names under which a stream's stored state holds what belongs to all streams of its source."""

SHARED, OWN, LEGACY = "_lakelet_shared", "_lakelet_stream", "_lakelet_legacy"
