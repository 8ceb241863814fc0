-- The schema of an analytics product: organizations and their people, data sources and datasets, chats with an
-- assistant, the metrics, dashboards and reports that come of them, and who may see what.
--
-- PostgreSQL 14 or newer, no extensions. Two rules hold throughout: keys are uuids that the database makes, and a row
-- is not deleted but given a deleted_at (tables without that column are links, trackers or secrets).

-- --------------------------------------------------------------------------------------------------------------------
-- Enums
-- --------------------------------------------------------------------------------------------------------------------
CREATE TYPE asset_permission_role_enum AS ENUM (
    'owner',
    'viewer',
    'can_view',
    'can_filter',
    'can_edit',
    'full_access'
);
COMMENT ON TYPE asset_permission_role_enum IS 'What an identity may do with an asset. The labels are not in order of power.';

CREATE TYPE asset_type_enum AS ENUM ('chat', 'metric_file', 'dashboard_file', 'report_file', 'collection');
COMMENT ON TYPE asset_type_enum IS 'The kinds of asset that can be shared, collected, favored and searched.';

CREATE TYPE chat_type_enum AS ENUM ('analyst', 'data_engineer');
COMMENT ON TYPE chat_type_enum IS 'Which assistant a chat talks to.';

CREATE TYPE data_source_onboarding_status_enum AS ENUM ('notStarted', 'inProgress', 'completed', 'failed');
COMMENT ON TYPE data_source_onboarding_status_enum IS 'How far the first introspection of a data source has come.';

CREATE TYPE dataset_type_enum AS ENUM ('table', 'view', 'materializedView');
COMMENT ON TYPE dataset_type_enum IS 'What a dataset is in its database.';

CREATE TYPE docs_type_enum AS ENUM ('analyst', 'normal');
COMMENT ON TYPE docs_type_enum IS 'Who a document is written for: the assistant (analyst) or everybody (normal).';

CREATE TYPE github_integration_status_enum AS ENUM ('pending', 'active', 'suspended', 'revoked');
COMMENT ON TYPE github_integration_status_enum IS 'The life of a GitHub installation.';

CREATE TYPE identity_type_enum AS ENUM ('user', 'team', 'organization');
COMMENT ON TYPE identity_type_enum IS 'Whom a permission is given to.';

CREATE TYPE message_analysis_mode_enum AS ENUM ('auto', 'standard', 'investigation');
COMMENT ON TYPE message_analysis_mode_enum IS 'How deeply the assistant looks into a question.';

CREATE TYPE sharing_setting_enum AS ENUM ('none', 'team', 'organization', 'public');
COMMENT ON TYPE sharing_setting_enum IS 'How widely a member may share assets.';

CREATE TYPE slack_chat_authorization_enum AS ENUM ('unauthorized', 'authorized', 'auto_added');
COMMENT ON TYPE slack_chat_authorization_enum IS 'Whether the person who wrote on Slack was known to the organization.';

CREATE TYPE slack_integration_status_enum AS ENUM ('pending', 'active', 'failed', 'revoked');
COMMENT ON TYPE slack_integration_status_enum IS 'The life of a Slack installation.';

CREATE TYPE slack_sharing_permission_enum AS ENUM ('shareWithWorkspace', 'shareWithChannel', 'noSharing');
COMMENT ON TYPE slack_sharing_permission_enum IS 'Who in Slack may see what the assistant answers there.';

CREATE TYPE storage_provider_enum AS ENUM ('s3', 'r2', 'gcs');
COMMENT ON TYPE storage_provider_enum IS 'Where an organization keeps its files.';

CREATE TYPE team_role_enum AS ENUM ('manager', 'member', 'none');
COMMENT ON TYPE team_role_enum IS 'The role of a person in a team.';

CREATE TYPE user_organization_role_enum AS ENUM (
    'workspace_admin',
    'data_admin',
    'querier',
    'restricted_querier',
    'viewer'
);
COMMENT ON TYPE user_organization_role_enum IS 'The role of a person in an organization, from the most powerful down.';

CREATE TYPE user_organization_status_enum AS ENUM ('active', 'inactive', 'pending', 'guest');
COMMENT ON TYPE user_organization_status_enum IS 'Whether a membership counts as a seat.';

CREATE TYPE verification_enum AS ENUM ('verified', 'backlogged', 'inReview', 'requested', 'notRequested');
COMMENT ON TYPE verification_enum IS 'Whether a person has checked a metric.';

CREATE TYPE workspace_sharing_enum AS ENUM ('none', 'can_view', 'can_edit', 'full_access');
COMMENT ON TYPE workspace_sharing_enum IS 'What everybody in the organization may do with an asset.';

-- --------------------------------------------------------------------------------------------------------------------
-- Tenants and people
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE organizations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    domain text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    payment_required boolean NOT NULL DEFAULT false,
    domains text[],
    restrict_new_user_invitations boolean NOT NULL DEFAULT false,
    default_role user_organization_role_enum NOT NULL DEFAULT 'restricted_querier',
    organization_color_palettes jsonb NOT NULL
        DEFAULT '{"selectedId": null, "palettes": [], "selectedDictionaryPalette": null}',
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    CONSTRAINT organizations_name_key UNIQUE (name),
    CONSTRAINT organizations_name_check CHECK (length(name) BETWEEN 1 AND 200)
);

COMMENT ON CONSTRAINT organizations_name_check ON organizations IS 'a name has 1 to 200 characters';

COMMENT ON TABLE organizations IS 'A tenant: a company that uses the product.';
COMMENT ON COLUMN organizations.domain IS 'The domain of the first member.';
COMMENT ON COLUMN organizations.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN organizations.payment_required IS 'True when the trial has ended and nobody has paid.';
COMMENT ON COLUMN organizations.domains IS
    'Email domains whose people may join by themselves; NULL when nobody may.';
COMMENT ON COLUMN organizations.restrict_new_user_invitations IS 'Only administrators may invite.';
COMMENT ON COLUMN organizations.default_role IS 'The role of those who join by their email domain.';
COMMENT ON COLUMN organizations.organization_color_palettes IS
    'Chart palettes: {"selectedId", "palettes": [{"id", "name", "colors"}], "selectedDictionaryPalette"}.';

CREATE TABLE users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email text NOT NULL,
    name text,
    config jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    attributes jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    avatar_url text,
    suggested_prompts jsonb NOT NULL
        DEFAULT '{"suggestedPrompts": {"report": [], "dashboard": [], "visualization": [], "help": []}, "updatedAt": null}',
    personalization_enabled boolean NOT NULL DEFAULT false,
    personalization_config jsonb NOT NULL DEFAULT '{}',
    last_used_shortcuts jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_email_check CHECK (length(email) BETWEEN 1 AND 320)
);

COMMENT ON CONSTRAINT users_email_check ON users IS 'an address has 1 to 320 characters';

COMMENT ON TABLE users IS 'A person, known by email address. The same person may belong to several organizations.';
COMMENT ON COLUMN users.email IS 'The address that the person signs in with.';
COMMENT ON COLUMN users.name IS 'Full name; NULL until the person has given it.';
COMMENT ON COLUMN users.config IS 'Settings of the user interface.';
COMMENT ON COLUMN users.deleted_at IS 'When the account was closed; NULL while it is open.';
COMMENT ON COLUMN users.attributes IS 'What the sign-in provider says about the person.';
COMMENT ON COLUMN users.is_active IS 'False while the account is suspended.';
COMMENT ON COLUMN users.avatar_url IS 'Where the picture is stored.';
COMMENT ON COLUMN users.suggested_prompts IS 'Questions to suggest, by kind of asset, and when they were made.';
COMMENT ON COLUMN users.personalization_enabled IS 'The assistant may use personalization_config.';
COMMENT ON COLUMN users.personalization_config IS
    'What the person wants the assistant to know: {"nickname", "occupation", "customInstructions", …}.';
COMMENT ON COLUMN users.last_used_shortcuts IS 'Ids of shortcuts, the last used first.';

CREATE TABLE users_to_organizations (
    user_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    role user_organization_role_enum NOT NULL DEFAULT 'querier',
    sharing_setting sharing_setting_enum NOT NULL DEFAULT 'none',
    edit_sql boolean NOT NULL DEFAULT false,
    upload_csv boolean NOT NULL DEFAULT false,
    export_assets boolean NOT NULL DEFAULT false,
    email_slack_enabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    deleted_by uuid,
    status user_organization_status_enum NOT NULL DEFAULT 'active',
    CONSTRAINT users_to_organizations_pkey PRIMARY KEY (user_id, organization_id),
    CONSTRAINT users_to_organizations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT users_to_organizations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT users_to_organizations_created_by_fkey
        FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT users_to_organizations_updated_by_fkey
        FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT users_to_organizations_deleted_by_fkey
        FOREIGN KEY (deleted_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX idx_uto_active_by_user ON users_to_organizations (user_id, organization_id) WHERE deleted_at IS NULL;
CREATE INDEX idx_uto_active_by_organization ON users_to_organizations (organization_id, user_id)
    WHERE deleted_at IS NULL;

COMMENT ON TABLE users_to_organizations IS 'Membership of a person in an organization.';
COMMENT ON COLUMN users_to_organizations.role IS 'What the member may do.';
COMMENT ON COLUMN users_to_organizations.sharing_setting IS 'How widely assets may be shared.';
COMMENT ON COLUMN users_to_organizations.edit_sql IS 'May edit the SQL of assets.';
COMMENT ON COLUMN users_to_organizations.upload_csv IS 'May upload CSV files.';
COMMENT ON COLUMN users_to_organizations.export_assets IS 'May export assets.';
COMMENT ON COLUMN users_to_organizations.email_slack_enabled IS 'Gets notices by email and Slack.';
COMMENT ON COLUMN users_to_organizations.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN users_to_organizations.deleted_by IS 'Who removed the member.';
COMMENT ON COLUMN users_to_organizations.status IS 'Whether the membership counts as a seat.';

CREATE TABLE api_keys (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    owner_id uuid NOT NULL,
    key text NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_key_key UNIQUE (key),
    CONSTRAINT api_keys_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT api_keys_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

COMMENT ON TABLE api_keys IS 'Keys that programs sign in with, in the name of their owner.';
COMMENT ON COLUMN api_keys.owner_id IS 'In whose name the key acts.';
COMMENT ON COLUMN api_keys.key IS 'The secret itself.';
COMMENT ON COLUMN api_keys.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE teams (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    organization_id uuid NOT NULL,
    sharing_setting sharing_setting_enum NOT NULL DEFAULT 'none',
    edit_sql boolean NOT NULL DEFAULT false,
    upload_csv boolean NOT NULL DEFAULT false,
    export_assets boolean NOT NULL DEFAULT false,
    email_slack_enabled boolean NOT NULL DEFAULT false,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT teams_pkey PRIMARY KEY (id),
    CONSTRAINT teams_name_key UNIQUE (name),
    CONSTRAINT teams_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT teams_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE teams IS 'A group of people in one organization, to share assets with.';
COMMENT ON COLUMN teams.sharing_setting IS 'How widely assets may be shared.';
COMMENT ON COLUMN teams.edit_sql IS 'May edit the SQL of assets.';
COMMENT ON COLUMN teams.upload_csv IS 'May upload CSV files.';
COMMENT ON COLUMN teams.export_assets IS 'May export assets.';
COMMENT ON COLUMN teams.email_slack_enabled IS 'Gets notices by email and Slack.';
COMMENT ON COLUMN teams.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE teams_to_users (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role team_role_enum NOT NULL DEFAULT 'member',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT teams_to_users_pkey PRIMARY KEY (team_id, user_id),
    CONSTRAINT teams_to_users_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams (id) ON DELETE CASCADE,
    CONSTRAINT teams_to_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX teams_to_users_user_id_idx ON teams_to_users (user_id);

COMMENT ON TABLE teams_to_users IS 'Membership of a person in a team.';
COMMENT ON COLUMN teams_to_users.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE permission_groups (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT permission_groups_pkey PRIMARY KEY (id),
    CONSTRAINT permission_groups_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT permission_groups_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT permission_groups_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE UNIQUE INDEX permission_groups_name_key ON permission_groups (organization_id, name) WHERE deleted_at IS NULL;

COMMENT ON TABLE permission_groups IS 'A named set of datasets that identities are given access to.';
COMMENT ON COLUMN permission_groups.name IS
    '"default:" and the organization''s id for the group that everybody is in.';
COMMENT ON COLUMN permission_groups.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE permission_groups_to_identities (
    permission_group_id uuid NOT NULL,
    identity_id uuid NOT NULL,
    identity_type identity_type_enum NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    CONSTRAINT permission_groups_to_identities_pkey PRIMARY KEY (permission_group_id, identity_id, identity_type),
    CONSTRAINT permission_groups_to_identities_created_by_fkey
        FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT permission_groups_to_identities_updated_by_fkey
        FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE permission_groups_to_identities IS
    'Who is in a permission group: users, teams or the whole organization.';
COMMENT ON COLUMN permission_groups_to_identities.permission_group_id IS 'A permission group; not a foreign key.';
COMMENT ON COLUMN permission_groups_to_identities.identity_id IS
    'A user, team or organization, as identity_type says; not a foreign key.';
COMMENT ON COLUMN permission_groups_to_identities.deleted_at IS
    'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE permission_groups_to_users (
    permission_group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT permission_groups_to_users_pkey PRIMARY KEY (permission_group_id, user_id),
    CONSTRAINT permission_groups_to_users_permission_group_id_fkey
        FOREIGN KEY (permission_group_id) REFERENCES permission_groups (id) ON DELETE CASCADE,
    CONSTRAINT permission_groups_to_users_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX permission_groups_to_users_user_id_idx ON permission_groups_to_users (user_id);

COMMENT ON TABLE permission_groups_to_users IS
    'Users who are in a permission group directly. Rows are removed, not soft-deleted.';

-- --------------------------------------------------------------------------------------------------------------------
-- Data sources and datasets
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE data_sources (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    type text NOT NULL,
    secret_id uuid NOT NULL,
    onboarding_status data_source_onboarding_status_enum NOT NULL DEFAULT 'notStarted',
    onboarding_error text,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    env varchar NOT NULL DEFAULT 'dev',
    CONSTRAINT data_sources_pkey PRIMARY KEY (id),
    CONSTRAINT data_sources_name_organization_id_env_key UNIQUE (name, organization_id, env),
    CONSTRAINT data_sources_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT data_sources_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT data_sources_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE data_sources IS 'A database of the customer that can be queried.';
COMMENT ON COLUMN data_sources.type IS 'Kind of database, such as postgres or snowflake.';
COMMENT ON COLUMN data_sources.secret_id IS 'The credentials, in the vault.';
COMMENT ON COLUMN data_sources.onboarding_status IS 'How far the first introspection has come.';
COMMENT ON COLUMN data_sources.onboarding_error IS 'Why onboarding failed; NULL unless it has.';
COMMENT ON COLUMN data_sources.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN data_sources.env IS 'Environment: dev, staging or prod.';

CREATE TABLE datasets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    database_name text NOT NULL,
    when_to_use text,
    when_not_to_use text,
    type dataset_type_enum NOT NULL,
    definition text NOT NULL,
    schema text NOT NULL,
    enabled boolean NOT NULL DEFAULT false,
    imported boolean NOT NULL DEFAULT false,
    data_source_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    model text,
    yml_file text,
    database_identifier text,
    metadata jsonb
        DEFAULT '{"rowCount": 0, "sampleSize": 0, "samplingMethod": "none", "columnProfiles": [], "introspectedAt": null}',
    CONSTRAINT datasets_pkey PRIMARY KEY (id),
    CONSTRAINT datasets_name_schema_database_identifier_data_source_id_key
        UNIQUE (name, schema, database_identifier, data_source_id),
    CONSTRAINT datasets_data_source_id_fkey
        FOREIGN KEY (data_source_id) REFERENCES data_sources (id) ON DELETE CASCADE,
    CONSTRAINT datasets_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT datasets_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT datasets_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX datasets_data_source_id_idx ON datasets (data_source_id);
CREATE INDEX datasets_organization_id_idx ON datasets (organization_id);

COMMENT ON TABLE datasets IS 'A table or view of a data source, described so that the assistant can use it.';
COMMENT ON COLUMN datasets.database_name IS 'Name of the table or view in its database.';
COMMENT ON COLUMN datasets.when_to_use IS 'Advice to the assistant.';
COMMENT ON COLUMN datasets.when_not_to_use IS 'Advice to the assistant.';
COMMENT ON COLUMN datasets.definition IS 'The SQL behind the dataset.';
COMMENT ON COLUMN datasets.schema IS 'Schema of the table or view in its database.';
COMMENT ON COLUMN datasets.enabled IS 'The assistant may query it.';
COMMENT ON COLUMN datasets.imported IS 'Made by an import rather than by a person.';
COMMENT ON COLUMN datasets.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN datasets.model IS 'The semantic model that it belongs to.';
COMMENT ON COLUMN datasets.yml_file IS 'The semantic model as YAML.';
COMMENT ON COLUMN datasets.database_identifier IS
    'Which database of the server; NULL where the server has one. In a unique key NULLs are all different.';
COMMENT ON COLUMN datasets.metadata IS
    'What introspection found: {"rowCount", "sampleSize", "samplingMethod", "columnProfiles", "introspectedAt"}.';

CREATE TABLE dataset_groups (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    name varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT dataset_groups_pkey PRIMARY KEY (id),
    CONSTRAINT dataset_groups_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX dataset_groups_organization_id_idx ON dataset_groups (organization_id);

COMMENT ON TABLE dataset_groups IS 'A named set of datasets that access is given to as one.';
COMMENT ON COLUMN dataset_groups.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE dataset_permissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    permission_type varchar NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT dataset_permissions_pkey PRIMARY KEY (id),
    CONSTRAINT dataset_permissions_dataset_id_permission_id_permission_typ_key
        UNIQUE (dataset_id, permission_id, permission_type),
    CONSTRAINT dataset_permissions_permission_type_check CHECK (
        permission_type IN ('user', 'dataset_group', 'permission_group')
    ),
    CONSTRAINT dataset_permissions_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT dataset_permissions_dataset_id_fkey
        FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);

CREATE INDEX dataset_permissions_permission_lookup_idx ON dataset_permissions (permission_id, permission_type);

COMMENT ON TABLE dataset_permissions IS 'Access to one dataset.';
COMMENT ON COLUMN dataset_permissions.permission_id IS
    'A user, dataset group or permission group, as permission_type says; not a foreign key.';
COMMENT ON COLUMN dataset_permissions.permission_type IS 'What permission_id refers to.';
COMMENT ON COLUMN dataset_permissions.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE dataset_groups_permissions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    dataset_group_id uuid NOT NULL,
    permission_id uuid NOT NULL,
    permission_type varchar NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT dataset_groups_permissions_pkey PRIMARY KEY (id),
    CONSTRAINT unique_dataset_group_permission UNIQUE (dataset_group_id, permission_id, permission_type),
    CONSTRAINT dataset_groups_permissions_dataset_group_id_fkey
        FOREIGN KEY (dataset_group_id) REFERENCES dataset_groups (id),
    CONSTRAINT dataset_groups_permissions_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id)
);

COMMENT ON TABLE dataset_groups_permissions IS 'Access to all datasets of a group.';
COMMENT ON COLUMN dataset_groups_permissions.permission_id IS
    'A user or permission group, as permission_type says; not a foreign key.';
COMMENT ON COLUMN dataset_groups_permissions.permission_type IS 'What permission_id refers to.';
COMMENT ON COLUMN dataset_groups_permissions.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE datasets_to_permission_groups (
    dataset_id uuid NOT NULL,
    permission_group_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT datasets_to_permission_groups_pkey PRIMARY KEY (dataset_id, permission_group_id),
    CONSTRAINT datasets_to_permission_groups_dataset_id_fkey
        FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE,
    CONSTRAINT datasets_to_permission_groups_permission_group_id_fkey
        FOREIGN KEY (permission_group_id) REFERENCES permission_groups (id) ON DELETE CASCADE
);

CREATE INDEX datasets_to_permission_groups_permission_group_id_idx
    ON datasets_to_permission_groups (permission_group_id);

COMMENT ON TABLE datasets_to_permission_groups IS 'Which datasets a permission group gives access to.';
COMMENT ON COLUMN datasets_to_permission_groups.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE datasets_to_dataset_groups (
    dataset_id uuid NOT NULL,
    dataset_group_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT datasets_to_dataset_groups_pkey PRIMARY KEY (dataset_id, dataset_group_id),
    CONSTRAINT datasets_to_dataset_groups_dataset_id_fkey
        FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE,
    CONSTRAINT datasets_to_dataset_groups_dataset_group_id_fkey
        FOREIGN KEY (dataset_group_id) REFERENCES dataset_groups (id) ON DELETE CASCADE
);

COMMENT ON TABLE datasets_to_dataset_groups IS 'Which datasets are in a dataset group.';
COMMENT ON COLUMN datasets_to_dataset_groups.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

-- --------------------------------------------------------------------------------------------------------------------
-- Chats
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE chats (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    title text NOT NULL,
    chat_type chat_type_enum NOT NULL DEFAULT 'analyst',
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    publicly_accessible boolean NOT NULL DEFAULT false,
    publicly_enabled_by uuid,
    public_expiry_date timestamptz,
    public_password text,
    most_recent_file_id uuid,
    most_recent_file_type asset_type_enum,
    most_recent_version_number integer,
    slack_chat_authorization slack_chat_authorization_enum,
    slack_thread_ts text,
    slack_channel_id text,
    workspace_sharing workspace_sharing_enum NOT NULL DEFAULT 'none',
    workspace_sharing_enabled_by uuid,
    workspace_sharing_enabled_at timestamptz,
    screenshot_bucket_key text,
    screenshot_taken_at timestamptz,
    CONSTRAINT chats_pkey PRIMARY KEY (id),
    CONSTRAINT chats_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id),
    CONSTRAINT chats_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT chats_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT chats_publicly_enabled_by_fkey
        FOREIGN KEY (publicly_enabled_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT chats_workspace_sharing_enabled_by_fkey
        FOREIGN KEY (workspace_sharing_enabled_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX chats_created_at_idx ON chats (created_at);
CREATE INDEX chats_created_by_idx ON chats (created_by);
CREATE INDEX chats_organization_id_idx ON chats (organization_id);
CREATE INDEX idx_chats_most_recent_file_id ON chats (most_recent_file_id);

COMMENT ON TABLE chats IS 'A conversation with the assistant.';
COMMENT ON COLUMN chats.chat_type IS 'Which assistant it talks to.';
COMMENT ON COLUMN chats.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN chats.publicly_accessible IS 'Anybody with the link may look, until public_expiry_date.';
COMMENT ON COLUMN chats.publicly_enabled_by IS 'Who opened it to the public.';
COMMENT ON COLUMN chats.public_expiry_date IS 'When the public link ends; NULL for never.';
COMMENT ON COLUMN chats.public_password IS 'Asked of visitors of the public link; NULL for none.';
COMMENT ON COLUMN chats.most_recent_file_id IS
    'The metric, dashboard or report that the chat made last; not a foreign key.';
COMMENT ON COLUMN chats.most_recent_file_type IS 'What most_recent_file_id refers to.';
COMMENT ON COLUMN chats.most_recent_version_number IS 'Version of that file when the chat last changed it.';
COMMENT ON COLUMN chats.slack_chat_authorization IS
    'How the person who began the chat on Slack was known; NULL for chats begun elsewhere.';
COMMENT ON COLUMN chats.slack_thread_ts IS 'Slack''s id of the thread; NULL for chats begun elsewhere.';
COMMENT ON COLUMN chats.slack_channel_id IS 'Slack''s id of the channel; NULL for chats begun elsewhere.';
COMMENT ON COLUMN chats.workspace_sharing IS 'What everybody in the organization may do.';
COMMENT ON COLUMN chats.workspace_sharing_enabled_by IS 'Who shared it with the organization.';
COMMENT ON COLUMN chats.workspace_sharing_enabled_at IS 'When it was shared with the organization.';
COMMENT ON COLUMN chats.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN chats.screenshot_taken_at IS 'When the latest screenshot was taken.';

CREATE TABLE messages (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    request_message text,
    response_messages jsonb NOT NULL DEFAULT '[]',
    message_analysis_mode message_analysis_mode_enum NOT NULL DEFAULT 'auto',
    reasoning jsonb NOT NULL DEFAULT '[]',
    title text NOT NULL,
    raw_llm_messages jsonb NOT NULL DEFAULT '[]',
    final_reasoning_message text,
    chat_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    feedback text,
    is_completed boolean NOT NULL DEFAULT false,
    post_processing_message jsonb,
    trigger_run_id text,
    metadata jsonb NOT NULL DEFAULT '{}',
    error_reason text,
    CONSTRAINT messages_pkey PRIMARY KEY (id),
    CONSTRAINT messages_chat_id_fkey FOREIGN KEY (chat_id) REFERENCES chats (id),
    CONSTRAINT messages_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX messages_chat_id_idx ON messages (chat_id);
CREATE INDEX messages_created_at_idx ON messages (created_at);
CREATE INDEX messages_created_by_idx ON messages (created_by);
CREATE INDEX messages_deleted_at_idx ON messages (deleted_at);
CREATE INDEX messages_id_deleted_at_idx ON messages (id, deleted_at);
CREATE INDEX messages_raw_llm_messages_gin_idx ON messages USING gin (raw_llm_messages);
CREATE INDEX messages_response_messages_gin_idx ON messages USING gin (response_messages);
CREATE INDEX messages_reasoning_gin_idx ON messages USING gin (reasoning);

COMMENT ON TABLE messages IS 'One question in a chat and the assistant''s answer to it.';
COMMENT ON COLUMN messages.request_message IS 'What the person asked; NULL where the assistant began by itself.';
COMMENT ON COLUMN messages.response_messages IS 'The answer: an array of text and file messages.';
COMMENT ON COLUMN messages.message_analysis_mode IS 'How deeply to look into the question.';
COMMENT ON COLUMN messages.reasoning IS 'The steps on the way to the answer: an array.';
COMMENT ON COLUMN messages.title IS 'Title of the chat at that time.';
COMMENT ON COLUMN messages.raw_llm_messages IS 'What went to and came from the language model: an array.';
COMMENT ON COLUMN messages.final_reasoning_message IS 'One line on how long the assistant thought.';
COMMENT ON COLUMN messages.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN messages.feedback IS 'What the person thought of the answer.';
COMMENT ON COLUMN messages.is_completed IS 'The assistant has finished.';
COMMENT ON COLUMN messages.post_processing_message IS 'What was found when the answer was checked afterwards.';
COMMENT ON COLUMN messages.trigger_run_id IS 'The background job that answers.';
COMMENT ON COLUMN messages.metadata IS 'What the client sent along.';
COMMENT ON COLUMN messages.error_reason IS 'Why there is no answer; NULL unless it failed.';

CREATE TABLE messages_to_files (
    id uuid NOT NULL,
    message_id uuid NOT NULL,
    file_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    is_duplicate boolean NOT NULL DEFAULT false,
    version_number integer NOT NULL DEFAULT 1,
    CONSTRAINT messages_to_files_pkey PRIMARY KEY (id),
    CONSTRAINT messages_to_files_message_id_file_id_key UNIQUE (message_id, file_id),
    CONSTRAINT messages_to_files_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id)
);

CREATE INDEX messages_files_file_id_idx ON messages_to_files (file_id);
CREATE INDEX idx_mtf_active_by_file ON messages_to_files (message_id) WHERE deleted_at IS NULL;

COMMENT ON TABLE messages_to_files IS 'Which files a message made or changed.';
COMMENT ON COLUMN messages_to_files.id IS 'Made by the caller.';
COMMENT ON COLUMN messages_to_files.file_id IS 'A metric, dashboard or report; not a foreign key.';
COMMENT ON COLUMN messages_to_files.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN messages_to_files.is_duplicate IS 'A later message of the chat made the same file.';
COMMENT ON COLUMN messages_to_files.version_number IS 'Version of the file that the message made.';

-- --------------------------------------------------------------------------------------------------------------------
-- Metrics, dashboards, reports and collections
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE metric_files (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar NOT NULL,
    file_name varchar NOT NULL,
    content jsonb NOT NULL,
    verification verification_enum NOT NULL DEFAULT 'notRequested',
    evaluation_obj jsonb,
    evaluation_summary text,
    evaluation_score double precision,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    publicly_accessible boolean NOT NULL DEFAULT false,
    publicly_enabled_by uuid,
    public_expiry_date timestamptz,
    version_history jsonb NOT NULL DEFAULT '{}',
    data_metadata jsonb,
    public_password text,
    data_source_id uuid NOT NULL,
    workspace_sharing workspace_sharing_enum NOT NULL DEFAULT 'none',
    workspace_sharing_enabled_by uuid,
    workspace_sharing_enabled_at timestamptz,
    screenshot_bucket_key text,
    screenshot_taken_at timestamptz,
    CONSTRAINT metric_files_pkey PRIMARY KEY (id),
    CONSTRAINT metric_files_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT metric_files_publicly_enabled_by_fkey
        FOREIGN KEY (publicly_enabled_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT metric_files_data_source_id_fkey FOREIGN KEY (data_source_id) REFERENCES data_sources (id),
    CONSTRAINT metric_files_workspace_sharing_enabled_by_fkey
        FOREIGN KEY (workspace_sharing_enabled_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX metric_files_created_by_idx ON metric_files (created_by);
CREATE INDEX metric_files_deleted_at_idx ON metric_files (deleted_at);
CREATE INDEX metric_files_organization_id_idx ON metric_files (organization_id);
CREATE INDEX metric_files_data_metadata_idx ON metric_files USING gin (data_metadata);

COMMENT ON TABLE metric_files IS 'A metric: one query and how to chart it.';
COMMENT ON COLUMN metric_files.file_name IS 'Name of the metric''s YAML file.';
COMMENT ON COLUMN metric_files.content IS 'The metric: {"name", "sql", "chartConfig", …}.';
COMMENT ON COLUMN metric_files.verification IS 'Whether a person has checked it.';
COMMENT ON COLUMN metric_files.evaluation_obj IS 'What the evaluation said; NULL until it ran.';
COMMENT ON COLUMN metric_files.evaluation_summary IS 'The evaluation in a sentence; NULL until it ran.';
COMMENT ON COLUMN metric_files.evaluation_score IS 'From 0 to 1; NULL until the evaluation ran.';
COMMENT ON COLUMN metric_files.organization_id IS 'The tenant; not a foreign key.';
COMMENT ON COLUMN metric_files.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN metric_files.publicly_accessible IS 'Anybody with the link may look, until public_expiry_date.';
COMMENT ON COLUMN metric_files.publicly_enabled_by IS 'Who opened it to the public.';
COMMENT ON COLUMN metric_files.public_expiry_date IS 'When the public link ends; NULL for never.';
COMMENT ON COLUMN metric_files.version_history IS
    'A map from version number, as text, to that version: {"1": {"content": …, "updated_at": …}}.';
COMMENT ON COLUMN metric_files.data_metadata IS 'Columns and ranges of the last result; NULL until the metric ran.';
COMMENT ON COLUMN metric_files.public_password IS 'Asked of visitors of the public link; NULL for none.';
COMMENT ON COLUMN metric_files.data_source_id IS 'Where the query runs.';
COMMENT ON COLUMN metric_files.workspace_sharing IS 'What everybody in the organization may do.';
COMMENT ON COLUMN metric_files.workspace_sharing_enabled_by IS 'Who shared it with the organization.';
COMMENT ON COLUMN metric_files.workspace_sharing_enabled_at IS 'When it was shared with the organization.';
COMMENT ON COLUMN metric_files.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN metric_files.screenshot_taken_at IS 'When the latest screenshot was taken.';

CREATE TABLE dashboard_files (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar NOT NULL,
    file_name varchar NOT NULL,
    content jsonb NOT NULL,
    filter varchar,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    publicly_accessible boolean NOT NULL DEFAULT false,
    publicly_enabled_by uuid,
    public_expiry_date timestamptz,
    version_history jsonb NOT NULL DEFAULT '{}',
    public_password text,
    workspace_sharing workspace_sharing_enum NOT NULL DEFAULT 'none',
    workspace_sharing_enabled_by uuid,
    workspace_sharing_enabled_at timestamptz,
    screenshot_bucket_key text,
    screenshot_taken_at timestamptz,
    CONSTRAINT dashboard_files_pkey PRIMARY KEY (id),
    CONSTRAINT dashboard_files_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT dashboard_files_publicly_enabled_by_fkey
        FOREIGN KEY (publicly_enabled_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT dashboard_files_workspace_sharing_enabled_by_fkey
        FOREIGN KEY (workspace_sharing_enabled_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX dashboard_files_created_by_idx ON dashboard_files (created_by);
CREATE INDEX dashboard_files_organization_id_idx ON dashboard_files (organization_id);

COMMENT ON TABLE dashboard_files IS 'A dashboard: metrics arranged in rows.';
COMMENT ON COLUMN dashboard_files.file_name IS 'Name of the dashboard''s YAML file.';
COMMENT ON COLUMN dashboard_files.content IS
    'The dashboard: {"name", "description", "rows": [{"items": [{"id"}], …}]}.';
COMMENT ON COLUMN dashboard_files.filter IS 'Filter that applies to all metrics.';
COMMENT ON COLUMN dashboard_files.organization_id IS 'The tenant; not a foreign key.';
COMMENT ON COLUMN dashboard_files.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN dashboard_files.publicly_accessible IS
    'Anybody with the link may look, until public_expiry_date.';
COMMENT ON COLUMN dashboard_files.publicly_enabled_by IS 'Who opened it to the public.';
COMMENT ON COLUMN dashboard_files.public_expiry_date IS 'When the public link ends; NULL for never.';
COMMENT ON COLUMN dashboard_files.version_history IS
    'A map from version number, as text, to that version: {"1": {"content": …, "updated_at": …}}.';
COMMENT ON COLUMN dashboard_files.public_password IS 'Asked of visitors of the public link; NULL for none.';
COMMENT ON COLUMN dashboard_files.workspace_sharing IS 'What everybody in the organization may do.';
COMMENT ON COLUMN dashboard_files.workspace_sharing_enabled_by IS 'Who shared it with the organization.';
COMMENT ON COLUMN dashboard_files.workspace_sharing_enabled_at IS 'When it was shared with the organization.';
COMMENT ON COLUMN dashboard_files.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN dashboard_files.screenshot_taken_at IS 'When the latest screenshot was taken.';

CREATE TABLE report_files (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar NOT NULL,
    content text NOT NULL,
    organization_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    publicly_accessible boolean NOT NULL DEFAULT false,
    publicly_enabled_by uuid,
    public_expiry_date timestamptz,
    version_history jsonb NOT NULL DEFAULT '{}',
    public_password text,
    workspace_sharing workspace_sharing_enum NOT NULL DEFAULT 'none',
    workspace_sharing_enabled_by uuid,
    workspace_sharing_enabled_at timestamptz,
    screenshot_bucket_key text,
    screenshot_taken_at timestamptz,
    CONSTRAINT report_files_pkey PRIMARY KEY (id),
    CONSTRAINT report_files_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON UPDATE CASCADE,
    CONSTRAINT report_files_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT report_files_publicly_enabled_by_fkey
        FOREIGN KEY (publicly_enabled_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT report_files_workspace_sharing_enabled_by_fkey
        FOREIGN KEY (workspace_sharing_enabled_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX report_files_created_by_idx ON report_files (created_by);
CREATE INDEX report_files_organization_id_idx ON report_files (organization_id);

COMMENT ON TABLE report_files IS 'A report: text in Markdown with metrics in it.';
COMMENT ON COLUMN report_files.content IS 'Markdown.';
COMMENT ON COLUMN report_files.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN report_files.publicly_accessible IS 'Anybody with the link may look, until public_expiry_date.';
COMMENT ON COLUMN report_files.publicly_enabled_by IS 'Who opened it to the public.';
COMMENT ON COLUMN report_files.public_expiry_date IS 'When the public link ends; NULL for never.';
COMMENT ON COLUMN report_files.version_history IS
    'A map from version number, as text, to that version: {"1": {"content": …, "updated_at": …}}.';
COMMENT ON COLUMN report_files.public_password IS 'Asked of visitors of the public link; NULL for none.';
COMMENT ON COLUMN report_files.workspace_sharing IS 'What everybody in the organization may do.';
COMMENT ON COLUMN report_files.workspace_sharing_enabled_by IS 'Who shared it with the organization.';
COMMENT ON COLUMN report_files.workspace_sharing_enabled_at IS 'When it was shared with the organization.';
COMMENT ON COLUMN report_files.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN report_files.screenshot_taken_at IS 'When the latest screenshot was taken.';

CREATE TABLE collections (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    description text,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    organization_id uuid NOT NULL,
    workspace_sharing workspace_sharing_enum NOT NULL DEFAULT 'none',
    workspace_sharing_enabled_by uuid,
    workspace_sharing_enabled_at timestamptz,
    screenshot_bucket_key text,
    screenshot_taken_at timestamptz,
    CONSTRAINT collections_pkey PRIMARY KEY (id),
    CONSTRAINT collections_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT collections_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT collections_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON UPDATE CASCADE,
    CONSTRAINT collections_workspace_sharing_enabled_by_fkey
        FOREIGN KEY (workspace_sharing_enabled_by) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE collections IS 'A folder of assets. An asset may be in several.';
COMMENT ON COLUMN collections.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN collections.workspace_sharing IS 'What everybody in the organization may do.';
COMMENT ON COLUMN collections.workspace_sharing_enabled_by IS 'Who shared it with the organization.';
COMMENT ON COLUMN collections.workspace_sharing_enabled_at IS 'When it was shared with the organization.';
COMMENT ON COLUMN collections.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN collections.screenshot_taken_at IS 'When the latest screenshot was taken.';

CREATE TABLE metric_files_to_dashboard_files (
    metric_file_id uuid NOT NULL,
    dashboard_file_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    CONSTRAINT metric_files_to_dashboard_files_pkey PRIMARY KEY (metric_file_id, dashboard_file_id),
    CONSTRAINT metric_files_to_dashboard_files_metric_file_id_fkey
        FOREIGN KEY (metric_file_id) REFERENCES metric_files (id),
    CONSTRAINT metric_files_to_dashboard_files_dashboard_file_id_fkey
        FOREIGN KEY (dashboard_file_id) REFERENCES dashboard_files (id),
    CONSTRAINT metric_files_to_dashboard_files_created_by_fkey
        FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX metric_files_to_dashboard_files_dashboard_id_idx
    ON metric_files_to_dashboard_files (dashboard_file_id);

COMMENT ON TABLE metric_files_to_dashboard_files IS 'Which metrics are on a dashboard.';
COMMENT ON COLUMN metric_files_to_dashboard_files.deleted_at IS
    'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE metric_files_to_report_files (
    metric_file_id uuid NOT NULL,
    report_file_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    CONSTRAINT metric_files_to_report_files_pkey PRIMARY KEY (metric_file_id, report_file_id),
    CONSTRAINT metric_files_to_report_files_metric_file_id_fkey
        FOREIGN KEY (metric_file_id) REFERENCES metric_files (id),
    CONSTRAINT metric_files_to_report_files_report_file_id_fkey
        FOREIGN KEY (report_file_id) REFERENCES report_files (id),
    CONSTRAINT metric_files_to_report_files_created_by_fkey
        FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX metric_files_to_report_files_report_id_idx ON metric_files_to_report_files (report_file_id);

COMMENT ON TABLE metric_files_to_report_files IS 'Which metrics are in a report.';
COMMENT ON COLUMN metric_files_to_report_files.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE metric_files_to_datasets (
    metric_file_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    metric_version_number integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT metric_files_to_datasets_pkey PRIMARY KEY (metric_file_id, dataset_id, metric_version_number),
    CONSTRAINT metric_files_to_datasets_metric_file_id_fkey
        FOREIGN KEY (metric_file_id) REFERENCES metric_files (id) ON DELETE CASCADE,
    CONSTRAINT metric_files_to_datasets_dataset_id_fkey
        FOREIGN KEY (dataset_id) REFERENCES datasets (id) ON DELETE CASCADE
);

COMMENT ON TABLE metric_files_to_datasets IS
    'Which datasets a version of a metric reads. Rows are removed, not soft-deleted.';
COMMENT ON COLUMN metric_files_to_datasets.metric_version_number IS 'Version of the metric.';

CREATE TABLE collections_to_assets (
    collection_id uuid NOT NULL,
    asset_id uuid NOT NULL,
    asset_type asset_type_enum NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    CONSTRAINT collections_to_assets_pkey PRIMARY KEY (collection_id, asset_id, asset_type),
    CONSTRAINT collections_to_assets_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT collections_to_assets_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX idx_cta_active_by_asset
    ON collections_to_assets (asset_id, asset_type, collection_id)
    WHERE deleted_at IS NULL;

COMMENT ON TABLE collections_to_assets IS 'Which assets are in a collection.';
COMMENT ON COLUMN collections_to_assets.collection_id IS 'A collection; not a foreign key.';
COMMENT ON COLUMN collections_to_assets.asset_id IS 'An asset of type asset_type; not a foreign key.';
COMMENT ON COLUMN collections_to_assets.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

-- --------------------------------------------------------------------------------------------------------------------
-- Sharing, favorites, library and search
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE asset_permissions (
    identity_id uuid NOT NULL,
    identity_type identity_type_enum NOT NULL,
    asset_id uuid NOT NULL,
    asset_type asset_type_enum NOT NULL,
    role asset_permission_role_enum NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    created_by uuid NOT NULL,
    updated_by uuid NOT NULL,
    CONSTRAINT asset_permissions_pkey PRIMARY KEY (identity_id, identity_type, asset_id, asset_type),
    CONSTRAINT asset_permissions_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT asset_permissions_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE
);

CREATE INDEX idx_perm_active_asset_identity
    ON asset_permissions (asset_id, asset_type, identity_id, identity_type)
    WHERE deleted_at IS NULL;
CREATE INDEX idx_perm_active_identity_asset
    ON asset_permissions (identity_type, identity_id, asset_type, asset_id)
    WHERE deleted_at IS NULL;

COMMENT ON TABLE asset_permissions IS 'Who may do what with an asset, beside what its workspace sharing allows.';
COMMENT ON COLUMN asset_permissions.identity_id IS
    'A user, team or organization, as identity_type says; not a foreign key.';
COMMENT ON COLUMN asset_permissions.asset_id IS 'An asset of type asset_type; not a foreign key.';
COMMENT ON COLUMN asset_permissions.role IS 'What the identity may do.';
COMMENT ON COLUMN asset_permissions.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE user_favorites (
    user_id uuid NOT NULL,
    asset_id uuid NOT NULL,
    asset_type asset_type_enum NOT NULL,
    order_index integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT user_favorites_pkey PRIMARY KEY (user_id, asset_id, asset_type),
    CONSTRAINT user_favorites_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE user_favorites IS 'Assets that a person keeps at hand, in the person''s order.';
COMMENT ON COLUMN user_favorites.asset_id IS 'An asset of type asset_type; not a foreign key.';
COMMENT ON COLUMN user_favorites.order_index IS 'Place in the list, from 0.';
COMMENT ON COLUMN user_favorites.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE user_library (
    user_id uuid NOT NULL,
    asset_type asset_type_enum NOT NULL,
    asset_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT user_library_pkey PRIMARY KEY (user_id, asset_type, asset_id),
    CONSTRAINT user_library_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE
);

COMMENT ON TABLE user_library IS 'Assets that a person has put into their library.';
COMMENT ON COLUMN user_library.asset_id IS 'An asset of type asset_type; not a foreign key.';
COMMENT ON COLUMN user_library.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE asset_search_v2 (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    asset_type asset_type_enum NOT NULL,
    asset_id uuid NOT NULL,
    organization_id uuid NOT NULL,
    title text NOT NULL,
    additional_text text,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    screenshot_bucket_key text,
    search_vector tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig, title), 'A')
        || setweight(to_tsvector('simple'::regconfig, coalesce(additional_text, '')), 'B')
    ) STORED,
    CONSTRAINT asset_search_v2_pkey PRIMARY KEY (id),
    CONSTRAINT asset_search_v2_asset_type_asset_id_unique UNIQUE (asset_id, asset_type),
    CONSTRAINT asset_search_v2_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT asset_search_v2_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX asset_search_v2_search_idx ON asset_search_v2 USING gin (search_vector);
CREATE INDEX idx_as2_active_by_asset ON asset_search_v2 (asset_id, asset_type) WHERE deleted_at IS NULL;
CREATE INDEX idx_as2_active_by_org ON asset_search_v2 (organization_id) WHERE deleted_at IS NULL;

COMMENT ON TABLE asset_search_v2 IS 'The searchable text of every asset.';
COMMENT ON COLUMN asset_search_v2.asset_id IS 'An asset of type asset_type; not a foreign key.';
COMMENT ON COLUMN asset_search_v2.title IS 'Counts more than additional_text.';
COMMENT ON COLUMN asset_search_v2.additional_text IS 'Other words to find it by.';
COMMENT ON COLUMN asset_search_v2.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN asset_search_v2.screenshot_bucket_key IS 'Where the latest screenshot is stored.';
COMMENT ON COLUMN asset_search_v2.search_vector IS 'Made of title and additional_text.';

CREATE VIEW live_assets AS
SELECT
    'chat'::asset_type_enum AS asset_type,
    c.id AS asset_id,
    c.organization_id,
    c.title,
    c.created_by,
    c.created_at,
    c.updated_at,
    c.workspace_sharing
FROM chats AS c
WHERE c.deleted_at IS NULL
UNION ALL
SELECT 'metric_file', m.id, m.organization_id, m.name, m.created_by, m.created_at, m.updated_at, m.workspace_sharing
FROM metric_files AS m
WHERE m.deleted_at IS NULL
UNION ALL
SELECT 'dashboard_file', d.id, d.organization_id, d.name, d.created_by, d.created_at, d.updated_at, d.workspace_sharing
FROM dashboard_files AS d
WHERE d.deleted_at IS NULL
UNION ALL
SELECT 'report_file', r.id, r.organization_id, r.name, r.created_by, r.created_at, r.updated_at, r.workspace_sharing
FROM report_files AS r
WHERE r.deleted_at IS NULL
UNION ALL
SELECT 'collection', f.id, f.organization_id, f.name, f.created_by, f.created_at, f.updated_at, f.workspace_sharing
FROM collections AS f
WHERE f.deleted_at IS NULL;

COMMENT ON VIEW live_assets IS 'Every asset, of whatever type, that is not deleted.';
COMMENT ON COLUMN live_assets.title IS 'The title of a chat, the name of anything else.';
COMMENT ON COLUMN live_assets.workspace_sharing IS 'What everybody in the organization may do.';

-- --------------------------------------------------------------------------------------------------------------------
-- Shortcuts and docs
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE shortcuts (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL,
    instructions text NOT NULL,
    created_by uuid NOT NULL,
    updated_by uuid,
    organization_id uuid NOT NULL,
    share_with_workspace boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT shortcuts_pkey PRIMARY KEY (id),
    CONSTRAINT shortcuts_personal_unique UNIQUE (name, organization_id, created_by),
    CONSTRAINT shortcuts_created_by_fkey FOREIGN KEY (created_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT shortcuts_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES users (id) ON UPDATE CASCADE,
    CONSTRAINT shortcuts_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX shortcuts_org_user_idx ON shortcuts (organization_id, created_by);
CREATE UNIQUE INDEX shortcuts_workspace_unique
    ON shortcuts (name, organization_id)
    WHERE share_with_workspace = true;

COMMENT ON TABLE shortcuts IS 'A prompt under a short name, private or shared with the organization.';
COMMENT ON COLUMN shortcuts.name IS 'What the person types after a slash.';
COMMENT ON COLUMN shortcuts.instructions IS 'The prompt.';
COMMENT ON COLUMN shortcuts.share_with_workspace IS 'Everybody in the organization sees it.';
COMMENT ON COLUMN shortcuts.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE docs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL,
    content text NOT NULL,
    type docs_type_enum NOT NULL DEFAULT 'normal',
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT docs_pkey PRIMARY KEY (id),
    CONSTRAINT docs_name_organization_id_key UNIQUE (name, organization_id),
    CONSTRAINT docs_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX docs_organization_id_idx ON docs (organization_id);

COMMENT ON TABLE docs IS 'Documents that the assistant reads before it answers.';
COMMENT ON COLUMN docs.content IS 'Markdown.';
COMMENT ON COLUMN docs.type IS 'Who it is written for.';
COMMENT ON COLUMN docs.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

-- --------------------------------------------------------------------------------------------------------------------
-- Integrations
-- --------------------------------------------------------------------------------------------------------------------
CREATE TABLE s3_integrations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    provider storage_provider_enum NOT NULL,
    organization_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT s3_integrations_pkey PRIMARY KEY (id),
    CONSTRAINT s3_integrations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE
);

CREATE INDEX idx_s3_integrations_organization_id ON s3_integrations (organization_id);

COMMENT ON TABLE s3_integrations IS 'A bucket of the customer where results are stored.';
COMMENT ON COLUMN s3_integrations.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE github_integrations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    installation_id varchar(255) NOT NULL,
    app_id varchar(255),
    github_org_id varchar(255) NOT NULL,
    github_org_name varchar(255),
    token_vault_key varchar(255),
    webhook_secret_vault_key varchar(255),
    repository_permissions jsonb DEFAULT '{}',
    status github_integration_status_enum NOT NULL DEFAULT 'pending',
    installed_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT github_integrations_pkey PRIMARY KEY (id),
    CONSTRAINT github_integrations_token_vault_key_key UNIQUE (token_vault_key),
    CONSTRAINT github_integrations_org_installation_key UNIQUE (organization_id, installation_id),
    CONSTRAINT github_integrations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT github_integrations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

COMMENT ON TABLE github_integrations IS 'An installation of the GitHub app.';
COMMENT ON COLUMN github_integrations.user_id IS 'Who installed it.';
COMMENT ON COLUMN github_integrations.installation_id IS 'GitHub''s id of the installation.';
COMMENT ON COLUMN github_integrations.app_id IS 'GitHub''s id of the app.';
COMMENT ON COLUMN github_integrations.github_org_id IS 'GitHub''s id of the organization.';
COMMENT ON COLUMN github_integrations.github_org_name IS 'GitHub''s name of the organization.';
COMMENT ON COLUMN github_integrations.token_vault_key IS 'Name of the token in the vault; NULL until installed.';
COMMENT ON COLUMN github_integrations.webhook_secret_vault_key IS 'Name of the webhook secret in the vault.';
COMMENT ON COLUMN github_integrations.repository_permissions IS 'Repositories and what may be done there.';
COMMENT ON COLUMN github_integrations.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE slack_integrations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    user_id uuid NOT NULL,
    oauth_state varchar(255),
    oauth_expires_at timestamptz,
    oauth_metadata jsonb DEFAULT '{}',
    team_id varchar(255),
    team_name varchar(255),
    team_domain varchar(255),
    enterprise_id varchar(255),
    bot_user_id varchar(255),
    scope text,
    token_vault_key varchar(255),
    installed_by_slack_user_id varchar(255),
    installed_at timestamptz,
    last_used_at timestamptz,
    status slack_integration_status_enum NOT NULL DEFAULT 'pending',
    default_channel jsonb DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    default_sharing_permissions slack_sharing_permission_enum NOT NULL DEFAULT 'shareWithChannel',
    CONSTRAINT slack_integrations_pkey PRIMARY KEY (id),
    CONSTRAINT slack_integrations_oauth_state_key UNIQUE (oauth_state),
    CONSTRAINT slack_integrations_token_vault_key_key UNIQUE (token_vault_key),
    CONSTRAINT slack_integrations_org_team_key UNIQUE (organization_id, team_id),
    CONSTRAINT slack_integrations_status_check CHECK (
        (status = 'pending' AND oauth_state IS NOT NULL)
        OR (status <> 'pending' AND team_id IS NOT NULL)
    ),
    CONSTRAINT slack_integrations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT slack_integrations_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
);

COMMENT ON TABLE slack_integrations IS 'An installation of the Slack app, or an attempt at one.';
COMMENT ON COLUMN slack_integrations.user_id IS 'Who installs it.';
COMMENT ON COLUMN slack_integrations.oauth_state IS
    'Proves that the answer of Slack belongs to this attempt; NULL once installed.';
COMMENT ON COLUMN slack_integrations.oauth_expires_at IS 'When the attempt is given up; NULL once installed.';
COMMENT ON COLUMN slack_integrations.oauth_metadata IS 'What to remember during the attempt.';
COMMENT ON COLUMN slack_integrations.team_id IS 'Slack''s id of the workspace; NULL until installed.';
COMMENT ON COLUMN slack_integrations.team_name IS 'Slack''s name of the workspace.';
COMMENT ON COLUMN slack_integrations.team_domain IS 'Slack''s domain of the workspace.';
COMMENT ON COLUMN slack_integrations.enterprise_id IS
    'Slack''s id of the enterprise; NULL for workspaces outside one.';
COMMENT ON COLUMN slack_integrations.bot_user_id IS 'Slack''s id of the app in the workspace.';
COMMENT ON COLUMN slack_integrations.scope IS 'What Slack allows the app to do, separated by commas.';
COMMENT ON COLUMN slack_integrations.token_vault_key IS 'Name of the token in the vault; NULL until installed.';
COMMENT ON COLUMN slack_integrations.installed_by_slack_user_id IS 'Slack''s id of the person who installed it.';
COMMENT ON COLUMN slack_integrations.default_channel IS 'Where notices go: {"id", "name"}.';
COMMENT ON COLUMN slack_integrations.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';
COMMENT ON COLUMN slack_integrations.default_sharing_permissions IS 'Who sees assets made in Slack.';

CREATE TABLE slack_message_tracking (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    integration_id uuid NOT NULL,
    internal_message_id uuid NOT NULL,
    slack_channel_id varchar(255) NOT NULL,
    slack_message_ts varchar(255) NOT NULL,
    slack_thread_ts varchar(255),
    message_type varchar(50) NOT NULL,
    content text,
    sender_info jsonb,
    sent_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT slack_message_tracking_pkey PRIMARY KEY (id),
    CONSTRAINT slack_message_tracking_internal_message_id_key UNIQUE (internal_message_id),
    CONSTRAINT slack_message_tracking_integration_id_fkey
        FOREIGN KEY (integration_id) REFERENCES slack_integrations (id) ON DELETE CASCADE
);

COMMENT ON TABLE slack_message_tracking IS 'Messages that the app has sent to Slack.';
COMMENT ON COLUMN slack_message_tracking.internal_message_id IS 'The message of ours; not a foreign key.';
COMMENT ON COLUMN slack_message_tracking.slack_channel_id IS 'Slack''s id of the channel.';
COMMENT ON COLUMN slack_message_tracking.slack_message_ts IS 'Slack''s id of the message.';
COMMENT ON COLUMN slack_message_tracking.slack_thread_ts IS 'Slack''s id of the thread; NULL outside threads.';
COMMENT ON COLUMN slack_message_tracking.message_type IS 'What kind of notice it was.';
COMMENT ON COLUMN slack_message_tracking.content IS 'The text that was sent.';
COMMENT ON COLUMN slack_message_tracking.sender_info IS 'In whose name it was sent.';

CREATE TABLE messages_to_slack_messages (
    message_id uuid NOT NULL,
    slack_message_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT messages_to_slack_messages_pkey PRIMARY KEY (message_id, slack_message_id),
    CONSTRAINT messages_to_slack_messages_message_id_fkey
        FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
    CONSTRAINT messages_to_slack_messages_slack_message_id_fkey
        FOREIGN KEY (slack_message_id) REFERENCES slack_message_tracking (id) ON DELETE CASCADE
);

COMMENT ON TABLE messages_to_slack_messages IS 'Which Slack messages belong to a message of a chat.';
COMMENT ON COLUMN messages_to_slack_messages.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

CREATE TABLE logs_write_back_configs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL,
    data_source_id uuid NOT NULL,
    database varchar(255) NOT NULL,
    schema varchar(255) NOT NULL,
    table_name varchar(255) NOT NULL DEFAULT 'buster_query_logs',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT logs_write_back_configs_pkey PRIMARY KEY (id),
    CONSTRAINT logs_write_back_configs_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations (id) ON DELETE CASCADE,
    CONSTRAINT logs_write_back_configs_data_source_id_fkey
        FOREIGN KEY (data_source_id) REFERENCES data_sources (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX logs_write_back_configs_org_unique
    ON logs_write_back_configs (organization_id)
    WHERE deleted_at IS NULL;

COMMENT ON TABLE logs_write_back_configs IS 'Where to write logs of queries to: at most one place an organization.';
COMMENT ON COLUMN logs_write_back_configs.database IS 'Database of the data source.';
COMMENT ON COLUMN logs_write_back_configs.schema IS 'Schema of that database.';
COMMENT ON COLUMN logs_write_back_configs.table_name IS 'Table that the logs go to.';
COMMENT ON COLUMN logs_write_back_configs.deleted_at IS 'When the row was soft-deleted; NULL while it lives.';

-- --------------------------------------------------------------------------------------------------------------------
-- Vault: a stand-in for the extension of that name, which keeps secrets encrypted
-- --------------------------------------------------------------------------------------------------------------------
CREATE SCHEMA vault;

COMMENT ON SCHEMA vault IS 'Secrets: credentials, tokens, keys.';

CREATE TABLE vault.secrets (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text,
    description text NOT NULL DEFAULT '',
    secret text NOT NULL,
    key_id uuid,
    nonce bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT secrets_pkey PRIMARY KEY (id),
    CONSTRAINT secrets_name_key UNIQUE (name)
);

COMMENT ON TABLE vault.secrets IS 'A secret. Read it through decrypted_secrets, write it through the functions.';
COMMENT ON COLUMN vault.secrets.name IS 'What the secret is asked for by; NULL for secrets that are known by id only.';
COMMENT ON COLUMN vault.secrets.description IS 'What the secret is for.';
COMMENT ON COLUMN vault.secrets.secret IS 'The secret, as stored.';
COMMENT ON COLUMN vault.secrets.key_id IS 'The key that it is encrypted with; NULL for the default key.';
COMMENT ON COLUMN vault.secrets.nonce IS 'The nonce that it was encrypted with.';

CREATE VIEW vault.decrypted_secrets AS
SELECT
    s.id,
    s.name,
    s.description,
    s.secret AS decrypted_secret,
    s.key_id,
    s.nonce,
    s.created_at,
    s.updated_at
FROM vault.secrets AS s;

COMMENT ON VIEW vault.decrypted_secrets IS 'Secrets in the clear.';
COMMENT ON COLUMN vault.decrypted_secrets.decrypted_secret IS 'The secret in the clear.';

CREATE FUNCTION vault.create_secret(
    new_secret text,
    new_name text DEFAULT NULL,
    new_description text DEFAULT ''
) RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO vault.secrets (secret, name, description)
    VALUES (new_secret, new_name, coalesce(new_description, ''))
    RETURNING id
$$;

COMMENT ON FUNCTION vault.create_secret(text, text, text) IS 'Stores a secret and returns its id.';

CREATE FUNCTION vault.update_secret(
    secret_id uuid,
    new_secret text DEFAULT NULL,
    new_name text DEFAULT NULL,
    new_description text DEFAULT NULL
) RETURNS void LANGUAGE sql AS $$
    UPDATE vault.secrets
    SET
        secret = coalesce(new_secret, secret),
        name = coalesce(new_name, name),
        description = coalesce(new_description, description),
        updated_at = now()
    WHERE id = secret_id
$$;

COMMENT ON FUNCTION vault.update_secret(uuid, text, text, text) IS 'Changes what is given of a secret; NULL keeps.';
