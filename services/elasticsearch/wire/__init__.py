"""Routes, media types and error bodies: everything HTTP."""
