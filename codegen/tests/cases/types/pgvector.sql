-- A type of an extension as one of the author's: `pgvector.author.rs`.
-- ==== requires vector
-- ==== schema
CREATE EXTENSION vector;
CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, embedding vector(3) NOT NULL, older vector[]
);
CREATE INDEX ON documents USING hnsw (embedding vector_l2_ops);
-- ==== queries
--! add_document
INSERT INTO documents (body, embedding, older) VALUES (:body, :embedding, :older) RETURNING id;

--! nearest_documents
SELECT id, embedding, embedding <-> :target AS distance FROM documents ORDER BY embedding <-> :target LIMIT :count;

--! similar_documents
SELECT id, body, older FROM documents WHERE embedding <=> :target < 0.5;

--! mean_embedding
SELECT avg(embedding) AS mean FROM documents;
-- ==== sqlmill.toml
[types]
"vector" = "crate::author::Embedding"
