-- Messages: the questions of a chat and the assistant's answers.

--: Message()

--! create_message
--- Asks a question in a chat, and moves the chat to the top. Asking again under the same id begins the answer anew.
--- Returns nothing where the chat is deleted, or where the id belongs to another chat.
WITH touched AS (
    UPDATE chats
    SET
        updated_at = now(),
        updated_by = :user_id
    WHERE id = :chat_id AND deleted_at IS NULL
    RETURNING id, title
)
INSERT INTO messages (id, chat_id, created_by, title, request_message, message_analysis_mode)
SELECT :message_id, touched.id, :user_id, touched.title, :request_message, :analysis_mode
FROM touched
ON CONFLICT (id) DO UPDATE
SET
    request_message = excluded.request_message,
    message_analysis_mode = excluded.message_analysis_mode,
    response_messages = '[]',
    reasoning = '[]',
    raw_llm_messages = '[]',
    final_reasoning_message = NULL,
    post_processing_message = NULL,
    error_reason = NULL,
    is_completed = FALSE,
    updated_at = now(),
    deleted_at = NULL
WHERE messages.chat_id = excluded.chat_id
RETURNING
    id,
    chat_id,
    created_by,
    title,
    request_message,
    message_analysis_mode,
    is_completed,
    created_at,
    updated_at;

--! get_message : Message
--- One message by id, with its answer.
SELECT
    id,
    chat_id,
    created_by,
    title,
    request_message,
    message_analysis_mode,
    response_messages,
    reasoning,
    raw_llm_messages,
    final_reasoning_message,
    post_processing_message,
    metadata,
    feedback,
    trigger_run_id,
    error_reason,
    is_completed,
    created_at,
    updated_at
FROM messages
WHERE id = :message_id AND deleted_at IS NULL;

--! update_message (response_messages~, reasoning~, raw_llm_messages~, final_reasoning_message~, post_processing_message~, is_completed~)
--- Writes down what the assistant has so far. Returns nothing where the message is deleted.
UPDATE messages
SET
    response_messages = :response_messages,
    reasoning = :reasoning,
    raw_llm_messages = :raw_llm_messages,
    final_reasoning_message = :final_reasoning_message,
    post_processing_message = :post_processing_message,
    is_completed = :is_completed,
    updated_at = now()
WHERE id = :message_id AND deleted_at IS NULL
RETURNING id, chat_id, is_completed, updated_at;

--! get_message_context
--- What the assistant must know before it answers: the chat of the message, its organization, and whether the person
--- was known where the chat began on Slack.
SELECT
    messages.id AS message_id,
    messages.request_message,
    messages.message_analysis_mode,
    messages.created_by AS user_id,
    chats.id AS chat_id,
    chats.organization_id,
    organizations.name AS organization_name,
    chats.slack_chat_authorization
FROM messages
INNER JOIN chats ON chats.id = messages.chat_id AND chats.deleted_at IS NULL
INNER JOIN organizations ON organizations.id = chats.organization_id AND organizations.deleted_at IS NULL
WHERE messages.id = :message_id AND messages.deleted_at IS NULL;

--! list_messages_for_chat : (author: Author)
--- The messages of a chat with their authors, newest first. Authors whose account is closed are not named.
SELECT
    messages.id,
    messages.request_message,
    messages.response_messages,
    messages.is_completed,
    messages.created_at,
    author
FROM messages
LEFT JOIN (
    SELECT id, email, name, avatar_url
    FROM users
    WHERE deleted_at IS NULL
) AS author ON author.id = messages.created_by
WHERE messages.chat_id = :chat_id AND messages.deleted_at IS NULL
ORDER BY messages.created_at DESC, messages.id DESC;

--! list_message_history
--- A message and what was said before it in its chat, oldest first: what the assistant gets to read.
SELECT
    earlier.id,
    earlier.request_message,
    earlier.raw_llm_messages,
    earlier.created_at
FROM messages AS latest
INNER JOIN messages AS earlier
    ON
        earlier.chat_id = latest.chat_id
        AND (earlier.created_at, earlier.id) <= (latest.created_at, latest.id)
        AND earlier.deleted_at IS NULL
WHERE latest.id = :message_id AND latest.deleted_at IS NULL
ORDER BY earlier.created_at, earlier.id;

--! list_raw_llm_entries
--- Everything that went to and came from the language model in a chat, in order, one entry a row. A message that holds something else
--- than a list has none.
SELECT
    messages.id AS message_id,
    entry.position,
    entry.value AS entry
FROM messages
CROSS JOIN LATERAL jsonb_array_elements(
    CASE jsonb_typeof(messages.raw_llm_messages) WHEN 'array' THEN messages.raw_llm_messages ELSE '[]' END
) WITH ORDINALITY AS entry (value, position)
WHERE messages.chat_id = :chat_id AND messages.deleted_at IS NULL
ORDER BY messages.created_at, messages.id, entry.position;

--! link_message_files
--- Notes which files messages made. Pairs that are known stay as they are.
--@ bulk
INSERT INTO messages_to_files (id, message_id, file_id)
VALUES (:id, :message_id, :file_id)
ON CONFLICT (message_id, file_id) DO NOTHING;

--! list_message_files
--- The files that a message made, of whatever type, without those deleted since.
SELECT
    link.file_id,
    file.file_type,
    file.name,
    link.version_number,
    link.is_duplicate
FROM messages_to_files AS link
INNER JOIN (
    SELECT metric_files.id, 'metric_file'::asset_type_enum AS file_type, metric_files.name
    FROM metric_files
    WHERE metric_files.deleted_at IS NULL
    UNION ALL
    SELECT dashboard_files.id, 'dashboard_file', dashboard_files.name
    FROM dashboard_files
    WHERE dashboard_files.deleted_at IS NULL
    UNION ALL
    SELECT report_files.id, 'report_file', report_files.name
    FROM report_files
    WHERE report_files.deleted_at IS NULL
) AS file ON file.id = link.file_id
WHERE link.message_id = :message_id AND link.deleted_at IS NULL
ORDER BY link.created_at, link.id;
