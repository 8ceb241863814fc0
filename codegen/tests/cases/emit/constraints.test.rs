//! Each variant is the constraint that the server names.

use super::users::{self, Add, AddConstraint, RemoveConstraint};

#[tokio::test]
async fn violations_are_told_apart() {
    let db = crate::database::of("emit_constraints").await;
    let good = Add {
        id: 1,
        email: "a@b.c",
        org: 1,
        age: Some(1),
        name: "n",
        pet: 1,
    };
    let told = |params| {
        let db = db.clone();
        async move {
            users::add(&db, params)
                .await
                .unwrap_err()
                .constraint::<AddConstraint>()
        }
    };
    assert_eq!(
        told(Add {
            email: "none",
            ..good
        })
        .await,
        Some(AddConstraint::EmailCheck)
    );
    assert_eq!(
        told(Add {
            age: Some(0),
            ..good
        })
        .await,
        Some(AddConstraint::UsersPositive)
    );
    assert_eq!(told(good).await, Some(AddConstraint::UsersOrgFkey));
    users::add_org(&db, 1).await.unwrap();
    users::add(&db, good).await.unwrap();
    assert_eq!(told(good).await, Some(AddConstraint::UsersPkey));
    assert_eq!(
        told(Add { id: 2, ..good }).await,
        Some(AddConstraint::UsersEmailKey)
    );
    let error = users::remove(&db, 1).await.unwrap_err();
    assert!(error.violates(RemoveConstraint::PetsOwnerFkey));
}
