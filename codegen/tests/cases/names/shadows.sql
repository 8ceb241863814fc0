-- Names of the runtime and of other files, taken by tables, types and queries: what is meant is written with its path.
-- ==== schema
CREATE TYPE date AS ENUM ('soon');
CREATE TYPE "user" AS (name text);
CREATE TYPE nothing AS ENUM ();
CREATE TYPE hollow AS ();
CREATE TABLE transactions (id int PRIMARY KEY, at date NOT NULL, at_last public.date NOT NULL);
CREATE TABLE users (id int PRIMARY KEY, who "user" NOT NULL);
CREATE TABLE statements (id int PRIMARY KEY, made timestamptz NOT NULL, uuid uuid);
CREATE TABLE uuids (id uuid PRIMARY KEY, n nothing, h hollow);
-- ==== queries
--! list_transactions
SELECT * FROM transactions;

--! lock_transaction
--@ transaction
SELECT * FROM transactions WHERE id = :id FOR UPDATE;

--! list_users
SELECT * FROM users;

--! list_who
SELECT who FROM users;

--! list_statements
SELECT * FROM statements;

--! list_uuids
SELECT * FROM uuids;

--! optional
SELECT id FROM users WHERE id = :a OR id = :b LIMIT 1;

--! reader
SELECT id FROM uuids WHERE id = :a AND id <> :b;

--! timestamp : Timestamp()
SELECT made, id FROM statements;

--! users
SELECT id FROM users;
