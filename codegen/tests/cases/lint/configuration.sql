-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, deleted_at timestamptz, updated_at timestamptz);

-- ==== sqlmill.toml
search_path = ["public", "shop"]

[soft_delete]
column = "deletd_at"
exclude = ["user"]

[updated_at]
column = "update_at"

[tables]
userz = "Person"

-- ==== queries
--! get_user
SELECT id FROM users WHERE id = :id;
