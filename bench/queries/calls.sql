--: Item(email?)

--! by_key : Item
SELECT id, name, email, score, active FROM items WHERE id = :id;

--! first_items : Item
SELECT id, name, email, score, active FROM items WHERE id <= :last ORDER BY id;

--: Line()

--! lines : Line
SELECT books.id, books.title, authors.name AS author
FROM books JOIN authors ON authors.id = books.author_id
ORDER BY books.id;

--! insert_one
INSERT INTO entries (id, name) VALUES (:id, :name);

--! insert_many
INSERT INTO entries (id, name)
SELECT id, name FROM unnest(:ids::bigint[], :names::text[]) AS new (id, name);

--! insert_events (notes[?])
INSERT INTO events (id, owner, name, note, active)
SELECT id, owner, name, note, active
FROM unnest(:ids::bigint[], :owners::integer[], :names::text[], :notes::text[], :actives::boolean[])
    AS new (id, owner, name, note, active);

--! nap
SELECT 1 AS one FROM pg_sleep(0.2);

--! touch
UPDATE items SET score = score WHERE id = :id;
