-- ==== schema
CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL, deleted_at timestamptz);
CREATE TABLE notes (
    id int PRIMARY KEY,
    team_id int NOT NULL REFERENCES teams (id),
    title text,
    size int,
    hidden bool,
    deleted_at timestamptz
);
CREATE INDEX notes_size ON notes (size);
-- ==== sqlmill.toml
[soft_delete]
column = "deleted_at"
-- ==== queries notes
--! get_note
--- With the flag, also one that was deleted.
SELECT id, title FROM notes WHERE id = :id AND (:include_deleted OR deleted_at IS NULL);

-- One parameter is passed as itself.
--! count_notes
SELECT count(*) FROM notes WHERE (deleted_at IS NULL OR :include_deleted);

-- Either way round, with NOT and casts, in every place; one flag in two, and used elsewhere; a filter within a flag's condition.
--! list_notes
WITH big AS (
    SELECT id, deleted_at FROM notes WHERE (NOT :only_big OR size > :least)
)
SELECT n.id, t.name AS "team?", :only_big AS asked, count(*) AS n
FROM notes n
JOIN big ON big.id = n.id AND (:include_deleted::boolean OR big.deleted_at IS NULL)
LEFT JOIN teams t ON t.id = n.team_id AND (t.deleted_at IS NULL OR CAST(:include_deleted AS bool))
WHERE (:include_deleted OR n.deleted_at IS NULL)
  AND (n.hidden OR NOT :only_hidden)
  AND ((:only_hidden OR NOT n.hidden) AND (:title IS NULL OR n.title = :title))
  AND (:any_size OR EXISTS (
    SELECT FROM notes x
    WHERE x.id = n.id AND (:include_deleted OR x.deleted_at IS NULL) AND (:size IS NULL OR x.size = :size)))
GROUP BY n.id, t.name
HAVING (NOT :never OR count(*) > 1)
ORDER BY n.id;

-- The same, as nothing but PostgreSQL reads it.
--! list_notes_as_written (title?, size?)
WITH big AS (
    SELECT id, deleted_at FROM notes WHERE (NOT :only_big OR size > :least) IS TRUE
)
SELECT n.id, t.name AS "team?", :only_big AS asked, count(*) AS n
FROM notes n
JOIN big ON big.id = n.id AND (:include_deleted::boolean OR big.deleted_at IS NULL) IS TRUE
LEFT JOIN teams t ON t.id = n.team_id AND (t.deleted_at IS NULL OR CAST(:include_deleted AS bool)) IS TRUE
WHERE (:include_deleted OR n.deleted_at IS NULL) IS TRUE
  AND (n.hidden OR NOT :only_hidden) IS TRUE
  AND (:only_hidden OR NOT n.hidden) IS TRUE
  AND (:title::text IS NULL OR n.title = :title) IS TRUE
  AND (:any_size OR EXISTS (
    SELECT FROM notes x
    WHERE x.id = n.id AND (:include_deleted OR x.deleted_at IS NULL) IS TRUE AND (:size::int IS NULL OR x.size = :size) IS TRUE))
  IS TRUE
GROUP BY n.id, t.name
HAVING (NOT :never OR count(*) > 1) IS TRUE
ORDER BY n.id;

-- These are values: a flag that may be NULL, two in one condition, one in CASE, behind NOT, of a struct that queries share.
--! maybe (include_deleted?)
SELECT id FROM notes WHERE (:include_deleted OR deleted_at IS NULL);

--! either
SELECT id FROM notes
WHERE deleted_at IS NULL
  AND (:a OR :b OR size > 1)
  AND NOT (:c OR size > 2)
  AND CASE WHEN true AND (:d OR size > 3) THEN true END;

--: Visible()
--! first_visible Visible
SELECT id FROM notes WHERE team_id = :team_id AND (:include_deleted OR deleted_at IS NULL);

--! second_visible Visible
SELECT title FROM notes WHERE team_id = :team_id AND (:include_deleted OR deleted_at IS NULL);

-- The server says of such a parameter that it stands where its cast does.
--! cast_first
SELECT id FROM notes
WHERE (CAST(:any_size AS bool) OR size > 1) AND (size < 4 OR NOT CAST(:small AS boolean)) AND deleted_at IS NULL;

-- Where rows are changed, the statement is sent as it is written.
--! resize
UPDATE notes SET size = :size WHERE team_id = :team_id AND (:include_deleted OR deleted_at IS NULL);

-- Of filters and flags, the seventh is a value.
--! seven
SELECT id FROM notes
WHERE (:a IS NULL OR size > :a)
  AND (:b IS NULL OR size < :b)
  AND (:title IS NULL OR title = :title)
  AND (:team IS NULL OR team_id = :team)
  AND (NOT :hidden OR hidden)
  AND (:include_deleted OR deleted_at IS NULL)
  AND (:shown OR hidden);

--! add_team
INSERT INTO teams (id, name, deleted_at) VALUES (:id, :name, :deleted_at);

--! add_note
INSERT INTO notes (id, team_id, title, size, hidden, deleted_at) VALUES (:id, :team_id, :title, :size, :hidden, :deleted_at);

--! copy_notes
INSERT INTO notes (id, team_id, hidden)
SELECT id + :offset, team_id, :hidden FROM notes WHERE (:hidden OR NOT hidden) AND deleted_at IS NULL;
