-- A lock that is gone when the caller has the rows; and those that serve the statement, or a transaction.
-- ==== schema
CREATE TABLE jobs (id int PRIMARY KEY, state text NOT NULL);
-- ==== queries jobs
--! claim
SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

--! count_shared
SELECT count(*) FROM (SELECT id FROM jobs for no key update) AS locked;

--! within
WITH next AS MATERIALIZED (SELECT id FROM jobs ORDER BY id FOR SHARE OF jobs)
SELECT id FROM next;

--! hold
SELECT id, pg_try_advisory_xact_lock(id) AS held FROM jobs WHERE id = :id;

--! claim_in_transaction
--@ transaction
SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

--! take
UPDATE jobs SET state = 'taken'
WHERE id = (SELECT id FROM jobs WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id;

--! take_with
WITH next AS (SELECT id FROM jobs ORDER BY id LIMIT 1 FOR UPDATE),
taken AS (DELETE FROM jobs USING next WHERE jobs.id = next.id RETURNING jobs.id)
SELECT id FROM taken;

--! free
--@ allow(lock_without_transaction, "only asks whether somebody works on it")
SELECT id FROM jobs WHERE id = :id FOR UPDATE SKIP LOCKED;
