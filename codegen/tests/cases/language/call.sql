-- CALL: what a procedure gives back by INOUT and OUT is one row.
-- ==== schema
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE tallies (name text PRIMARY KEY, total bigint NOT NULL);
CREATE PROCEDURE tally(INOUT name text, INOUT total bigint, by int) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies VALUES (tally.name, tally.by)
    ON CONFLICT ON CONSTRAINT tallies_pkey DO UPDATE SET total = tallies.total + tally.by
    RETURNING tallies.total INTO tally.total;
END $$;
CREATE PROCEDURE describe(name text, OUT total bigint, OUT mood mood) LANGUAGE sql AS $$
    SELECT max(total), CASE WHEN max(total) > 5 THEN 'cross'::mood END FROM tallies WHERE tallies.name = describe.name
$$;
CREATE PROCEDURE forget(name text) LANGUAGE sql AS $$ DELETE FROM tallies WHERE tallies.name = forget.name $$;
CREATE PROCEDURE double(INOUT number int) LANGUAGE plpgsql AS $$ BEGIN number := number * 2; END $$;
CREATE PROCEDURE in_steps() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies VALUES ('steps', 1);
    COMMIT;
    UPDATE tallies SET total = 2 WHERE name = 'steps';
END $$;
-- ==== queries tallies
--! tally
CALL tally(:name, :total, :by);

--! describe
CALL describe(:name, NULL, NULL);

--! known (total?) : Tallied (name!, total!)
CALL tally(:name, :total, :by);

--! forget
CALL forget(:name);

--! double
CALL double(:number);

--! in_steps
CALL in_steps();
