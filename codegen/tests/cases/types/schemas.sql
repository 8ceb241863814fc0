-- Types and tables of one name in several schemas.
-- ==== schema
CREATE SCHEMA vault;
CREATE TYPE kind AS ENUM ('a');
CREATE TYPE vault.kind AS ENUM ('b');
CREATE TYPE status AS ENUM ('on');
CREATE TYPE status_enum AS ENUM ('off');
CREATE TABLE secrets (id int PRIMARY KEY, kind kind NOT NULL, status status NOT NULL);
CREATE TABLE vault.secrets (id int PRIMARY KEY, kind vault.kind NOT NULL, status status_enum NOT NULL);
-- ==== queries
--! ours
SELECT * FROM secrets;
--! theirs
SELECT * FROM vault.secrets;
