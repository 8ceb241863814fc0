use database::datasets::*;
use database::types::DataSourceOnboardingStatus;
use serde_json::json;

use crate::support::{Uuid, World};

#[tokio::test]
async fn a_data_source_is_found_by_id_and_by_name() {
    let world = World::new().await;
    let id = world.data_source(world.acme, "warehouse");
    world.data_source(world.globex, "warehouse");

    let source = get_data_source(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        source.onboarding_status,
        DataSourceOnboardingStatus::NotStarted
    );
    assert_eq!(source.onboarding_error, None);
    assert_eq!(source.env, "dev");

    let by_name = |organization_id, env| {
        get_data_source_by_name(
            &world.db,
            GetDataSourceByName {
                name: "warehouse",
                organization_id,
                env,
            },
        )
    };
    assert_eq!(by_name(world.acme, "dev").await.unwrap(), Some(source));
    assert_eq!(by_name(world.acme, "prod").await.unwrap(), None);
    assert_ne!(by_name(world.globex, "dev").await.unwrap().unwrap().id, id);

    world.delete("data_sources", id);
    assert_eq!(get_data_source(&world.db, id).await.unwrap(), None);
    assert_eq!(by_name(world.acme, "dev").await.unwrap(), None);
}

#[tokio::test]
async fn metadata_is_absent_null_or_there() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let id = world.dataset(source, "orders");
    let get = || get_dataset_metadata(&world.db, id);
    let set = |metadata| {
        update_dataset_metadata(
            &world.db,
            UpdateDatasetMetadata {
                metadata,
                dataset_id: id,
            },
        )
    };
    assert_eq!(get().await.unwrap().unwrap().unwrap()["rowCount"], json!(0));

    let found = json!({"rowCount": 3, "columnProfiles": [{"name": "id"}]});
    let row = set(Some(&found)).await.unwrap().unwrap();
    assert_eq!(row.metadata, Some(found.clone()));
    assert_eq!(row.database_identifier, None);
    assert_eq!(get().await.unwrap(), Some(Some(found.clone())));

    assert_eq!(set(None).await.unwrap().unwrap().metadata, None);
    assert_eq!(get().await.unwrap(), Some(None));

    world.delete("datasets", id);
    assert_eq!(get().await.unwrap(), None);
    assert_eq!(set(None).await.unwrap(), None);
}

#[tokio::test]
async fn datasets_that_are_not_named_go() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let other = world.data_source(world.acme, "lake");
    let orders = world.dataset(source, "orders");
    let items = world.dataset(source, "items");
    let gone = world.dataset(source, "gone");
    world.dataset(other, "orders");
    world.delete("datasets", gone);
    let keep = async |names_to_keep: &[&str]| {
        let kept = SoftDeleteDatasetsNotIn {
            data_source_id: source,
            names_to_keep,
        };
        soft_delete_datasets_not_in(&world.db, kept).await.unwrap()
    };
    assert!(keep(&["orders", "items", "new"]).await.is_empty());
    assert_eq!(keep(&["orders"]).await, [items]);
    assert!(keep(&["orders"]).await.is_empty());
    assert_eq!(keep(&[]).await, [orders]);
    assert_eq!(
        world.scalar("SELECT count(*) FROM datasets WHERE deleted_at IS NULL"),
        "1"
    );
}

#[tokio::test]
async fn default_datasets_become_what_is_asked() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let orders = world.dataset(source, "orders");
    let items = world.dataset(source, "items");
    let deleted = world.dataset(source, "deleted");
    world.delete("datasets", deleted);
    let foreign = world.dataset(world.data_source(world.globex, "warehouse"), "orders");

    let replace = async |dataset_ids: &[Uuid]| {
        let done = replace_default_datasets(
            &world.db,
            ReplaceDefaultDatasets {
                organization_id: world.acme,
                user_id: world.ada,
                dataset_ids,
            },
        )
        .await
        .unwrap();
        (done.linked, done.unlinked)
    };
    let list = async || {
        let rows = list_default_datasets(&world.db, world.acme).await.unwrap();
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert!(list().await.is_empty());
    assert_eq!(
        replace(&[orders, items, orders, deleted, foreign, Uuid::nil()]).await,
        (2, 0)
    );
    assert_eq!(list().await, ["items", "orders"]);
    assert_eq!(replace(&[items]).await, (1, 1));
    assert_eq!(list().await, ["items"]);
    // What was unlinked comes back.
    assert_eq!(replace(&[orders]).await, (1, 1));
    assert_eq!(list().await, ["orders"]);
    assert_eq!(replace(&[]).await, (0, 1));
    assert!(list().await.is_empty());
    assert_eq!(world.scalar("SELECT count(*) FROM permission_groups"), "1");

    // A group of another organization, and other groups of this one, are nobody's default.
    assert_eq!(replace(&[orders]).await, (1, 0));
    assert_eq!(
        list_default_datasets(&world.db, world.globex)
            .await
            .unwrap(),
        []
    );
    world.sql("UPDATE permission_groups SET name = 'finance'");
    assert!(list().await.is_empty());
}

#[tokio::test]
async fn datasets_are_filtered_by_source_and_state() {
    let world = World::new().await;
    let add = |organization: Uuid, source: Uuid, name: &str, enabled: bool| {
        world.uuid(&format!(
            "INSERT INTO datasets (name, database_name, type, definition, schema, enabled, data_source_id, organization_id,
                 created_by, updated_by)
             VALUES ('{name}', 'db', 'table', '', 'public', {enabled}, '{source}', '{organization}', '{0}', '{0}')
             RETURNING id",
            world.ada
        ))
    };
    let one = world.data_source(world.acme, "one");
    let two = world.data_source(world.acme, "two");
    add(world.acme, one, "a", true);
    add(world.acme, two, "b", false);
    add(world.acme, two, "c", true);
    let gone = add(world.acme, one, "d", true);
    let elsewhere = world.data_source(world.globex, "one");
    add(world.globex, elsewhere, "e", true);
    world.delete("datasets", gone);
    let list = async |filter: ListDatasets| {
        let found = list_datasets(&world.db, filter).await.unwrap();
        found.into_iter().map(|row| row.name).collect::<String>()
    };
    let all = ListDatasets::new(world.acme);
    assert_eq!(list(all).await, "abc");
    assert_eq!(list(all.enabled(true)).await, "ac");
    assert_eq!(list(all.enabled(false)).await, "b");
    assert_eq!(list(all.data_source_id(two)).await, "bc");
    assert_eq!(list(all.data_source_id(two).enabled(true)).await, "c");
    assert_eq!(list(all.data_source_id(elsewhere)).await, "");
}

#[tokio::test]
async fn five_ways_lead_to_a_dataset() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let globex = world.data_source(world.globex, "warehouse");
    let dataset = |name: &str| world.dataset(source, name);
    let (a, b, c, d, e) = (
        dataset("a"),
        dataset("b"),
        dataset("c"),
        dataset("d"),
        dataset("e"),
    );
    let (off, gone, unlinked, closed_group) = (
        dataset("off"),
        dataset("gone"),
        dataset("unlinked"),
        dataset("closed"),
    );
    let foreign = world.dataset(globex, "foreign");
    world.sql("UPDATE datasets SET enabled = name <> 'off'");
    world.delete("datasets", gone);
    let group = |name: &str| {
        world.uuid(&format!(
            "INSERT INTO permission_groups (name, organization_id, created_by, updated_by)
             VALUES ('{name}', '{}', '{1}', '{1}') RETURNING id",
            world.acme, world.ada
        ))
    };
    let (by_name, by_team, closed) = (group("by name"), group("by team"), group("closed"));
    let team = world.team(world.acme, &[world.ben]);
    for (group, identity, kind) in [
        (by_name, world.ben, "user"),
        (by_team, team, "team"),
        (closed, world.ben, "user"),
    ] {
        world.sql(&format!(
            "INSERT INTO permission_groups_to_identities
                 (permission_group_id, identity_id, identity_type, created_by, updated_by)
             VALUES ('{group}', '{identity}', '{kind}', '{0}', '{0}')",
            world.ada
        ));
    }
    world.delete("permission_groups", closed);
    let permit = |dataset, to, kind| {
        world.sql(&format!(
            "INSERT INTO dataset_permissions (organization_id, dataset_id, permission_id, permission_type)
             VALUES ('{}', '{dataset}', '{to}', '{kind}')",
            world.acme
        ));
    };
    for dataset in [a, off, gone, unlinked, foreign] {
        permit(dataset, world.ben, "user");
    }
    world.sql(&format!(
        "UPDATE dataset_permissions SET deleted_at = now() WHERE dataset_id = '{unlinked}'"
    ));
    permit(b, by_team, "permission_group");
    permit(closed_group, closed, "permission_group");
    world.sql(&format!(
        "INSERT INTO datasets_to_permission_groups (dataset_id, permission_group_id)
         VALUES ('{c}', '{by_name}'), ('{a}', '{by_name}')"
    ));
    for (dataset, to, kind) in [(d, world.ben, "user"), (e, by_name, "permission_group")] {
        let set = world.uuid(&format!(
            "INSERT INTO dataset_groups (organization_id, name) VALUES ('{}', 'set') RETURNING id",
            world.acme
        ));
        world.sql(&format!(
            "INSERT INTO datasets_to_dataset_groups (dataset_id, dataset_group_id) VALUES ('{dataset}', '{set}');
             INSERT INTO dataset_groups_permissions (dataset_group_id, permission_id, permission_type, organization_id)
             VALUES ('{set}', '{to}', '{kind}', '{}')",
            world.acme
        ));
    }

    let list = |organization_id, user_id| {
        list_permissioned_datasets(
            &world.db,
            ListPermissionedDatasets {
                organization_id,
                user_id,
            },
        )
    };
    let rows = list(world.acme, world.ben).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [a, b, c, d, e]
    );
    let page = list(world.acme, world.ben).page(2, 3).await.unwrap();
    assert_eq!((page.items.as_slice(), page.total), (&rows[3..], 5));
    let first = list(world.acme, world.ben).first(2).await.unwrap();
    let next = first.next.unwrap();
    let rest = list(world.acme, world.ben).after(&next, 10).await.unwrap();
    assert_eq!(rest.items, rows[2..]);
    let past = list(world.acme, world.ben).page(3, 3).await.unwrap();
    assert_eq!((past.items.len(), past.total, past.has_more), (0, 5, false));
    assert_eq!(list(world.acme, world.ada).await.unwrap(), []);
    world.delete("teams", team);
    let rows = list(world.acme, world.ben).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [a, c, d, e]
    );
    // Access to a dataset of another organization is none.
    let names = list(world.globex, world.ben).await.unwrap();
    assert_eq!(
        names.iter().map(|row| row.id).collect::<Vec<_>>(),
        [foreign]
    );
}

#[tokio::test]
async fn a_group_of_an_organization_is_its_active_members() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let given = |name: &str, identity: Uuid| {
        let dataset = world.dataset(source, name);
        let group = world.uuid(&format!(
            "INSERT INTO permission_groups (name, organization_id, created_by, updated_by)
             VALUES ('{name}', '{}', '{1}', '{1}') RETURNING id",
            world.acme, world.ada
        ));
        world.sql(&format!(
            "INSERT INTO permission_groups_to_identities
                 (permission_group_id, identity_id, identity_type, created_by, updated_by)
             VALUES ('{group}', '{identity}', 'organization', '{0}', '{0}');
             INSERT INTO dataset_permissions (organization_id, dataset_id, permission_id, permission_type)
             VALUES ('{1}', '{dataset}', '{group}', 'permission_group')",
            world.ada, world.acme
        ));
        dataset
    };
    let ours = given("ours", world.acme);
    let theirs = given("theirs", world.globex);
    world.sql("UPDATE datasets SET enabled = true");
    let list = async |user_id| {
        let of = ListPermissionedDatasets {
            organization_id: world.acme,
            user_id,
        };
        let rows = list_permissioned_datasets(&world.db, of).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(list(world.ben).await, [ours]);
    assert_eq!(list(world.cyn).await, [theirs]);
    assert!(list(world.dan).await.is_empty());
    world.sql(&format!(
        "UPDATE users_to_organizations SET status = 'inactive' WHERE user_id = '{}'",
        world.ben
    ));
    assert!(list(world.ben).await.is_empty());
    world.sql(&format!(
        "UPDATE users_to_organizations SET status = 'active', deleted_at = now() WHERE user_id = '{}'",
        world.ben
    ));
    assert!(list(world.ben).await.is_empty());
}
