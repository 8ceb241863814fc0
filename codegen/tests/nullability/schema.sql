-- The tables that the cases of `cases.sql` read, with rows that betray a wrong "not null": users without posts, posts
-- without a score, an empty table, columns that are NULL wherever they may be.

CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TYPE address AS (street text, zip text);
CREATE DOMAIN required AS text NOT NULL;
CREATE DOMAIN short AS text CHECK (length(VALUE) < 100);

CREATE TABLE users (
    id int PRIMARY KEY,
    email text NOT NULL,
    name text,
    age int,
    tags text[] NOT NULL,
    labels text[],
    home address,
    mood mood,
    config jsonb NOT NULL,
    manager_id int REFERENCES users,
    joined timestamptz NOT NULL
);
INSERT INTO users VALUES
    (1, 'a@x', 'Ann', 30, '{red,NULL}', '{a,b}', ROW('s', '1'), 'ok', '{"a": 1, "n": null}', NULL, '2020-01-01'),
    (2, 'b@x', NULL, NULL, '{}', NULL, NULL, NULL, '{}', 1, 'infinity'),
    (3, 'c@x', 'Cid', NULL, '{blue}', '{NULL}', ROW(NULL, NULL), 'sad', '[1, null]', 1, '-infinity');

CREATE TABLE posts (
    id int PRIMARY KEY,
    user_id int NOT NULL REFERENCES users,
    title text NOT NULL,
    body text,
    score numeric,
    editor_id int REFERENCES users
);
INSERT INTO posts VALUES
    (10, 1, 'one', 'text', 1.5, 2),
    (11, 1, 'two', NULL, NULL, NULL),
    (12, 3, 'three', NULL, NULL, NULL);

CREATE TABLE comments (id int PRIMARY KEY, post_id int NOT NULL REFERENCES posts, text text NOT NULL, rating int);
INSERT INTO comments VALUES (100, 10, 'fine', NULL), (101, 11, 'bad', 3);

CREATE TABLE empty (id int NOT NULL, v text NOT NULL, n int);
CREATE TABLE numbers (k int NOT NULL, v int, w int NOT NULL);
INSERT INTO numbers VALUES (1, NULL, 0), (1, NULL, 5), (2, 7, 5), (3, 8, 9);
CREATE TABLE others (k int NOT NULL, v int);
INSERT INTO others VALUES (1, 1), (4, NULL), (5, 5);
CREATE TABLE flags (id int NOT NULL, yes boolean NOT NULL, maybe boolean);
INSERT INTO flags VALUES (1, true, true), (2, false, NULL), (3, true, NULL), (4, false, false);

CREATE TABLE documents (id int PRIMARY KEY, r required, s short, j jsonb, x xml);
INSERT INTO documents VALUES (1, 'r', 's', '{"k": {"l": null}, "list": [1, null, "x"]}', NULL);
-- A NOT NULL domain lets this pass: an outer join, or a subquery without rows, gives NULL of its type.
INSERT INTO documents SELECT 2, (SELECT r FROM documents WHERE false), NULL, 'null', NULL;

CREATE VIEW authors AS SELECT id, email, name FROM users;
CREATE VIEW post_authors AS
    SELECT p.id, p.title, u.email, e.email AS editor FROM posts p JOIN users u ON u.id = p.user_id
    LEFT JOIN users e ON e.id = p.editor_id;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, name FROM users WHERE id > 0;
CREATE VIEW titled AS SELECT id, user_id, title, body FROM posts WHERE body IS NOT NULL;
CREATE MATERIALIZED VIEW counted AS SELECT user_id, count(*) AS n FROM posts GROUP BY user_id;

-- A BEFORE trigger that undoes what was written.
CREATE TABLE stamped (id int PRIMARY KEY, v text, w text NOT NULL);
INSERT INTO stamped VALUES (1, 'a', 'w'), (2, 'b', 'w');
CREATE FUNCTION blank() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.v := NULL; RETURN NEW; END $$;
CREATE TRIGGER blank BEFORE INSERT OR UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION blank();

-- A view whose rows a trigger makes.
CREATE VIEW writable AS SELECT id, email FROM users WHERE id < 100 LIMIT 10;
CREATE FUNCTION write_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := NULL; RETURN NEW; END $$;
CREATE TRIGGER write_row INSTEAD OF INSERT OR UPDATE ON writable FOR EACH ROW EXECUTE FUNCTION write_row();

CREATE TABLE notes (id int PRIMARY KEY, v text, w text, n int NOT NULL DEFAULT 0, twice int GENERATED ALWAYS AS (n * 2) STORED);
INSERT INTO notes VALUES (1, 'a', NULL, 1), (2, NULL, 'b', 2);

CREATE TABLE events (id int NOT NULL, day date NOT NULL, what text NOT NULL, extra text) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO events VALUES (1, '2020-05-05', 'x', NULL), (2, '2021-05-05', 'y', 'e');

CREATE FUNCTION pick(int) RETURNS int LANGUAGE sql STRICT AS 'SELECT NULL::int';
CREATE FUNCTION pick_loose(int) RETURNS int LANGUAGE sql AS 'SELECT NULL::int';
CREATE FUNCTION is_fine(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION is_fine_strict(text) RETURNS boolean LANGUAGE sql STRICT AS 'SELECT true';
CREATE FUNCTION first_user() RETURNS users LANGUAGE sql AS 'SELECT * FROM users WHERE false';
CREATE FUNCTION user_rows() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users';
CREATE FUNCTION pairs(OUT a int, OUT b int) RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, NULL::int';
CREATE FUNCTION last_or_null(int, int) RETURNS int LANGUAGE sql AS 'SELECT NULL::int';
CREATE AGGREGATE nothing(int) (SFUNC = last_or_null, STYPE = int, INITCOND = '0');

CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE outside (id int NOT NULL, v text NOT NULL)
    SERVER files OPTIONS (program 'echo 1,; echo 2,b', format 'csv');

CREATE TABLE parent (id int NOT NULL, v text NOT NULL);
CREATE TABLE child (extra text) INHERITS (parent);
INSERT INTO parent VALUES (1, 'p');
INSERT INTO child VALUES (2, 'c', NULL);
