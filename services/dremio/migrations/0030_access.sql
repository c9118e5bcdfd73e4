-- Who may do what: roles, their members, what is granted on what, and who owns it.
-- Objects are known by path: a table in a source has no row of its own here.
CREATE TABLE role (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('SYSTEM', 'INTERNAL')),
    description text NOT NULL DEFAULT '',
    owner_id uuid
);
CREATE TABLE membership (
    role_id uuid NOT NULL REFERENCES role ON DELETE CASCADE,
    member_id uuid NOT NULL,
    member_kind text NOT NULL CHECK (member_kind IN ('USER', 'ROLE')),
    PRIMARY KEY (role_id, member_id)
);
CREATE TABLE access_grant (
    path_key text NOT NULL,
    path text[] NOT NULL,
    object_kind text NOT NULL,
    grantee_id uuid NOT NULL,
    privilege text NOT NULL,
    PRIMARY KEY (path_key, grantee_id, privilege)
);
CREATE TABLE owner (
    path_key text PRIMARY KEY,
    owner_id uuid NOT NULL
);
