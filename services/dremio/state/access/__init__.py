"""Who may do what: roles, grants, owners, and the checks on them."""
