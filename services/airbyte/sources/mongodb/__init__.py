"""MongoDB: documents as BSON batches into Arrow, changes from change streams."""
