-- What `verify` looks for beside the types of statements: what the proofs and the rules for parameters rest on, and nothing else.
-- ==== sqlmill.toml
[types]
"mood" = { unknown = "keep" }
-- ==== schema
CREATE TYPE kind AS ENUM ('memo', 'letter');
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE DOMAIN slug AS text CONSTRAINT slug_check CHECK (VALUE LIKE 'a%');
CREATE TABLE notes (
    id int PRIMARY KEY,
    slug slug NOT NULL,
    kind kind NOT NULL,
    mood mood,
    title varchar(5) CONSTRAINT notes_title_check CHECK (title <> ''),
    size numeric(4, 1) CONSTRAINT notes_size_check CHECK (size > 0),
    deleted_at timestamptz,
    unread int NOT NULL DEFAULT 0,
    code int CONSTRAINT notes_code_key UNIQUE,
    CONSTRAINT notes_kind_slug_key UNIQUE (kind, slug)
);
CREATE UNIQUE INDEX notes_slug_key ON notes (slug) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX notes_title_key ON notes (title);
CREATE TABLE labels (
    id int PRIMARY KEY,
    label varchar(5) CONSTRAINT labels_label_check CHECK (label <> ''),
    grade int CONSTRAINT labels_grade_check CHECK (grade > 0)
);
-- ==== queries notes
--! add
INSERT INTO notes (id, slug, kind, mood, title, size) VALUES (:id, :slug, :kind, :mood, :title, :size);

--! get
SELECT id, kind, mood FROM notes WHERE slug = :slug AND deleted_at IS NULL;

--! add_labels
--@ bulk
INSERT INTO labels (id, label, grade) VALUES (:id, :label, :grade + 1);

--! list
SELECT slug FROM notes ORDER BY kind, slug;

--! put
INSERT INTO notes (id, slug, kind, code) VALUES (:id, :slug, :kind, :code) ON CONFLICT (code) DO NOTHING;
