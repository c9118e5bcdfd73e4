"""What the APIs do: between the wire and the state. No web framework here."""
