-- Every kind of constraint, told apart.
-- ==== schema
CREATE DOMAIN email AS text CONSTRAINT email_check CHECK (VALUE LIKE '%@%');
CREATE DOMAIN name AS text NOT NULL;
CREATE TABLE orgs (id int PRIMARY KEY);
CREATE TABLE users (
    id int PRIMARY KEY,
    email public.email NOT NULL CONSTRAINT "users email key" UNIQUE,
    org int NOT NULL REFERENCES orgs,
    age int CONSTRAINT positive CHECK (age > 0),
    name public.name
);
COMMENT ON CONSTRAINT positive ON users IS 'Nobody is younger than one.';
CREATE TABLE pets (
    id int PRIMARY KEY,
    owner int REFERENCES users,
    age int CONSTRAINT positive CHECK (age > 0)
);
-- ==== queries
--! add
WITH u AS (
    INSERT INTO users (id, email, org, age, name) VALUES (:id, :email, :org, :age, :name) RETURNING id
)
INSERT INTO pets (id, owner, age) SELECT :pet, u.id, :age FROM u;

--! remove
DELETE FROM users WHERE id = :id;

--! add_org
INSERT INTO orgs VALUES (:id);
