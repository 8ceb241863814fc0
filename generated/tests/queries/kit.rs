//! `database::testing`: rows of every table that it makes, and a service's code under test on a database or on a mock.

use database::testing::{self, Mock, TestDatabase};
use database::types::{Timestamp, UserOrganizationRole};
use database::users::{self, CreateUserConstraint};
use database::{Database, Error, ErrorKind};

#[tokio::test]
async fn every_factory_makes_a_row_of_nothing() {
    let db = TestDatabase::new().await.unwrap();
    // One that is not in this list is told below.
    macro_rules! make {
        ($($factory:ident)*) => {{
            $(
                let made = testing::$factory().insert(&db).await;
                assert!(made.is_ok(), "{}: {made:?}", stringify!($factory));
            )*
            vec![$(stringify!($factory)),*]
        }};
    }
    let made = make! {
        asset_permission chat collection collections_to_asset dashboard data_source dataset
        dataset_group dataset_groups_permission datasets_to_dataset_group
        datasets_to_permission_group doc github_integration logs_write_back_config message
        messages_to_file metric metric_files_to_dashboard_file metric_files_to_report_file
        organization permission_group permission_groups_to_identity report s3_integration
        shortcut team teams_to_user user user_favorite user_library users_to_organization
        vault_secret
    };
    // What CHECKs ask of texts and of two columns together nobody can guess, and the error says where to look.
    let refused = testing::slack_integration().insert(&db).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("`slack_integrations_status_check`"),
        "{refused}"
    );
    testing::dataset_permission()
        .permission_type("user")
        .insert(&db)
        .await
        .unwrap();
    testing::slack_integration()
        .oauth_state("state")
        .oauth_expires_at(Timestamp::UNIX_EPOCH)
        .insert(&db)
        .await
        .unwrap();
    let made = [made, vec!["dataset_permission", "slack_integration"]].concat();
    let source = include_str!("../../src/testing.rs");
    let missed: Vec<&str> = source
        .split("sqlmill_runtime::factory! {")
        .skip(1)
        .filter_map(|text| text.split(',').next().map(str::trim))
        .filter(|name| !made.contains(name))
        .collect();
    assert!(missed.is_empty(), "no test makes {missed:?}");
}

#[tokio::test]
async fn what_is_given_is_kept_and_the_rest_belongs_together() {
    let db = TestDatabase::new().await.unwrap();
    let ada = testing::user()
        .email("ada@acme.com")
        .name("Ada")
        .insert(&db)
        .await
        .unwrap();
    assert_eq!(
        users::get_user_by_email(&db, "ada@acme.com").await.unwrap(),
        Some(ada.clone())
    );
    let acme = testing::organization()
        .name("Acme")
        .insert(&db)
        .await
        .unwrap();
    let member = testing::users_to_organization()
        .user_id(ada.id)
        .organization_id(acme.id)
        .role(UserOrganizationRole::Viewer)
        .insert(&db)
        .await
        .unwrap();
    assert_eq!(member.created_by, ada.id);
    let organizations = users::get_user_organizations(&db, ada.id).await.unwrap();
    assert_eq!(organizations[0].id, acme.id);

    // The dataset's source is of the same organization, and one person made both.
    let dataset = testing::dataset()
        .organization_id(acme.id)
        .insert(&db)
        .await
        .unwrap();
    let source = database::datasets::get_data_source(&db, dataset.data_source_id)
        .await
        .unwrap();
    assert_eq!(source.unwrap().organization_id, acme.id);
    assert_eq!(dataset.created_by, dataset.updated_by);
}

#[tokio::test]
async fn tests_do_not_see_each_other() {
    let (one, two) = tokio::try_join!(TestDatabase::new(), TestDatabase::new()).unwrap();
    testing::user().insert(&one).await.unwrap();
    assert_eq!(users::count_users(&one).await.unwrap(), 1);
    assert_eq!(users::count_users(&two).await.unwrap(), 0);
    database::verify(&one).await.unwrap();
}

/// What a service does.
async fn rename(db: &Database, email: &str) -> Result<&'static str, Error> {
    let new = users::CreateUser { email, name: None };
    match users::create_user(db, new).await {
        Ok(_) => Ok("made"),
        Err(error) if error.violates(CreateUserConstraint::UsersEmailKey) => Ok("taken"),
        Err(error) => Err(error),
    }
}

#[tokio::test]
async fn a_mock_needs_no_server() {
    let mock = Mock::new();
    let db = mock.database();
    let anyone = users::CreateUser {
        email: "",
        name: None,
    };
    mock.expect(users::create_user(&db, anyone))
        .violates(CreateUserConstraint::UsersEmailKey);
    assert_eq!(rename(&db, "ada@acme.com").await.unwrap(), "taken");
    mock.expect(users::create_user(&db, anyone))
        .fails(ErrorKind::ConnectionLost);
    let lost = rename(&db, "ada@acme.com").await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
    mock.verify();
}
