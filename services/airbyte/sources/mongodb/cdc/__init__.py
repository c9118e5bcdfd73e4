"""Changes of MongoDB's collections, from change streams."""
