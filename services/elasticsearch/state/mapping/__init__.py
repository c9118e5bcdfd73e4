"""What a field is: its type, its column, how a document becomes a row."""
