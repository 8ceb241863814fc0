-- Chats: conversations with the assistant.

--: Chat()

--! create_chat
--- Begins a chat; whoever begins it owns it.
WITH made AS (
    INSERT INTO chats (title, organization_id, created_by, updated_by)
    VALUES (:title, :organization_id, :user_id, :user_id)
    RETURNING id, title, chat_type, workspace_sharing, created_at
), granted AS (
    INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
    SELECT :user_id, 'user', made.id, 'chat', 'owner', :user_id, :user_id
    FROM made
    RETURNING role
)
SELECT
    made.id,
    made.title,
    made.chat_type,
    made.workspace_sharing,
    granted.role AS owner_role,
    made.created_at
FROM made
CROSS JOIN granted;

--! get_chat : Chat
--- One chat by id, with all that there is to know about it.
SELECT
    id,
    title,
    chat_type,
    organization_id,
    created_at,
    updated_at,
    deleted_at,
    created_by,
    updated_by,
    publicly_accessible,
    publicly_enabled_by,
    public_expiry_date,
    public_password,
    most_recent_file_id,
    most_recent_file_type,
    most_recent_version_number,
    slack_chat_authorization,
    slack_thread_ts,
    slack_channel_id,
    workspace_sharing,
    workspace_sharing_enabled_by,
    workspace_sharing_enabled_at,
    screenshot_bucket_key,
    screenshot_taken_at
FROM chats
WHERE id = :chat_id AND deleted_at IS NULL;

--! get_chat_details : (owner: ChatOwner)
--- A chat as its page shows it to a user: who owns it, unless that account is closed, and whether it is a favorite of
--- the user.
SELECT
    chats.id,
    chats.title,
    chats.updated_at,
    owner,
    EXISTS (
        SELECT
        FROM user_favorites AS favorite
        WHERE
            favorite.user_id = :user_id
            AND favorite.asset_id = chats.id
            AND favorite.asset_type = 'chat'
            AND favorite.deleted_at IS NULL
    ) AS is_favorited
FROM chats
LEFT JOIN (
    SELECT id, email, name
    FROM users
    WHERE deleted_at IS NULL
) AS owner ON owner.id = chats.created_by
WHERE chats.id = :chat_id AND chats.deleted_at IS NULL;

--! update_chat (title~, most_recent_file_id~, most_recent_file_type~, most_recent_version_number~)
--- Renames a chat, or notes the file that it made last; clearing the three takes the file away.
UPDATE chats
SET
    title = :title,
    most_recent_file_id = :most_recent_file_id,
    most_recent_file_type = :most_recent_file_type,
    most_recent_version_number = :most_recent_version_number,
    updated_at = now()
WHERE id = :chat_id AND deleted_at IS NULL
RETURNING
    id,
    title,
    most_recent_file_id,
    most_recent_file_type,
    most_recent_version_number,
    updated_at;

--! update_chat_sharing (publicly_accessible~, publicly_enabled_by~, public_expiry_date~, public_password~, workspace_sharing~, workspace_sharing_enabled_by~, workspace_sharing_enabled_at~)
--- Changes who else sees a chat. Who enabled it, and when, is cleared by whoever ends the sharing.
UPDATE chats
SET
    publicly_accessible = :publicly_accessible,
    publicly_enabled_by = :publicly_enabled_by,
    public_expiry_date = :public_expiry_date,
    public_password = :public_password,
    workspace_sharing = :workspace_sharing,
    workspace_sharing_enabled_by = :workspace_sharing_enabled_by,
    workspace_sharing_enabled_at = :workspace_sharing_enabled_at,
    updated_by = :user_id,
    updated_at = now()
WHERE id = :chat_id AND deleted_at IS NULL;

--! touch_chat
--- Moves a chat to the top of the recent ones.
UPDATE chats
SET updated_at = now()
WHERE id = :chat_id AND deleted_at IS NULL;

--! find_slack_chat
--- The chat that a Slack thread belongs to: the first, where an error made two.
SELECT id, title, created_by, slack_chat_authorization
FROM chats
WHERE
    organization_id = :organization_id
    AND slack_channel_id = :channel_id
    AND slack_thread_ts = :thread_ts
    AND deleted_at IS NULL
ORDER BY created_at, id
LIMIT 1;

--! list_recent_chats
--- The chats of an organization, the last changed first, with who began each.
--@ page
SELECT
    chats.id,
    chats.title,
    chats.chat_type,
    chats.updated_at,
    chats.created_by,
    author.name AS author_name
FROM chats
LEFT JOIN users AS author
    ON author.id = chats.created_by AND author.deleted_at IS NULL
WHERE chats.organization_id = :organization_id AND chats.deleted_at IS NULL
ORDER BY chats.updated_at DESC, chats.id DESC;
