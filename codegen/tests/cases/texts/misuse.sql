-- ==== schema
CREATE TYPE pair AS (a int, b int);
CREATE TABLE notes (id int PRIMARY KEY, title text NOT NULL, size int, pair pair, created_at timestamptz NOT NULL);
-- ==== queries notes
--! rename
UPDATE notes SET title = :to WHERE (:id IS NULL OR id = :id);

--! purge
--@ allow(filter_in_write, "an operator's tool")
DELETE FROM notes WHERE (:title IS NULL OR title = :title);

--! by_pair
SELECT id FROM notes WHERE (:pair IS NULL OR pair = :pair::pair);

--! always (title!)
SELECT id FROM notes WHERE (:title IS NULL OR title = :title);

--! differ
SELECT id FROM notes WHERE (:size IS NULL OR size = :size) AND (:untyped IS NULL OR size > 0);

--! no_flag
SELECT id FROM notes WHERE title = :flag::text AND (:flag::boolean OR size > 0);

--! own_order
--@ order(id: id)
SELECT id FROM notes ORDER BY title;

--! no_query
--@ order(id: id)
DELETE FROM notes WHERE id = :id RETURNING id;

--! missing_column
--@ order(id: id; name: name, id)
SELECT id FROM notes;

--! ties
--@ order(size: size; title: title, id)
SELECT id, size FROM notes;

--! same
--@ order(by_id: id; byId: id DESC)
SELECT id FROM notes;

--! patched (title~)
UPDATE notes SET title = :title WHERE (:id IS NULL OR id = :id);

--! elsewhere
SELECT id FROM notes WHERE id > :size::int AND (:size IS NULL OR size = :size);

--! elsewhere_and_untyped
SELECT id FROM notes WHERE (:size IS NULL OR size = :size) AND id > :size;

--! behind_or
SELECT id FROM notes WHERE size > 0 OR (:size IS NULL OR size = :size);

--! two_tests
SELECT id FROM notes WHERE (:a IS NULL OR :b IS NULL OR size BETWEEN :a AND :b);

--! limited
--@ order(id: id; title: title, id LIMIT 5)
SELECT id FROM notes;

--! nameless
--@ order(id: id; __: title, id)
SELECT id FROM notes;

--! reserved
--@ order(id: id; self: title, id)
SELECT id FROM notes;

--: Search()

--! first_search Search
SELECT id FROM notes WHERE id > :least AND (:title IS NULL OR title = :title);

--! second_search Search
SELECT title FROM notes WHERE id > :least AND (:title IS NULL OR title = :title);
