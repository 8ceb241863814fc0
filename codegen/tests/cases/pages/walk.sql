-- Queries that are read in pages, on rows with ties, NULLs and values that lose something in a careless conversion.
-- ==== schema
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN score AS numeric CHECK (VALUE > -1000);

CREATE TABLE items (
    id bigint PRIMARY KEY,
    org int NOT NULL,
    kind text COLLATE "C" NOT NULL,
    label varchar(20) NOT NULL,
    score score NOT NULL,
    heat float8 NOT NULL,
    mood mood NOT NULL,
    at timestamptz NOT NULL,
    flag bool NOT NULL,
    rank int,
    tags text[] NOT NULL,
    UNIQUE (org, kind, id)
);
CREATE INDEX items_at ON items (at DESC, id);

CREATE TABLE notes (
    id bigint PRIMARY KEY,
    item bigint NOT NULL REFERENCES items,
    body text
);

-- ==== queries
--! fill
INSERT INTO items
SELECT
    n,
    n % 3,
    'k' || (hashint8(n * 7 + :seed::bigint) % 3)::text,
    CASE WHEN n % 5 = 0 THEN '' ELSE chr(97 + n % 7) || CASE WHEN n % 2 = 0 THEN 'É' ELSE 'e' END END,
    (hashint8(n + :seed) % 4)::numeric / 3,
    CASE n % 6 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' ELSE (n % 4) / 3.0 END,
    (ARRAY['sad', 'ok', 'happy']::mood[])[1 + n % 3],
    timestamptz '2020-02-29 12:00:00.000001+00' + interval '1 microsecond' * (n % 7),
    n % 2 = 0,
    CASE WHEN n % 4 = 0 THEN NULL ELSE n % 5 END,
    (ARRAY['a', NULL, 'b'])[1 : (n % 4)::int]
FROM generate_series(1, :count::int) AS n;

--! fill_notes
INSERT INTO notes SELECT n, 1 + n % :items::int, nullif('note ' || n % 4, 'note 0') FROM generate_series(1, :count::int) AS n;

--! clear
--@ allow(missing_where, "each test begins without rows")
DELETE FROM items;

--! clear_notes
--@ allow(missing_where, "each test begins without rows")
DELETE FROM notes;

--! by_id
--@ page
SELECT id, rank FROM items ORDER BY id;

--! by_id_backwards
--@ page
SELECT id FROM items ORDER BY id DESC;

--! of_org
--- The parameters are those of the query; a page adds its own behind them.
--@ page
SELECT id, kind
FROM items
WHERE org = :org AND (:any_kind OR kind = :kind)
ORDER BY kind, id;

--! newest
--@ page
SELECT
    id,
    at -- microseconds
FROM items
ORDER BY at DESC, id;

--! by_mood
--@ page
SELECT mood, score, heat, id
FROM items
ORDER BY mood, score DESC, heat DESC, id;

--! by_everything
--@ page
SELECT label, flag, tags, id AS "the Id" FROM items ORDER BY flag DESC, label, tags, id DESC;

--! with_notes
--- A join that repeats rows: the key is that of the result.
--@ page
SELECT i.id, n.id AS note, n.body
FROM items AS i
JOIN notes AS n ON n.item = i.id
ORDER BY i.id, n.id;

--! kinds
--@ page
SELECT kind, count(*) AS items, max(rank) AS best
FROM items
GROUP BY kind
ORDER BY kind DESC;

--! first_of_kind
--- DISTINCT ON keeps the first by the order, which stays where rows are counted.
--@ page
SELECT DISTINCT ON (kind) kind, id FROM items ORDER BY kind, id;

--! all_ids
--@ page
SELECT DISTINCT id FROM items UNION SELECT id FROM notes ORDER BY 1 DESC;

--! busy
--@ page
WITH counted AS (SELECT item, count(*) AS notes FROM notes GROUP BY item)
SELECT c.item, c.notes, row_number() OVER (ORDER BY c.notes DESC, c.item) AS place
FROM counted AS c
WHERE c.notes > :least
ORDER BY c.notes DESC, c.item;

--! by_rank
--- Keys that may be NULL: first, in either place, and later ones.
--@ page
SELECT id, rank FROM items ORDER BY rank DESC, id;

--! by_rank_nulls_last
--@ page
SELECT id, rank FROM items ORDER BY rank DESC NULLS LAST, id DESC;

--! by_rank_upwards
--@ page
SELECT id, rank FROM items ORDER BY rank, id;

--! by_rank_nulls_first
--@ page
SELECT id, rank, kind FROM items ORDER BY rank NULLS FIRST, kind DESC, id;

--! by_kind_and_rank
--@ page
SELECT kind, rank, id FROM items WHERE org < :org ORDER BY kind, rank DESC, id DESC;

--! by_kind_and_rank_nulls_last
--@ page
SELECT kind, rank, id FROM items WHERE org < :org ORDER BY kind DESC, rank DESC NULLS LAST, id;

--! by_two
--@ page
SELECT i.rank, nullif(i.heat, 0) AS heat, n.id AS note, i.id
FROM items AS i
LEFT JOIN notes AS n ON n.item = i.id
ORDER BY i.rank NULLS FIRST, 2 DESC, i.id DESC, n.id NULLS FIRST;

--! by_note
--- The last key may be NULL.
--@ page
SELECT i.id, n.id AS note FROM items AS i LEFT JOIN notes AS n ON n.item = i.id ORDER BY i.id, n.id DESC;

--! chosen
--- In an order that the caller chooses, with filters: a cursor is of both.
--@ page
--@ order(kind: kind, id; rank: rank DESC NULLS LAST, id DESC; newest: at DESC, id)
SELECT id, kind, rank, at
FROM items
WHERE (:kind IS NULL OR kind = :kind) AND (:all OR org < 2) AND (:above IS NULL OR id > :above);

--! best_of_kind
--@ page
SELECT kind, max(rank) AS best FROM items GROUP BY kind ORDER BY best, kind DESC;

--! ranks
--- A key that is NULL, and nothing besides.
--@ page
SELECT rank, count(*) AS items FROM items WHERE org <= :org GROUP BY rank ORDER BY rank NULLS FIRST;

--! of_rank
--- With the filter the key is never NULL.
--@ page
SELECT rank, id FROM items WHERE (:rank IS NULL OR rank = :rank) ORDER BY rank, id;

--! by_hidden
--- No cursors: the score is not among the columns.
--@ page
SELECT id FROM items ORDER BY score, id;

--! loose
--- Any order among equals.
--@ page
--@ allow(page_order, "shown once, to nobody in particular")
SELECT id, kind FROM items ORDER BY kind;

--! labels
--- One column, which is the row.
--@ page
SELECT DISTINCT label FROM items ORDER BY label;

--! remove
DELETE FROM items WHERE id = :id;
