-- What a patch cannot be.

-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, bio text, tags text[], low int, high int);

-- ==== queries
--! not_in_a_where (name~)
UPDATE users SET name = :name WHERE name <> :name;

--! of_no_update (name~)
SELECT id FROM users WHERE name = :name;

--! of_an_insert (name~)
INSERT INTO users (id, name) VALUES (:id, :name);

--! within_an_expression (name~)
UPDATE users SET name = coalesce(:name, 'x') WHERE id = :id;

--! in_parentheses (name~)
UPDATE users SET name = (:name) WHERE id = :id;

--! with_a_cast (name~)
UPDATE users SET name = :name::text WHERE id = :id;

--! in_a_sum (low~)
UPDATE users SET low = :low + 1 WHERE id = :id;

--! of_an_element (tag~)
UPDATE users SET tags[1] = :tag WHERE id = :id;

--! of_a_list (low~, high~)
UPDATE users SET (low, high) = (:low, :high) WHERE id = :id;

--! twice (both~)
UPDATE users SET low = :both, high = :both WHERE id = :id;

--! returned (bio~)
UPDATE users SET bio = :bio WHERE id = :id RETURNING :bio AS bio;

--! merged (bio~)
MERGE INTO users USING (SELECT 1 AS id) AS new ON new.id = users.id
WHEN MATCHED THEN UPDATE SET bio = :bio;

--! unused (nane~)
UPDATE users SET name = :name WHERE id = :id;

--! of_a_row : (name~)
SELECT name FROM users;

--: Shared(name~)
--! the_wrong_way_round (bio?~)
UPDATE users SET bio = :bio WHERE id = :id;
