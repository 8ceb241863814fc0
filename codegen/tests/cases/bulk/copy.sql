-- Which queries go by COPY when their rows are more than one statement takes, and which do not.

-- ==== schema
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN short AS varchar(5);
CREATE DOMAIN sure AS int NOT NULL CHECK (VALUE > 0);
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE address AS (street text, zip varchar(5));
CREATE SCHEMA app;
CREATE TABLE kinds (
    id int PRIMARY KEY,
    price numeric(8, 2),
    whole numeric(4),
    name varchar(5),
    code char(4),
    flags bit(3),
    more varbit(4),
    at time(0),
    stamp timestamp(0),
    instant timestamptz(3),
    span interval(1),
    mail email,
    nick short,
    mood mood,
    home address,
    doc jsonb,
    texts text[],
    prices numeric(6, 1)[],
    nicks varchar(3)[],
    moods mood[],
    how text NOT NULL DEFAULT substr(current_query(), 1, 4)
);
CREATE TABLE app."Odd ""names""" (
    "order" int PRIMARY KEY,
    "It's" text,
    how text NOT NULL DEFAULT substr(current_query(), 1, 4)
);
CREATE TABLE parents (id int PRIMARY KEY);
INSERT INTO parents VALUES (1);
CREATE TABLE strict (
    id int CONSTRAINT strict_key PRIMARY KEY,
    parent int NOT NULL CONSTRAINT strict_parent REFERENCES parents,
    late int CONSTRAINT strict_late REFERENCES parents DEFERRABLE INITIALLY DEFERRED,
    part int CONSTRAINT strict_part CHECK (part BETWEEN 1 AND 3) CHECK (part <> 2),
    mail email,
    sure sure,
    name varchar(5),
    price numeric(4, 2),
    flags bit(3),
    CONSTRAINT strict_apart EXCLUDE USING btree (part WITH =) WHERE (part = 1)
);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.id = 666 THEN
        RAISE 'not this one' USING ERRCODE = 'BULK1';
    ELSIF new.id = 667 THEN
        RETURN NULL;
    ELSIF new.id = 668 THEN
        new.id := -668;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON strict FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TABLE parted (id int, body text NOT NULL, CONSTRAINT parted_key UNIQUE (id)) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10000);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10000) TO (20000);

CREATE TABLE plain (
    id int,
    body text,
    point point,
    config jsonb,
    tags text[],
    number int GENERATED ALWAYS AS IDENTITY,
    how text NOT NULL DEFAULT substr(current_query(), 1, 4)
);
CREATE VIEW seen AS SELECT id, body FROM plain;
CREATE TABLE ruled (id int, body text);
CREATE RULE noted AS ON INSERT TO ruled DO ALSO INSERT INTO parents VALUES (new.id);
CREATE TABLE secured (id int, body text);
ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
CREATE TABLE counted (id int, body text);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER nothing AFTER INSERT ON counted FOR EACH STATEMENT EXECUTE FUNCTION nothing();

-- ==== queries
--! add_kinds
--@ bulk
INSERT INTO kinds (
    id, price, whole, name, code, flags, more, at, stamp, instant, span, mail, nick, mood, home, doc
) VALUES (
    :id, :price, :whole, :name, :code, :flags, :more, :at, :stamp, :instant, :span, :mail, :nick, :mood, :home, :doc
);

--! add_lists (texts?[?], prices?[?], nicks?[?], moods?[?])
--@ bulk
INSERT INTO kinds (moods, id, texts, prices, nicks) VALUES (:moods, :id, :texts, :prices, :nicks);

--! differing
--- Those of which the one that went among many is not the one that went among few.
SELECT few.id
FROM kinds AS few
JOIN kinds AS many ON many.id = few.id + 100000
WHERE (to_jsonb(few) - 'id' - 'how')::text <> (to_jsonb(many) - 'id' - 'how')::text
    OR few.code::bytea <> many.code::bytea
    OR few.how = many.how;

--! ways (): (how!, count!)
SELECT how, count(*) FROM kinds GROUP BY how ORDER BY how;

--! add_odd
--@ bulk
INSERT INTO app."Odd ""names""" ("It's", "order") VALUES (:text, :number);

--! count_odd
SELECT count(*) FROM app."Odd ""names""" WHERE how = 'COPY' AND "It's" = 'text';

--! add_strict
--@ bulk
INSERT INTO strict AS one (id, parent, late, part, mail, sure, name, price, flags)
VALUES (:id, :parent, :late, :part, :mail, :sure, :name, :price, :flags);

--! count_strict
SELECT count(*), min(id) FROM strict;

--! clear_strict
--@ allow(missing_where, "of the test")
DELETE FROM strict;

--! add_parted
--@ bulk
INSERT INTO parted VALUES (:id, :body);

--! add_plain
--- By COPY; those below are not.
--@ bulk
INSERT INTO plain (id, body) VALUES (:id, :body);

--! plain_ways (): (how!, count!)
SELECT how, count(*) FROM plain GROUP BY how ORDER BY how;

--! one_twice
--@ bulk
INSERT INTO plain (id, body, config) VALUES (:id, :body, to_jsonb(:id::int));

--! one_in_two
--@ bulk
INSERT INTO plain (id, body, how) VALUES (:id, :body, :body);

--! a_cast
--@ bulk
INSERT INTO plain (id, body) VALUES (:id::smallint, :body);

--! another_type
--@ bulk
INSERT INTO plain (id, body) VALUES (:id, :body::varchar);

--! a_constant
--@ bulk
INSERT INTO plain (id, body, tags) VALUES (:id, :body, '{}');

--! in_parentheses
--@ bulk
INSERT INTO plain (id, body) VALUES ((:id), :body);

--! a_part
--@ bulk
INSERT INTO plain (id, tags[2]) VALUES (:id, :tag);

--! system_value
--@ bulk
INSERT INTO plain (id, number) OVERRIDING SYSTEM VALUE VALUES (:id, :number);

--! user_value
--@ bulk
INSERT INTO plain (id, body) OVERRIDING USER VALUE VALUES (:id, :body);

--! a_key
--@ bulk
INSERT INTO plain (id, body) VALUES (:id, :body) RETURNING number;

--! a_conflict
--@ bulk
INSERT INTO plain (id, body) VALUES (:id, :body) ON CONFLICT DO NOTHING;

--! add_seen
--@ bulk
INSERT INTO seen (id, body) VALUES (:id, :body);

--! add_ruled
--@ bulk
INSERT INTO ruled (id, body) VALUES (:id, :body);

--! add_secured
--@ bulk
INSERT INTO secured (id, body) VALUES (:id, :body);

--! add_counted
--@ bulk
INSERT INTO counted (id, body) VALUES (:id, :body);
