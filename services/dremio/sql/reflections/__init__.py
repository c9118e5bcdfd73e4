"""Reflections in SQL: their statements, and how a query is moved onto one."""
