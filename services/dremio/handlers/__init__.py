"""What each REST request does, between the wire's models and the state."""
