"""One function for each endpoint: arguments in, a JSON value out."""
