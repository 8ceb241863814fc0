-- ==== schema
CREATE TYPE kind AS ENUM ('bug', 'idea');
CREATE TABLE teams (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE notes (
    id int PRIMARY KEY,
    team_id int NOT NULL REFERENCES teams (id),
    title text NOT NULL,
    body text,
    kind kind NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    size int,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
-- ==== queries notes
--! list_notes
--- The notes of a team.
SELECT id, title, body
FROM notes
WHERE team_id = :team_id
  AND (:include_deleted OR deleted_at IS NULL)
  AND (:title IS NULL OR position(lower(:title) IN lower(title)) > 0)
  AND (kind = ANY(:kinds) OR :kinds::kind[] IS NULL)
  AND (:above::int IS NULL OR size > :above AND size < :below)
ORDER BY created_at DESC, id
LIMIT :at_most;

-- The same, as nothing but PostgreSQL reads it: with a test behind the parentheses.
--! list_notes_as_written (title?, kinds?, above?, below?)
SELECT id, title, body
FROM notes
WHERE team_id = :team_id
  AND (:include_deleted OR deleted_at IS NULL) IS TRUE
  AND (:title::text IS NULL OR position(lower(:title) IN lower(title)) > 0) IS TRUE
  AND (kind = ANY(:kinds) OR :kinds::kind[] IS NULL) IS TRUE
  AND (:above::int IS NULL OR size > :above AND size < :below) IS TRUE
ORDER BY created_at DESC, id
LIMIT :at_most;

-- Nothing is required, and what is found proves a column not null.
--! bodies
SELECT body FROM notes WHERE (CAST(:body AS text) IS NULL OR body = :body);

-- A key that may be left out: many rows. In a join, in a subquery, in HAVING.
--! by_id : (n)
SELECT t.id, count(n.id) AS n, count(*) FILTER (WHERE (:never::int IS NULL OR t.id = :never)) AS counted
FROM teams t
LEFT JOIN notes n ON n.team_id = t.id AND (:kind::kind IS NULL OR n.kind = :kind)
WHERE (:id IS NULL OR t.id = :id)
  AND EXISTS (SELECT FROM notes x WHERE x.team_id = t.id AND (:tag IS NULL OR :tag = ANY(x.tags)))
GROUP BY t.id
HAVING (count(n.id) >= :least OR :least IS NULL);

-- One filter in two places.
--! either
SELECT id FROM teams WHERE (:name IS NULL OR name = :name)
UNION ALL
SELECT id FROM notes WHERE (:name IS NULL OR title = :name);

-- A parameter that is used elsewhere guards no filter: these are NULL or not.
--! ranked : (rank?)
SELECT id, :size::int AS rank FROM notes WHERE (:size::int IS NULL OR size = :size);

-- In parentheses with others it is one of the conditions all the same.
--! within
SELECT id FROM notes
WHERE (team_id = :team AND ((:size IS NULL OR size = :size)) AND (size > 0 AND (title = 'a' OR size > 1) AND (:title IS NULL OR title = :title)));

-- In parentheses of its own, the test is one all the same.
--! parenthesised
SELECT id FROM notes WHERE ((:team IS NULL) OR (team_id = :team)) AND ((size = :size) OR ((:size::int IS NULL)));

-- Nor do these: an alternative, two tests, a CASE, bounds, an alternative in parentheses.
--! plain
SELECT id FROM notes
WHERE size = 0 OR (:a::int IS NULL OR size = :a) AND (:b::int IS NULL OR :c::int IS NULL OR size BETWEEN :b AND :c)
UNION ALL
SELECT id FROM notes
WHERE CASE WHEN size > 1 AND (:d::int IS NULL OR size = :d) THEN true ELSE false END
  AND NOT (:e::int IS NULL OR size = :e)
  AND (size > 0) BETWEEN false AND (:f::int IS NULL OR size = :f)
  AND (size = 1 OR (size > 1 AND (:g::int IS NULL OR size = :g)))
  AND ((:h::int IS NULL OR size = :h) OR size > 2);

--! add_note
INSERT INTO notes (id, team_id, title, body, kind, tags, size, created_at, deleted_at)
VALUES (:id, :team_id, :title, :body, :kind, :tags, :size, :created_at, :deleted_at);

--! add_team
INSERT INTO teams (id, name) VALUES (:id, :name);

--! copy_notes
INSERT INTO notes (id, team_id, title, kind, created_at)
SELECT id + :offset, team_id, title, kind, created_at FROM notes WHERE (:kind::kind IS NULL OR kind = :kind);

--! seven
SELECT id FROM notes
WHERE (:id IS NULL OR id = :id)
  AND (:team IS NULL OR team_id = :team)
  AND (:title IS NULL OR title = :title)
  AND (:body IS NULL OR body = :body)
  AND (:size IS NULL OR size = :size)
  AND (:since IS NULL OR created_at >= :since AND created_at < :until)
  AND (:tag IS NULL OR :tag = ANY(tags));

--! seven_as_written (id?, team?, title?, body?, size?, since?, until?, tag?)
SELECT id FROM notes
WHERE (:id::int IS NULL OR id = :id) IS TRUE
  AND (:team::int IS NULL OR team_id = :team) IS TRUE
  AND (:title::text IS NULL OR title = :title) IS TRUE
  AND (:body::text IS NULL OR body = :body) IS TRUE
  AND (:size::int IS NULL OR size = :size) IS TRUE
  AND (:since::timestamptz IS NULL OR created_at >= :since AND created_at < :until) IS TRUE
  AND (:tag::text IS NULL OR :tag = ANY(tags)) IS TRUE;

-- A condition is asked of a row only where its filter is there: no title is a number.
--! numbered
SELECT id FROM notes
WHERE (:first IS NULL OR id >= :first)
  AND (:last IS NULL OR id <= :last)
  AND (:team IS NULL OR team_id = :team)
  AND (:body IS NULL OR body = :body)
  AND (:size IS NULL OR size = :size)
  AND (:kind IS NULL OR kind = :kind)
  AND (:least IS NULL OR title::int > :least);
