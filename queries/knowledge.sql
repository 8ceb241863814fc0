-- Knowledge: documents that the assistant reads, and shortcuts that people type.

--: Doc()
--: Shortcut()

--! upsert_doc : Doc
--- Writes a document under a name, over the one that has it. A deleted one comes back with the new text.
INSERT INTO docs (name, content, type, organization_id)
VALUES (:name, :content, :type, :organization_id)
ON CONFLICT (name, organization_id) DO UPDATE
SET
    content = excluded.content,
    type = excluded.type,
    updated_at = now(),
    deleted_at = NULL
RETURNING
    id,
    name,
    content,
    type,
    organization_id,
    created_at,
    updated_at,
    deleted_at;

--! update_doc (name~, content~, type~) : Doc
--- Renames a document, or writes it anew. Fails on `docs_name_organization_id_key` where another one has the name, also
--- where that one is deleted.
UPDATE docs
SET
    name = :name,
    content = :content,
    type = :type,
    updated_at = now()
WHERE id = :doc_id AND organization_id = :organization_id AND deleted_at IS NULL
RETURNING
    id,
    name,
    content,
    type,
    organization_id,
    created_at,
    updated_at,
    deleted_at;

--! create_shortcut : Shortcut
--- Makes a shortcut, or brings back the user's own deleted one of that name with the new text. Fails on
--- `shortcuts_personal_unique` where the user has one of that name, and on `shortcuts_workspace_unique` where a shared
--- one has it.
--@ one
--@ allow(cardinality, "a row is made only where none was restored, and a name is restored once")
WITH restored AS (
    UPDATE shortcuts
    SET
        instructions = :instructions,
        share_with_workspace = :share_with_workspace,
        updated_by = :user_id,
        updated_at = now(),
        deleted_at = NULL
    WHERE
        name = :name
        AND organization_id = :organization_id
        AND created_by = :user_id
        AND deleted_at IS NOT NULL
    RETURNING id, name, instructions, share_with_workspace, created_by, created_at, updated_at
), made AS (
    INSERT INTO shortcuts (name, instructions, share_with_workspace, organization_id, created_by, updated_by)
    SELECT :name, :instructions, :share_with_workspace, :organization_id, :user_id, :user_id
    WHERE NOT EXISTS (SELECT FROM restored)
    RETURNING id, name, instructions, share_with_workspace, created_by, created_at, updated_at
)
SELECT id, name, instructions, share_with_workspace, created_by, created_at, updated_at
FROM restored
UNION ALL
SELECT id, name, instructions, share_with_workspace, created_by, created_at, updated_at
FROM made;

--! list_shortcuts
--- The shortcuts that a user may type in an organization, the user's own and shared ones: the recently used first, the
--- others by name.
SELECT
    shortcuts.id,
    shortcuts.name,
    shortcuts.instructions,
    shortcuts.share_with_workspace,
    shortcuts.created_by,
    author.name AS author_name
FROM users AS reader
INNER JOIN shortcuts
    ON
        shortcuts.organization_id = :organization_id
        AND (shortcuts.created_by = reader.id OR shortcuts.share_with_workspace)
        AND shortcuts.deleted_at IS NULL
LEFT JOIN users AS author
    ON author.id = shortcuts.created_by AND author.deleted_at IS NULL
WHERE reader.id = :user_id AND reader.deleted_at IS NULL
ORDER BY
    array_position(
        ARRAY(
            SELECT
                jsonb_array_elements_text(
                    CASE jsonb_typeof(reader.last_used_shortcuts) WHEN 'array' THEN reader.last_used_shortcuts ELSE '[]' END
                )
        ),
        shortcuts.id::text
    ) NULLS LAST,
    shortcuts.name,
    shortcuts.id;

--! shortcut_name_taken
--- Whether a user could not give a shortcut this name, because the user or the whole organization has one of that name.
--- `except_id` is the shortcut that is being renamed, where there is one.
SELECT EXISTS (
    SELECT
    FROM shortcuts
    WHERE
        name = :name
        AND organization_id = :organization_id
        AND (created_by = :user_id OR share_with_workspace)
        AND id IS DISTINCT FROM :except_id
        AND deleted_at IS NULL
) AS taken;

--! list_docs
--- The documents of an organization by name: those for one kind of reader, or with a text in their name, where that is asked.
--@ page
SELECT
    id,
    name,
    type,
    created_at,
    updated_at
FROM docs
WHERE
    organization_id = :organization_id
    AND deleted_at IS NULL
    AND (:kind IS NULL OR type = :kind)
    AND (:text IS NULL OR position(lower(:text) IN lower(name)) > 0)
ORDER BY name, id;
