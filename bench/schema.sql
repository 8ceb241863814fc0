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
