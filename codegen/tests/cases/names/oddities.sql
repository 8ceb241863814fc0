-- Every kind of identifier that PostgreSQL takes.
-- ==== schema
CREATE SCHEMA "Odd Schema.x";
CREATE SCHEMA "crate";
CREATE TYPE "Odd Schema.x"."Sélect" AS ENUM ('', ' ', 'Self', 'self', 'a b', 'A-B', 'ab', '1st', '日本', '"', '''', '\', 'fn', 'é', '!=');
CREATE TYPE "crate"."type" AS ("fn" int, "Self" text, "a b" text, "a-b" text, "?" int, "1" int, "日本" int);
CREATE DOMAIN "crate"."Ref" AS text;
CREATE TABLE "Odd Schema.x"."User's ""Table""; --" (
    "ID" int PRIMARY KEY, "type" "crate"."type", "Some Thing.else" text NOT NULL, "self" int, "super" int, "crate" int, "Self" "crate"."Ref",
    "async" bool, "ünïcode" text, "1st" "Odd Schema.x"."Sélect", "dyn" text[], "_" int, "select" int, "'quoted'" int, "gen" int, "db" int, "params" int
);
COMMENT ON COLUMN "Odd Schema.x"."User's ""Table""; --"."ID" IS 'ends in */ and `ticks` [not a link] <b>';
CREATE TABLE "Option" (id int PRIMARY KEY, "Result" int);
CREATE TABLE "Transaction" (id int PRIMARY KEY, row_ text);
CREATE TABLE "vec" (id int PRIMARY KEY, "None" int, "Some" int);
CREATE TABLE a_very_long_name_indeed_that_takes_all_of_the_sixty_three_bytes__ (a_very_long_column_name_that_takes_all_of_the_sixty_three_bytes_ int PRIMARY KEY, b text);
-- ==== queries
--! all_of_it
SELECT "ID", "type", "Some Thing.else", "self", "super", "crate", "async", "ünïcode", "1st", "dyn", "select", "'quoted'", "gen", "db", "params"
FROM "Odd Schema.x"."User's ""Table""; --";
--! match
INSERT INTO "Odd Schema.x"."User's ""Table""; --" ("ID", "type", "Some Thing.else", "self", "Self", "1st", "gen", "db", "params")
VALUES (:Id, :type, :日本, :fn, :str, :r, :gen, :db, :params);
--! yield
SELECT * FROM "Option" WHERE "Result" = :db;
--! transaction
SELECT * FROM "Transaction";
--! vec
SELECT * FROM "vec";
--! long
SELECT * FROM a_very_long_name_indeed_that_takes_all_of_the_sixty_three_bytes__ WHERE b = :a_very_long_parameter_name_that_is_longer_than_postgres_would_ever_take_it_to_be;
--! some
SELECT 1 AS ok, 2 AS err;
--! abstract
SELECT "ID" FROM "Odd Schema.x"."User's ""Table""; --"
WHERE "self" = :self AND "super" = :super AND "crate" = :crate AND "async" = :async AND "select" = :type AND "gen" = :_1 AND "ünïcode" = :ünïcode;
--! do
SELECT "self" FROM "Odd Schema.x"."User's ""Table""; --" WHERE "self" = :Self;
--! every_label
SELECT "1st", "dyn", array_agg("1st") OVER () AS "all of them" FROM "Odd Schema.x"."User's ""Table""; --" ORDER BY "ID";
--! whole_row
SELECT t AS "the row" FROM "Odd Schema.x"."User's ""Table""; --" t;
-- ==== queries async
--! box
SELECT 'x'::text AS "String";
--! str
SELECT true AS u8, 'a' AS "r#type";
