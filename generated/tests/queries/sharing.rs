use database::sharing::*;
use database::types::{
    AssetPermissionRole, AssetType, IdentityType, UserOrganizationRole, WorkspaceSharing,
};

use crate::support::{Uuid, World};

use AssetPermissionRole::{CanEdit, CanFilter, CanView, FullAccess, Owner, Viewer};

fn grant(
    world: &World,
    identity_id: Uuid,
    asset_id: Uuid,
    role: AssetPermissionRole,
) -> GrantPermission {
    GrantPermission {
        identity_id,
        identity_type: IdentityType::User,
        asset_id,
        asset_type: AssetType::Chat,
        role,
        granted_by: world.ada,
    }
}

async fn people(world: &World, asset_id: Uuid) -> Vec<(String, AssetPermissionRole)> {
    let asset = ListPeopleWithAccess {
        asset_id,
        asset_type: AssetType::Chat,
    };
    let rows = list_people_with_access(&world.db, asset).await.unwrap();
    rows.into_iter().map(|row| (row.email, row.role)).collect()
}

#[tokio::test]
async fn a_revoked_permission_comes_back() {
    let world = World::new().await;
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    let revoke = async |identity_id| {
        let revoked = RevokePermission {
            revoked_by: world.ada,
            identity_id,
            identity_type: IdentityType::User,
            asset_id: chat,
            asset_type: AssetType::Chat,
        };
        revoke_permission(&world.db, revoked).await.unwrap()
    };
    let first = grant_permission(&world.db, grant(&world, world.ben, chat, CanView))
        .await
        .unwrap();
    let second = grant_permission(&world.db, grant(&world, world.ben, chat, CanEdit))
        .await
        .unwrap();
    assert_eq!(
        (second.role, second.created_at),
        (CanEdit, first.created_at)
    );

    let revoked = revoke(world.ben).await.unwrap();
    assert!(revoked.deleted_at.is_some());
    assert_eq!(
        revoke(world.ben).await,
        None,
        "there is nothing left to take back"
    );
    assert_eq!(revoke(world.cyn).await, None);
    assert_eq!(
        people(&world, chat).await,
        [("ada@acme.com".to_owned(), Owner)]
    );

    let third = grant_permission(&world.db, grant(&world, world.ben, chat, CanFilter))
        .await
        .unwrap();
    assert_eq!((third.role, third.deleted_at), (CanFilter, None));
    assert_eq!(third.created_at, first.created_at);
}

#[tokio::test]
async fn many_are_granted_at_once_and_the_last_role_counts() {
    let world = World::new().await;
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    let team = world.team(world.acme, &[]);
    let grant = async |identity_ids: &[Uuid],
                       identity_types: &[IdentityType],
                       roles: &[AssetPermissionRole]| {
        let permissions = GrantPermissions {
            asset_id: chat,
            asset_type: AssetType::Chat,
            granted_by: world.ada,
            identity_ids,
            identity_types,
            roles,
        };
        grant_permissions(&world.db, permissions).await.unwrap()
    };
    use IdentityType::{Team, User};
    let granted = grant(
        &[world.ben, team, world.cyn, world.ben],
        &[User, Team, User, User],
        &[CanView, CanView, CanFilter, CanEdit],
    )
    .await;
    assert_eq!(granted, 3);
    let ada = ("ada@acme.com".to_owned(), Owner);
    let ben = ("ben@acme.com".to_owned(), CanEdit);
    let cyn = ("cyn@globex.com".to_owned(), CanFilter);
    assert_eq!(
        people(&world, chat).await,
        [ada.clone(), ben.clone(), cyn.clone()]
    );
    assert_eq!(grant(&[], &[], &[]).await, 0);

    // Only those named lose access; a team of that id is not a user.
    let revoke = async |identity_ids: &[Uuid]| {
        let revoked = RevokePermissions {
            revoked_by: world.ada,
            asset_id: chat,
            asset_type: AssetType::Chat,
            identity_type: User,
            identity_ids,
        };
        revoke_permissions(&world.db, revoked).await.unwrap()
    };
    assert!(revoke(&[]).await.is_empty());
    assert_eq!(
        revoke(&[world.cyn, team, world.dan, world.cyn]).await,
        [world.cyn]
    );
    assert!(revoke(&[world.cyn]).await.is_empty());
    assert_eq!(people(&world, chat).await, [ada, ben]);
    let teams = "SELECT count(*) FROM asset_permissions WHERE identity_type = 'team' AND deleted_at IS NULL";
    assert_eq!(world.scalar(teams), "1");
}

#[tokio::test]
async fn people_are_those_with_an_open_account() {
    let world = World::new().await;
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    let other = world.chat(world.acme, world.ben, "Costs").await;
    grant_permission(&world.db, grant(&world, world.ben, chat, Viewer))
        .await
        .unwrap();
    assert_eq!(people(&world, chat).await.len(), 2);
    assert_eq!(
        people(&world, other).await,
        [("ben@acme.com".to_owned(), Owner)]
    );
    world.delete("users", world.ben);
    assert_eq!(
        people(&world, chat).await,
        [("ada@acme.com".to_owned(), Owner)]
    );
    assert_eq!(people(&world, other).await, []);
}

async fn role(world: &World, user_id: Uuid, asset_id: Uuid) -> Option<AssetPermissionRole> {
    let asset = EffectiveAssetRole {
        asset_id,
        asset_type: AssetType::Chat,
        user_id,
    };
    effective_asset_role(&world.db, asset).await.unwrap()
}

#[tokio::test]
async fn the_best_role_counts_from_whatever_side() {
    let world = World::new().await;
    // Cyn has left Globex, and administers nothing.
    let chat = world.chat(world.globex, world.cyn, "Revenue").await;
    assert_eq!(role(&world, world.cyn, chat).await, Some(Owner));
    assert_eq!(role(&world, world.ben, chat).await, None);

    // Direct.
    grant_permission(&world.db, grant(&world, world.ben, chat, Viewer))
        .await
        .unwrap();
    assert_eq!(role(&world, world.ben, chat).await, Some(Viewer));

    // A team's, better than the own one.
    let team = world.team(world.globex, &[world.ben]);
    let teams = GrantPermission {
        identity_type: IdentityType::Team,
        ..grant(&world, team, chat, CanFilter)
    };
    grant_permission(&world.db, teams).await.unwrap();
    assert_eq!(role(&world, world.ben, chat).await, Some(CanFilter));
    world.delete("teams", team);
    assert_eq!(role(&world, world.ben, chat).await, Some(Viewer));
    world.restore("teams", team);

    // The organization's, for its members only.
    world.sql("UPDATE chats SET workspace_sharing = 'can_edit'");
    assert_eq!(role(&world, world.ben, chat).await, Some(CanFilter));
    world
        .member(world.ben, world.globex, UserOrganizationRole::Viewer)
        .await;
    assert_eq!(role(&world, world.ben, chat).await, Some(CanEdit));

    // An administrator's.
    world
        .member(world.ben, world.globex, UserOrganizationRole::DataAdmin)
        .await;
    assert_eq!(role(&world, world.ben, chat).await, Some(FullAccess));
    world.sql(&format!(
        "UPDATE users_to_organizations SET status = 'inactive' WHERE user_id = '{}'",
        world.ben
    ));
    assert_eq!(role(&world, world.ben, chat).await, Some(CanFilter));

    // Nobody has a role on what is deleted, or on what is another type of asset.
    let report = EffectiveAssetRole {
        asset_id: chat,
        asset_type: AssetType::ReportFile,
        user_id: world.cyn,
    };
    assert_eq!(effective_asset_role(&world.db, report).await.unwrap(), None);
    world.delete("chats", chat);
    assert_eq!(role(&world, world.cyn, chat).await, None);
}

#[tokio::test]
async fn containers_of_a_metric_are_all_found() {
    let world = World::new().await;
    let metric = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let dashboard = world.dashboard(world.acme, "Board").await;
    let report = world.report(world.acme, "Story", "text").await;
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    let collection = world.collection(world.acme, "Folder");
    world.link(
        "metric_files_to_dashboard_files",
        "dashboard_file_id",
        metric,
        dashboard,
    );
    world.link(
        "metric_files_to_report_files",
        "report_file_id",
        metric,
        report,
    );
    // Two messages of one chat made it: one container.
    for number in [1, 2] {
        let message = world.message(chat, world.ada, number);
        world.sql(&format!(
            "INSERT INTO messages_to_files (id, message_id, file_id) VALUES ('{}', '{message}', '{metric}')",
            Uuid::from_u128(u128::from(number))
        ));
    }
    for asset_type in ["metric_file", "report_file"] {
        world.sql(&format!(
            "INSERT INTO collections_to_assets (collection_id, asset_id, asset_type, created_by, updated_by)
             VALUES ('{collection}', '{metric}', '{asset_type}', '{0}', '{0}')",
            world.ada
        ));
    }
    world.sql(
        "UPDATE dashboard_files SET publicly_accessible = true, workspace_sharing = 'full_access'",
    );

    let found = list_containers_of_metric(&world.db, metric).await.unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|row| {
            (
                row.container_type,
                row.container_id,
                row.title.as_str(),
                row.publicly_accessible,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (AssetType::Chat, chat, "Revenue", Some(false)),
            (AssetType::DashboardFile, dashboard, "Board", Some(true)),
            (AssetType::ReportFile, report, "Story", Some(false)),
            (AssetType::Collection, collection, "Folder", None),
        ]
    );
    assert_eq!(found[1].workspace_sharing, WorkspaceSharing::FullAccess);

    for (table, id) in [
        ("chats", chat),
        ("dashboard_files", dashboard),
        ("report_files", report),
        ("collections", collection),
    ] {
        world.delete(table, id);
        assert_eq!(
            list_containers_of_metric(&world.db, metric)
                .await
                .unwrap()
                .len(),
            3,
            "{table}"
        );
        world.restore(table, id);
    }
    world.sql("UPDATE messages SET deleted_at = now()");
    world.sql("UPDATE metric_files_to_report_files SET deleted_at = now()");
    world.sql("UPDATE metric_files_to_dashboard_files SET deleted_at = now()");
    world.sql("UPDATE collections_to_assets SET deleted_at = now()");
    assert_eq!(
        list_containers_of_metric(&world.db, metric).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn permissions_of_an_asset_name_people_who_have_an_account() {
    let world = World::new().await;
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    let team = world.team(world.acme, &[world.ben]);
    for (identity, kind) in [
        (world.dan, "user"),
        (team, "team"),
        (world.acme, "organization"),
    ] {
        world.sql(&format!(
            "INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
             VALUES ('{identity}', '{kind}', '{chat}', 'chat', 'can_view', '{0}', '{0}')",
            world.ada
        ));
    }
    let list = async |filter: ListAssetPermissions| {
        let found = list_asset_permissions(&world.db, filter).await.unwrap();
        let row = |row: ListAssetPermissionsRow| {
            let person = row
                .person
                .map(|person| (person.id, person.email, person.name));
            (row.identity_id, person)
        };
        found.into_iter().map(row).collect::<Vec<_>>()
    };
    let all = ListAssetPermissions::new(chat, AssetType::Chat);
    let (ada, dan) = (
        (
            world.ada,
            Some((world.ada, "ada@acme.com".to_owned(), Some("Ada".to_owned()))),
        ),
        (world.dan, None),
    );
    let (team, acme) = ((team, None), (world.acme, None));
    assert_eq!(
        list(all).await,
        [ada.clone(), dan.clone(), team.clone(), acme]
    );
    assert_eq!(
        list(all.identity_type(IdentityType::User)).await,
        [ada, dan]
    );
    assert_eq!(
        list(all.identity_type(IdentityType::Team)).await,
        std::slice::from_ref(&team)
    );
    let other = ListAssetPermissions::new(chat, AssetType::MetricFile);
    assert_eq!(list(other).await, []);

    world.sql(&format!(
        "UPDATE asset_permissions SET deleted_at = now() WHERE identity_id = '{}'",
        team.0
    ));
    assert_eq!(list(all.identity_type(IdentityType::Team)).await, []);
}
