"""Statements about users, roles and privileges."""
