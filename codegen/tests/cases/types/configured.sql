-- What sqlmill.toml says of types, domains, columns, keys and derives.
-- ==== schema
CREATE TYPE mood AS ENUM ('happy', 'Unknown');
CREATE DOMAIN embedding AS bytea;
CREATE TABLE organizations (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), parent_id uuid REFERENCES organizations);
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id uuid NOT NULL REFERENCES organizations,
    config jsonb NOT NULL,
    history jsonb[] NOT NULL,
    seen inet,
    mood mood NOT NULL,
    embedding embedding,
    price numeric NOT NULL,
    cells int[] NOT NULL
);
CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users, code text NOT NULL);
CREATE TABLE memberships (user_id bigint REFERENCES profiles, organization_id uuid REFERENCES organizations, PRIMARY KEY (user_id, organization_id));
CREATE TABLE teams (id bigint PRIMARY KEY);
CREATE TABLE countries (code text PRIMARY KEY);
CREATE TABLE visits (user_id bigint REFERENCES users, country text REFERENCES countries, subject bigint);
-- ==== queries
--! all_users
SELECT * FROM users;

--! add_organization
INSERT INTO organizations (parent_id) VALUES (:parent) RETURNING id;

--! add_user
INSERT INTO users (organization_id, config, history, seen, mood, embedding, price, cells)
VALUES (:organization_id, :config, :history, :seen, :mood, :embedding, :price, :cells)
RETURNING id;

--! add_profile
INSERT INTO profiles (user_id, code) VALUES (:user_id, :code);

--! members_of
SELECT m.user_id, p.code FROM memberships m JOIN profiles p USING (user_id) WHERE m.organization_id = :organization;

--! users_by_ids
SELECT id, config FROM users WHERE id = ANY(:ids) AND config <> :config;

--! users_after (after?)
SELECT id FROM users WHERE id > :after;

--! by_subject
SELECT user_id FROM visits WHERE subject = :subject AND country = :country;

--! tied_through_another
SELECT count(*) FROM users u, visits v WHERE u.id = :id AND v.subject = :id AND :organization IN (SELECT id FROM organizations);

--! no_key_of_two_tables
SELECT count(*) FROM users u, teams t WHERE u.id = :id AND t.id = :id;

--! both_keys
SELECT u.id FROM users u, organizations o WHERE u.id::text = :key AND o.id::text = :key;

--! same_or_another
SELECT count(*) FROM users WHERE id IS NOT DISTINCT FROM :same AND id <> :other AND id <> ALL(:others) AND id IN (:one, :two);

--! before_and_after
SELECT id FROM users WHERE id BETWEEN :low AND :high AND NOT id < ANY(:many) AND (id, organization_id) > (:last, :of);

--! one_and_after_another
SELECT count(*) FROM users u, teams t WHERE u.id = :id AND t.id > :id;

--! derived_from_keys
SELECT max(id) AS highest, array_agg(id) AS ids FROM users;
-- ==== sqlmill.toml
ids = "newtype"
numeric = "text"


[types]
"users.config" = "std::collections::BTreeMap<String, i32>"
"public.users.history" = "std::collections::BTreeMap<String, i32>"
"users.seen" = "network"
"users.cells" = "array"
"embedding" = "sqlmill_runtime::types::Binary"
"mood" = { unknown = "keep", derive = ["serde::Serialize"], attributes = ["serde(rename_all = \"snake_case\")"] }

[derive]
params = ["PartialEq"]
types = ["serde::Deserialize"]
