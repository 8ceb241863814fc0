-- A row's struct is declared by its name: no `--:` line is needed.
-- ==== schema
CREATE TABLE users (
    id int PRIMARY KEY,
    email text NOT NULL,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
-- ==== sqlmill.toml
[soft_delete]
column = "deleted_at"
-- ==== queries users
--! get_user : User
--- One user by id; soft-deleted ones only on request.
SELECT id, email, name, created_at FROM users
WHERE id = :user_id AND (:include_deleted OR deleted_at IS NULL);

--! erase_user
--@ allow(hard_delete, "the right to erasure")
DELETE FROM users WHERE id = :user_id;

--! newest_user : User
SELECT id, email, name, created_at FROM users
WHERE deleted_at IS NULL AND name IS NOT NULL
ORDER BY created_at DESC, id LIMIT 1;
