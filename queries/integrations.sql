-- Integrations: GitHub, Slack, storage, logs, and the vault that keeps their secrets.

--: GithubIntegration()
--: LogsWriteBackConfig()

--! create_github_integration : GithubIntegration
--- Notes that the GitHub app was installed. Fails on `github_integrations_org_installation_key` where the organization
--- has that installation already.
INSERT INTO github_integrations (
    organization_id,
    user_id,
    installation_id,
    github_org_id,
    github_org_name,
    token_vault_key
)
VALUES (:organization_id, :user_id, :installation_id, :github_org_id, :github_org_name, :token_vault_key)
RETURNING
    id,
    organization_id,
    user_id,
    installation_id,
    github_org_id,
    github_org_name,
    token_vault_key,
    repository_permissions,
    status,
    installed_at,
    last_used_at,
    created_at;

--! get_active_github_integration : GithubIntegration
--- The installation that an organization uses: the latest of the active ones.
SELECT
    id,
    organization_id,
    user_id,
    installation_id,
    github_org_id,
    github_org_name,
    token_vault_key,
    repository_permissions,
    status,
    installed_at,
    last_used_at,
    created_at
FROM github_integrations
WHERE
    organization_id = :organization_id
    AND status = 'active'
    AND deleted_at IS NULL
ORDER BY installed_at DESC NULLS LAST, id
LIMIT 1;

--! set_github_status
--- Moves an installation to another status, but only from one of those named. Changes nothing where somebody else was
--- faster: then 0 rows are affected.
UPDATE github_integrations
SET
    status = :status,
    installed_at = CASE
        WHEN :status::github_integration_status_enum = 'active' THEN coalesce(installed_at, now())
        ELSE installed_at
    END,
    updated_at = now()
WHERE
    id = :integration_id
    AND status = ANY(:from_statuses)
    AND deleted_at IS NULL;

--! start_slack_oauth (team_id?, oauth_state!, oauth_expires_at!) : SlackIntegration (oauth_state!, oauth_expires_at!)
--- Begins an installation of the Slack app. A workspace that is known, from an earlier installation, goes back to
--- pending and its settings are put aside in `oauth_metadata`; `team_id` is NULL where the workspace is not known yet.
INSERT INTO slack_integrations (organization_id, user_id, team_id, oauth_state, oauth_expires_at)
VALUES (:organization_id, :user_id, :team_id, :oauth_state, :oauth_expires_at)
ON CONFLICT (organization_id, team_id) DO UPDATE
SET
    user_id = excluded.user_id,
    oauth_state = excluded.oauth_state,
    oauth_expires_at = excluded.oauth_expires_at,
    oauth_metadata = jsonb_build_object(
        'previous_status', slack_integrations.status,
        'default_channel', slack_integrations.default_channel,
        'default_sharing_permissions', slack_integrations.default_sharing_permissions
    ),
    status = 'pending',
    updated_at = now(),
    deleted_at = NULL
RETURNING
    id,
    organization_id,
    user_id,
    team_id,
    status,
    oauth_state,
    oauth_expires_at,
    oauth_metadata,
    created_at,
    updated_at;

--! expire_slack_oauth
--- Removes installations that were begun and never finished, and returns the vault keys of their tokens, where there
--- are any, so that the tokens can be removed too.
--@ allow(hard_delete, "an attempt that was given up leaves nothing worth keeping")
DELETE FROM slack_integrations
WHERE
    status = 'pending'
    AND oauth_expires_at < now()
    AND deleted_at IS NULL
RETURNING id, token_vault_key;

--! upsert_logs_writeback : LogsWriteBackConfig
--- Says where an organization's query logs go. There is one such place at a time.
INSERT INTO logs_write_back_configs (organization_id, data_source_id, database, schema, table_name)
VALUES (:organization_id, :data_source_id, :database, :schema, :table_name)
ON CONFLICT (organization_id) WHERE deleted_at IS NULL DO UPDATE
SET
    data_source_id = excluded.data_source_id,
    database = excluded.database,
    schema = excluded.schema,
    table_name = excluded.table_name,
    updated_at = now()
RETURNING
    id,
    organization_id,
    data_source_id,
    database,
    schema,
    table_name,
    created_at,
    updated_at,
    deleted_at;

--! get_secret_by_name
--- A secret in the clear.
SELECT
    id,
    name,
    description,
    decrypted_secret,
    key_id,
    nonce,
    updated_at
FROM vault.decrypted_secrets
WHERE name = :name;

--! store_secret (secret!, name?, description?) : (id!)
--- Puts a secret into the vault and returns its id. Without a name it can be found by id only.
SELECT vault.create_secret(
    new_secret => :secret,
    new_name => :name,
    new_description => :description
) AS id;

--! list_s3_integrations
--- The buckets of an organization, or of all; removed ones only on request.
SELECT
    id,
    provider,
    organization_id,
    created_at,
    updated_at,
    deleted_at
FROM s3_integrations
WHERE
    (:organization_id IS NULL OR organization_id = :organization_id)
    AND (:include_deleted OR deleted_at IS NULL)
ORDER BY created_at DESC, id;
