-- ==== schema
CREATE TABLE notes (id int PRIMARY KEY, title text NOT NULL, size int, created_at timestamptz NOT NULL);
CREATE TABLE plans (id int PRIMARY KEY, "limit" int NOT NULL, "offset" int NOT NULL);
-- ==== queries notes
--! list_notes
--- All notes.
--@ allow(lock_without_transaction, "a clause behind LIMIT is what is tested")
--@ order(newest: created_at DESC, id; title: lower(title), id; size: size NULLS FIRST, id)
SELECT id, title FROM notes WHERE (:title IS NULL OR title = :title) LIMIT :at_most FOR UPDATE;

--! all_ids
--@ order(up: id; down: id DESC)
SELECT id FROM notes;

--! ties
--@ order(size: size; id: id)
--@ allow(order_ties, "any will do")
SELECT id, size FROM notes WHERE size > :order;

--! add_note
INSERT INTO notes (id, title, size, created_at)
VALUES (:id, :title, :size, '2026-01-01'::timestamptz + make_interval(days => :id));

-- Names that are clauses elsewhere.
--! plans
--@ order(limit: "limit", id; self_: p.offset DESC, id; order: p.limit * 2, id)
SELECT p.id, p.limit AS limit, p.offset AS fetch FROM plans AS p WHERE p.limit > :limit LIMIT :at_most;
