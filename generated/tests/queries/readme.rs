//! The Rust in `README.md`, compiled and run. What stands between the markers is there word for word.

use database::types::Uuid;
use database::users::{self, CreateUser, User};
use database::{Database, Error, Replica};

use crate::support::World;

async fn sign_in(db: Database) -> Result<Option<User>, Error> {
    // README: sign in
    let user: Option<User> = users::get_user_by_email(&db, "ada@example.com").await?;
    // end
    Ok(user)
}

/// What the tour saw: the user by id, the ids that were streamed, the lengths of names, whether the address was taken, and the
/// member's id.
type Seen = (Option<User>, Vec<Uuid>, Vec<Option<usize>>, bool, Uuid);

async fn tour(
    url: &str,
    user_id: Uuid,
    ids: &[Uuid],
    organization_id: Uuid,
) -> Result<Seen, Error> {
    let mut streamed = Vec::new();
    // README: tour
    use database::types::UserOrganizationRole;
    use database::users::{CreateUser, CreateUserConstraint, GetUser};
    use database::{Database, organizations, users};

    let db = Database::connect(url).await?;

    // One parameter is passed as itself, two or more by name.
    let params = GetUser {
        user_id,
        include_deleted: false,
    };
    let user = users::get_user(&db, params).await?;

    // The awaited type follows the proof: here one row or none, there a list. Say otherwise with
    // `.stream()`, `.one()`, `.optional()` and `.all()`.
    let mut rows = users::get_users_batch(&db, ids).stream();
    while let Some(user) = rows.next().await {
        streamed.push(user?.id);
    }

    // Looks at rows where they lie, and copies nothing but what it makes of them.
    let lengths = users::get_users_batch(&db, ids)
        .map(|user| user.name.map(str::len))
        .await?;

    // A page and how many rows there are in all, in one round trip; or on from where a page ended.
    let page = users::list_users(&db).page(1, 20).await?;
    let first = users::list_users(&db).first(20).await?;
    if let Some(next) = &first.next {
        let _second = users::list_users(&db).after(next, 20).await?;
    }

    // Constraints that a query can break have names that the compiler checks.
    let new = CreateUser {
        email: "ada@example.com",
        name: Some("Ada"),
    };
    let taken = match users::create_user(&db, new).await {
        Err(error) if error.violates(CreateUserConstraint::UsersEmailKey) => true,
        Err(error) => return Err(error),
        Ok(_) => false,
    };

    // Committed on Ok; rolled back on Err, on a panic, and when the future is dropped.
    let member = db
        .transaction(|tx| async move {
            let new = CreateUser {
                email: "eve@example.com",
                name: None,
            };
            let user = users::create_user(&tx, new).await?;
            let member = organizations::AddMember {
                user_id: user.id,
                organization_id,
                role: UserOrganizationRole::Viewer,
                added_by: user_id,
            };
            organizations::add_member(&tx, member).await
        })
        .await?;
    // end
    assert_eq!(page.items, first.items);
    Ok((user, streamed, lengths, taken, member.user_id))
}

#[tokio::test]
async fn the_readme_runs() {
    let world = World::new().await;
    let new = CreateUser {
        email: "ada@example.com",
        name: Some("Ada"),
    };
    let ada = users::create_user(&world.db, new).await.unwrap();
    assert_eq!(
        sign_in(world.db.clone()).await.unwrap().as_ref(),
        Some(&ada)
    );
    let ids = [world.ben, ada.id];
    let (user, mut streamed, mut lengths, taken, member) =
        tour(world.url(), ada.id, &ids, world.acme).await.unwrap();
    assert_eq!(user.as_ref(), Some(&ada));
    streamed.sort();
    let mut ids = ids.to_vec();
    ids.sort();
    assert_eq!(streamed, ids);
    lengths.sort();
    assert_eq!(lengths, [None, Some(3)]);
    assert!(taken);
    let eve = users::get_user_by_email(&world.db, "eve@example.com")
        .await
        .unwrap();
    assert_eq!(eve.unwrap().id, member);
    // What only reads takes any handle. (What writes does not compile with this one: `runtime/tests/refused`.)
    let replica = Replica::connect(world.url()).await.unwrap();
    let found = users::get_user_by_email(&replica, "ada@example.com").await;
    assert_eq!(found.unwrap(), Some(ada));
}

#[test]
fn the_readme_shows_what_runs() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let shown: Vec<&str> = readme
        .split("```rust\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    let sources = [
        include_str!("readme.rs"),
        include_str!("../../../examples/src/lib.rs"),
        include_str!("../../../examples/tests/service.rs"),
    ];
    let regions: Vec<String> = sources.into_iter().flat_map(regions).collect();
    assert_eq!(regions.len(), 5);
    for region in regions {
        assert!(
            shown.contains(&region.as_str()),
            "README.md does not show this:\n{region}"
        );
    }
    // The others: nothing but the program that a project of one's own needs.
    assert_eq!(shown.len(), 6);
    assert!(shown[5].contains("sqlmill::cli::main()"));
}

/// What stands between the markers, without their indentation.
fn regions(source: &str) -> Vec<String> {
    let mut regions: Vec<String> = Vec::new();
    let mut indentation = None;
    for line in source.lines() {
        let text = line.trim_start();
        if text.starts_with("// README: ") {
            indentation = Some(&line[..line.len() - text.len()]);
            regions.push(String::new());
        } else if text == "// end" {
            indentation = None;
        } else if let Some(indentation) = indentation {
            let region = regions.last_mut().unwrap();
            region.push_str(line.strip_prefix(indentation).unwrap_or(line));
            region.push('\n');
        }
    }
    regions
}
