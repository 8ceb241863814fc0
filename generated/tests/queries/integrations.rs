use database::integrations::*;
use database::types::{GithubIntegrationStatus, SlackIntegrationStatus, Timestamp};
use serde_json::json;

use crate::support::{Uuid, World};

fn installation<'a>(world: &World, installation_id: &'a str) -> CreateGithubIntegration<'a> {
    CreateGithubIntegration {
        organization_id: world.acme,
        user_id: world.ada,
        installation_id,
        github_org_id: "42",
        github_org_name: None,
        token_vault_key: None,
    }
}

#[tokio::test]
async fn an_installation_is_noted_once() {
    let world = World::new().await;
    let made = create_github_integration(&world.db, installation(&world, "i1"))
        .await
        .unwrap();
    assert_eq!(made.status, GithubIntegrationStatus::Pending);
    assert_eq!(made.repository_permissions, Some(json!({})));
    assert_eq!(
        (
            made.github_org_name,
            made.token_vault_key,
            made.installed_at
        ),
        (None, None, None)
    );

    let again = installation(&world, "i1");
    let error = create_github_integration(&world.db, again)
        .await
        .unwrap_err();
    assert!(
        error.violates(CreateGithubIntegrationConstraint::GithubIntegrationsOrgInstallationKey)
    );

    // Another organization may have the same one, but not the same token.
    let elsewhere = CreateGithubIntegration {
        organization_id: world.globex,
        token_vault_key: Some("token"),
        ..again
    };
    create_github_integration(&world.db, elsewhere)
        .await
        .unwrap();
    let error = create_github_integration(
        &world.db,
        CreateGithubIntegration {
            token_vault_key: Some("token"),
            ..installation(&world, "i2")
        },
    )
    .await
    .unwrap_err();
    assert!(error.violates(CreateGithubIntegrationConstraint::GithubIntegrationsTokenVaultKeyKey));
}

#[tokio::test]
async fn a_status_changes_only_from_those_named() {
    let world = World::new().await;
    let made = create_github_integration(&world.db, installation(&world, "i1"))
        .await
        .unwrap();
    let set = |status, from_statuses| {
        set_github_status(
            &world.db,
            SetGithubStatus {
                status,
                integration_id: made.id,
                from_statuses,
            },
        )
    };
    use GithubIntegrationStatus::{Active, Pending, Revoked, Suspended};
    assert_eq!(set(Active, &[]).await.unwrap(), 0);
    assert_eq!(set(Active, &[Suspended, Revoked]).await.unwrap(), 0);
    assert_eq!(set(Active, &[Pending, Suspended]).await.unwrap(), 1);
    let active = get_active_github_integration(&world.db, world.acme)
        .await
        .unwrap();
    let installed_at = active.unwrap().installed_at;
    assert!(installed_at.is_some());

    assert_eq!(set(Suspended, &[Active]).await.unwrap(), 1);
    assert_eq!(
        get_active_github_integration(&world.db, world.acme)
            .await
            .unwrap(),
        None
    );
    assert_eq!(set(Active, &[Suspended]).await.unwrap(), 1);
    let active = get_active_github_integration(&world.db, world.acme)
        .await
        .unwrap();
    assert_eq!(
        active.unwrap().installed_at,
        installed_at,
        "installed when it first was"
    );
}

#[tokio::test]
async fn the_latest_active_installation_is_used() {
    let world = World::new().await;
    for id in ["i1", "i2", "i3", "i4"] {
        create_github_integration(&world.db, installation(&world, id))
            .await
            .unwrap();
    }
    world.sql(
        "UPDATE github_integrations SET status = 'active', installed_at = CASE installation_id
            WHEN 'i1' THEN timestamptz '2024-01-01' WHEN 'i2' THEN '2024-02-01' WHEN 'i4' THEN '2024-03-01' END",
    );
    world.sql("UPDATE github_integrations SET deleted_at = now() WHERE installation_id = 'i4'");
    let active = get_active_github_integration(&world.db, world.acme)
        .await
        .unwrap()
        .unwrap();
    // i3 was never installed, and i4 is deleted.
    assert_eq!(active.installation_id, "i2");
    assert_eq!(
        get_active_github_integration(&world.db, world.globex)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_known_slack_workspace_starts_again_and_remembers() {
    let world = World::new().await;
    let expires: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let start = |team_id, oauth_state| {
        start_slack_oauth(
            &world.db,
            StartSlackOauth {
                organization_id: world.acme,
                user_id: world.ada,
                team_id,
                oauth_state,
                oauth_expires_at: expires,
            },
        )
    };
    let first = start(Some("T1"), "s1").await.unwrap();
    assert_eq!(first.status, SlackIntegrationStatus::Pending);
    assert_eq!(first.oauth_metadata, json!({}));

    world.sql(
        r#"UPDATE slack_integrations SET status = 'active', oauth_state = NULL, deleted_at = now(),
            default_channel = '{"id": "C1"}', default_sharing_permissions = 'noSharing'"#,
    );
    let second = start(Some("T1"), "s2").await.unwrap();
    assert_eq!(second.id, first.id);
    assert_eq!(second.status, SlackIntegrationStatus::Pending);
    assert_eq!(
        second.oauth_metadata,
        json!({
            "previous_status": "active",
            "default_channel": {"id": "C1"},
            "default_sharing_permissions": "noSharing",
        })
    );
    assert_eq!(
        world.scalar("SELECT count(*) FROM slack_integrations WHERE deleted_at IS NULL"),
        "1"
    );

    // Unknown workspaces are all different.
    let third = start(None, "s3").await.unwrap();
    let fourth = start(None, "s4").await.unwrap();
    assert_ne!(third.id, fourth.id);
    let error = start(None, "s4").await.unwrap_err();
    assert!(error.violates(StartSlackOauthConstraint::SlackIntegrationsOauthStateKey));
}

#[tokio::test]
async fn expired_attempts_are_removed_and_their_keys_returned() {
    let world = World::new().await;
    world.sql(&format!(
        "INSERT INTO slack_integrations
            (organization_id, user_id, team_id, status, oauth_state, oauth_expires_at, token_vault_key)
         SELECT '{}', '{}', team, status::slack_integration_status_enum, state, expires::timestamptz, key
         FROM (VALUES
            ('late', 'pending', 's1', '2020-01-01', NULL),
            ('late with a token', 'pending', 's2', '2020-01-01', 'k2'),
            ('in time', 'pending', 's3', '2100-01-01', 'k3'),
            ('without end', 'pending', 's4', NULL, 'k4'),
            ('done', 'active', NULL, '2020-01-01', 'k5')
         ) AS row (team, status, state, expires, key)",
        world.acme, world.ada
    ));
    let mut keys: Vec<_> = expire_slack_oauth(&world.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.token_vault_key)
        .collect();
    keys.sort();
    assert_eq!(keys, [None, Some("k2".to_owned())]);
    assert_eq!(
        world.sql("SELECT team_id FROM slack_integrations ORDER BY 1"),
        [["done"], ["in time"], ["without end"]].map(|row| row.map(|team| Some(team.to_owned())))
    );
    assert_eq!(expire_slack_oauth(&world.db).await.unwrap(), []);
}

#[tokio::test]
async fn an_organization_has_one_place_for_its_logs() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let put = |organization_id, table_name| {
        upsert_logs_writeback(
            &world.db,
            UpsertLogsWriteback {
                organization_id,
                data_source_id: source,
                database: "db",
                schema: "public",
                table_name,
            },
        )
    };
    let first = put(world.acme, "logs").await.unwrap();
    let second = put(world.acme, "query_logs").await.unwrap();
    assert_eq!(
        (second.id, second.table_name.as_str()),
        (first.id, "query_logs")
    );
    let other = put(world.globex, "logs").await.unwrap();
    assert_ne!(other.id, first.id);

    // A deleted one stays deleted, and a new one is made beside it.
    world.delete("logs_write_back_configs", first.id);
    let third = put(world.acme, "logs").await.unwrap();
    assert_ne!(third.id, first.id);
    assert_eq!(
        world.scalar("SELECT count(*) FROM logs_write_back_configs"),
        "3"
    );
}

#[tokio::test]
async fn secrets_are_kept_under_their_name() {
    let world = World::new().await;
    let store = |secret, name, description| {
        store_secret(
            &world.db,
            StoreSecret {
                secret,
                name,
                description,
            },
        )
    };
    let id = store("s3cret", Some("github"), None).await.unwrap();
    let secret = get_secret_by_name(&world.db, "github")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(secret.id, id);
    assert_eq!(secret.decrypted_secret, "s3cret");
    assert_eq!(secret.description, "");
    assert_eq!((secret.key_id, secret.nonce), (None, None));

    world.sql(r"UPDATE vault.secrets SET nonce = '\x00ff'");
    let secret = get_secret_by_name(&world.db, "github")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(secret.nonce, Some(vec![0, 255]));

    let nameless = store("other", None, Some("by id")).await.unwrap();
    assert_ne!(nameless, id);
    assert_eq!(
        world.sql(&format!(
            "SELECT name, description FROM vault.secrets WHERE id = '{nameless}'"
        )),
        [[None, Some("by id".to_owned())]]
    );
    assert_eq!(get_secret_by_name(&world.db, "gitlab").await.unwrap(), None);
    let error = store("again", Some("github"), None).await.unwrap_err();
    assert_eq!(error.query(), Some("integrations::store_secret"));
    assert_ne!(nameless, Uuid::nil());
}

#[tokio::test]
async fn buckets_are_those_of_one_organization_or_of_all() {
    let world = World::new().await;
    let add = |organization: Uuid, provider: &str| {
        world.uuid(&format!(
            "INSERT INTO s3_integrations (provider, organization_id) VALUES ('{provider}', '{organization}') RETURNING id"
        ))
    };
    let (first, gone) = (add(world.acme, "s3"), add(world.acme, "gcs"));
    let other = add(world.globex, "r2");
    world.delete("s3_integrations", gone);
    let list = async |filter: ListS3Integrations| {
        let found = list_s3_integrations(&world.db, filter).await.unwrap();
        found
            .into_iter()
            .map(|bucket| bucket.id)
            .collect::<Vec<_>>()
    };
    let living = ListS3Integrations::new(false);
    assert_eq!(list(living).await, [other, first]);
    assert_eq!(list(living.organization_id(world.acme)).await, [first]);
    let all = ListS3Integrations::new(true);
    assert_eq!(list(all.organization_id(world.acme)).await, [gone, first]);
    assert_eq!(list(all.organization_id(Uuid::nil())).await.len(), 0);
    assert_eq!(list(all).await.len(), 3);
}
