-- What every contender reads and writes.
CREATE TABLE items (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text,
    score integer NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE authors (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE books (
    id bigint PRIMARY KEY,
    author_id bigint NOT NULL REFERENCES authors (id),
    title text NOT NULL
);

CREATE UNLOGGED TABLE entries (
    id bigint NOT NULL,
    name text NOT NULL
);

-- What `bench dynamic` filters, pages and fills.
CREATE TABLE reports (
    id bigint PRIMARY KEY,
    organization_id integer NOT NULL,
    author_id integer NOT NULL,
    status text NOT NULL,
    name text NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX reports_newest ON reports (organization_id, updated_at DESC, id DESC);
CREATE INDEX reports_author ON reports (author_id);

CREATE TABLE events (
    id bigint PRIMARY KEY,
    owner integer NOT NULL,
    name text NOT NULL,
    note text,
    active boolean NOT NULL
);
