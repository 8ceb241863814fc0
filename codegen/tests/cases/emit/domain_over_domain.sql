-- The CHECK of a domain below another is reported as the upper one's, and has one variant.
-- ==== schema
CREATE DOMAIN small AS int CONSTRAINT is_small CHECK (VALUE < 10);
CREATE DOMAIN given AS small NOT NULL;
CREATE DOMAIN even AS given CONSTRAINT is_even CHECK (VALUE % 2 = 0);
CREATE TABLE numbers (id int PRIMARY KEY, plain small, pair even, pairs even[]);
-- ==== queries numbers
--! add (plain?, pair?, element?)
--- Computed values, which nobody can look at before they are sent.
INSERT INTO numbers (id, plain, pair, pairs)
VALUES (:id, :plain::int + 0, :pair::int + 0, ARRAY[:element::int + 0]::even[]);
