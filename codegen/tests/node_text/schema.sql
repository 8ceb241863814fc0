-- What the statements of statements.sql speak of.
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE place AS (street text, zip text);
CREATE DOMAIN email AS text NOT NULL CHECK (VALUE LIKE '%@%');
CREATE DOMAIN small AS int CHECK (VALUE < 100);
CREATE TABLE users (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    mail email UNIQUE,
    name text,
    mood mood NOT NULL DEFAULT 'glad',
    home place,
    tags text[] NOT NULL DEFAULT '{}',
    config jsonb,
    shouted text GENERATED ALWAYS AS (upper(name)) STORED,
    deleted_at timestamptz
);
CREATE TABLE posts (
    id bigserial PRIMARY KEY,
    author int NOT NULL REFERENCES users,
    title text NOT NULL,
    score small,
    parent bigint REFERENCES posts
);
CREATE TABLE "Odd :name {x}" ("a b" int, ":c" text, "(d)\" text, "ünï" text, "9" int, " " "char");
CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE guarded (id int PRIMARY KEY, owner text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (owner = current_user);
CREATE TABLE ruled (id int, note text);
CREATE TABLE log (note text);
CREATE RULE tell AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES (new.note);
CREATE RULE shout AS ON UPDATE TO ruled DO ALSO NOTIFY ruled_changed;
CREATE RULE refuse AS ON DELETE TO ruled DO INSTEAD NOTHING;
CREATE VIEW living AS SELECT id, mail, name FROM users WHERE deleted_at IS NULL;
CREATE VIEW authors AS
    SELECT u.id, u.name, p.title FROM living u LEFT JOIN posts p ON p.author = u.id;
CREATE VIEW checked AS SELECT id, title, score FROM posts WHERE score > 1 WITH CHECK OPTION;
CREATE VIEW every_note AS SELECT note FROM log WITH CHECK OPTION;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS 'SELECT n * 2';
CREATE FUNCTION pairs(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql AS 'SELECT 1, ''x''';
CREATE FUNCTION named(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT a + b';
CREATE PROCEDURE act(INOUT n int) LANGUAGE plpgsql AS 'BEGIN n := n + 1; END';
