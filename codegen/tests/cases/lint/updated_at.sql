-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, name text, updated_at timestamptz);
CREATE TABLE notes (id int PRIMARY KEY, body text, updated_at timestamptz);
CREATE TABLE visits (id int PRIMARY KEY, count int, updated_at timestamptz);
CREATE TABLE tags (id int PRIMARY KEY, label text);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();

-- ==== sqlmill.toml
[updated_at]
column = "updated_at"
exclude = ["visits"]

-- ==== queries
--! rename (name~)
UPDATE users AS u SET name = :name WHERE u.id = :id;

--! put
INSERT INTO users (id, name) VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET name = excluded.name;

--! rename_in_a_cte
WITH changed AS (UPDATE users SET name = :name WHERE id = :id RETURNING id)
SELECT count(*) FROM changed;

--! renamed
UPDATE users SET name = :name, updated_at = now() WHERE id = :id;

--! the_trigger_does_it
UPDATE notes SET body = :body WHERE id = :id;

--! excluded_in_the_configuration
UPDATE visits SET count = count + 1 WHERE id = :id;

--! has_no_such_column
UPDATE tags SET label = :label WHERE id = :id;

--! waived
--@ allow(updated_at, "spelling does not count as a change")
UPDATE users SET name = lower(name) WHERE id = :id;
