//! A user and the organizations of the user, by one statement with rows within its row and by two statements: how long each takes.
//!
//! `nested URL CALLS`, on a database with the schema. The ways take turns, on one connection, and everything is rolled back.

use std::error::Error;
use std::time::{Duration, Instant};

use database::organizations::{self, AddMember, CreateOrganization};
use database::types::UserOrganizationRole;
use database::users::{self, CreateUser, GetUser};
use database::{Database, Transaction};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, calls] = args.as_slice() else {
        return Err("usage: nested URL CALLS".into());
    };
    let calls: u32 = calls.parse()?;
    let db = Database::connect(url).await?;
    println!("| organizations | one statement | two, joined | two, one after the other |");
    println!("|---|---|---|---|");
    for count in [0, 1, 10, 100] {
        let tx = db.begin().await?;
        measure(&tx, count, calls).await?;
    }
    Ok(())
}

async fn measure(tx: &Transaction, count: u32, calls: u32) -> Result<(), database::Error> {
    let new = CreateUser {
        email: "nested@example.com",
        name: Some("Ann"),
    };
    let user_id = users::create_user(tx, new).await?.id;
    for number in 0..count {
        let name = format!("organization {number}");
        let new = CreateOrganization {
            name: &name,
            domain: None,
            domains: None,
        };
        let organization_id = organizations::create_organization(tx, new).await?.id;
        let member = AddMember {
            user_id,
            organization_id,
            role: UserOrganizationRole::Querier,
            added_by: user_id,
        };
        organizations::add_member(tx, member).await?;
    }
    let get = GetUser {
        user_id,
        include_deleted: false,
    };
    let mut spent = [Duration::ZERO; 3];
    // The first turn prepares the statements.
    for turn in 0..=calls {
        let start = Instant::now();
        let one = users::get_user_with_organizations(tx, user_id).await?;
        let first = start.elapsed();

        let start = Instant::now();
        let joined = tokio::try_join!(
            users::get_user(tx, get),
            users::get_user_organizations(tx, user_id)
        )?;
        let second = start.elapsed();

        let start = Instant::now();
        let user = users::get_user(tx, get).await?;
        let organizations = users::get_user_organizations(tx, user_id).await?;
        let third = start.elapsed();

        let found = one.map(|row| row.organizations);
        assert_eq!(found.as_ref(), Some(&joined.1));
        assert_eq!((joined.0, joined.1), (user, organizations));
        if turn > 0 {
            for (sum, time) in spent.iter_mut().zip([first, second, third]) {
                *sum += time;
            }
        }
    }
    let [one, joined, apart] = spent.map(|sum| (sum / calls.max(1)).as_micros());
    println!("| {count} | {one} | {joined} | {apart} |");
    Ok(())
}
