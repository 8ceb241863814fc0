-- The guide's table and its queries: the row type and the insert type are the table's own.
-- ==== schema
CREATE TYPE user_role_enum AS ENUM ('workspace_admin', 'viewer');
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email text NOT NULL CONSTRAINT users_email_key UNIQUE,
    name text,
    role user_role_enum NOT NULL DEFAULT 'viewer',
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
COMMENT ON TABLE users IS 'People with an account.';
COMMENT ON COLUMN users.email IS 'Where mail goes; see https://example.com/mail for [rules].';
-- ==== queries
--! get_user
--- One user by id; soft-deleted ones only on request.
SELECT id, email, name, role, created_at, deleted_at FROM users
WHERE id = :user_id AND (:include_deleted OR deleted_at IS NULL);

--! create_user
--- A new user.
INSERT INTO users (id, email, name, role, created_at, deleted_at)
VALUES (
    coalesce(:id, gen_random_uuid()), :email, :name,
    coalesce(:role, 'viewer'::user_role_enum), coalesce(:created_at, now()), :deleted_at
)
RETURNING *;

--! get_user_email
SELECT email FROM users WHERE id = :user_id;

--! list_users
SELECT id, name FROM users ORDER BY created_at DESC, id;

--! touch_user
UPDATE users SET created_at = now() WHERE id = :user_id;

--! count_users
SELECT count(*) FROM users;

--! lock_user
--@ transaction
SELECT id FROM users WHERE id = :user_id FOR UPDATE;

--! count_users_again
--- Only within a transaction, of either kind.
--@ transaction
SELECT count(*) FROM users;
