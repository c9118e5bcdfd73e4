"""Ships the services' logs into the log store and the object store."""
