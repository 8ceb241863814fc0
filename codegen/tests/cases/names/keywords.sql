-- Keywords, digits and odd characters as names of everything.
-- ==== schema
CREATE TYPE "select" AS ENUM ('self', 'Self', '', '+', 'in progress', 'Done', 'done', '2x', 'type');
CREATE TYPE "option" AS (type text, "2fa" int, "zipCode" text);
CREATE TABLE "match" (
    "type" text NOT NULL,
    "self" int,
    "crate" int,
    "2fa" boolean NOT NULL,
    "odd-name %" text,
    "createdAt" timestamptz NOT NULL,
    "union" int,
    "kind" "select" NOT NULL,
    "extra" "option"
);
CREATE TABLE options (id int PRIMARY KEY, value text NOT NULL);
-- ==== queries type
--! match
--- Of a keyword's name.
SELECT * FROM "match";
-- ==== queries fn
--! getAll
SELECT "type", "self" FROM "match" WHERE "type" = :type AND "2fa" = :union;

--! string
SELECT id, value FROM options WHERE id = :a AND value = :b;

--! one (db)
SELECT id FROM options WHERE id = :db;

--! one_sql
SELECT id FROM options;

--! options
SELECT * FROM options;

--! bool
SELECT "2fa", "kind" FROM "match";

--! insert
INSERT INTO "match" ("type", "2fa", "createdAt", "kind", "extra") VALUES (:type, :_2fa, now(), :kind, :extra);
