//! A small front desk: people sign up, invite each other, and leave. All it knows of the database is the crate
//! `database`; there is no SQL and no driver here.
//!
//! ```text
//! cargo xtask db start
//! export DATABASE_URL=$(cargo xtask db url)
//! cargo run -p example -- sign-up ada@acme.com Ada Acme
//! cargo run -p example -- users
//! ```

use std::process::ExitCode;

use database::types::{UserOrganizationRole, UserOrganizationStatus, Uuid};
use database::{Database, Error, organizations, users};

const HELP: &str = "\
usage: example sign-up EMAIL NAME ORGANIZATION
       example invite ORGANIZATION-ID EMAIL
       example who EMAIL
       example users [PAGE]
       example close EMAIL

The database is the one that DATABASE_URL names.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Ok(url) = std::env::var("DATABASE_URL") else {
        eprintln!("DATABASE_URL is not set\n\n{HELP}");
        return ExitCode::FAILURE;
    };
    match serve(&url, &arguments).await {
        Ok(answer) => {
            println!("{answer}");
            ExitCode::SUCCESS
        }
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::FAILURE
        }
    }
}

/// Why a request was not served, for the person who made it.
#[derive(Debug)]
enum Complaint {
    Usage,
    Refused(&'static str),
    Database(Error),
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage => formatter.write_str(HELP),
            Self::Refused(reason) => formatter.write_str(reason),
            Self::Database(error) => error.fmt(formatter),
        }
    }
}

impl From<Error> for Complaint {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

async fn serve(url: &str, arguments: &[&str]) -> Result<String, Complaint> {
    let db = Database::connect(url).await?;
    match arguments {
        ["sign-up", email, name, organization] => sign_up(&db, email, name, organization).await,
        ["invite", organization, email] => {
            let organization = organization.parse().map_err(|_| Complaint::Usage)?;
            invite(&db, organization, email).await
        }
        ["who", email] => who(&db, email).await,
        ["users"] => list(&db, 1).await,
        ["users", page] => list(&db, page.parse().map_err(|_| Complaint::Usage)?).await,
        ["close", email] => close(&db, email).await,
        _ => Err(Complaint::Usage),
    }
}

/// A user, an organization and the membership, or none of them.
async fn sign_up(
    db: &Database,
    email: &str,
    name: &str,
    organization: &str,
) -> Result<String, Complaint> {
    let tx = db.begin().await?;
    let user = users::CreateUser {
        email,
        name: Some(name),
    };
    let user = users::create_user(&tx, user).await.map_err(|error| {
        if error.violates(users::CreateUserConstraint::UsersEmailKey) {
            Complaint::Refused("this address has an account")
        } else {
            error.into()
        }
    })?;
    let domain = email.split_once('@').map(|(_, domain)| domain);
    let organization = organizations::CreateOrganization {
        name: organization,
        domain,
        domains: None,
    };
    let organization = organizations::create_organization(&tx, organization)
        .await
        .map_err(|error| {
            if error.violates(organizations::CreateOrganizationConstraint::OrganizationsNameKey) {
                Complaint::Refused("an organization has this name")
            } else {
                error.into()
            }
        })?;
    let member = organizations::AddMember {
        user_id: user.id,
        organization_id: organization.id,
        role: UserOrganizationRole::WorkspaceAdmin,
        added_by: user.id,
    };
    organizations::add_member(&tx, member).await?;
    tx.commit().await?;
    Ok(format!(
        "{} administers {} ({})",
        user.email, organization.name, organization.id
    ))
}

async fn invite(db: &Database, organization_id: Uuid, email: &str) -> Result<String, Complaint> {
    let invitation = users::CreateUserWithMembership {
        email,
        name: None,
        organization_id,
        role: UserOrganizationRole::Querier,
        status: UserOrganizationStatus::Pending,
        invited_by: None,
    };
    use users::CreateUserWithMembershipConstraint::{
        UsersEmailKey, UsersToOrganizationsOrganizationIdFkey,
    };
    let made = users::create_user_with_membership(db, invitation)
        .await
        .map_err(|error| {
            if error.violates(UsersEmailKey) {
                Complaint::Refused("this address has an account")
            } else if error.violates(UsersToOrganizationsOrganizationIdFkey) {
                Complaint::Refused("there is no such organization")
            } else {
                error.into()
            }
        })?;
    Ok(format!("{} is invited", made.email))
}

async fn who(db: &Database, email: &str) -> Result<String, Complaint> {
    let Some(user) = users::get_user_by_email(db, email).await? else {
        return Err(Complaint::Refused("nobody has this address"));
    };
    let mut answer = format!(
        "{} <{}>",
        user.name.as_deref().unwrap_or("somebody"),
        user.email
    );
    for organization in users::get_user_organizations(db, user.id).await? {
        answer += &format!("\n{:?} of {}", organization.role, organization.name);
    }
    Ok(answer)
}

async fn list(db: &Database, page: i64) -> Result<String, Complaint> {
    let page_size = 20;
    // Both at once, on one connection or two.
    let (users, total) = tokio::try_join!(
        users::list_users_page(
            db,
            users::ListUsersPage {
                page_size,
                page: page.max(1)
            }
        ),
        users::count_users(db),
    )?;
    let mut answer = format!("{total} in all");
    for user in users {
        answer += &format!("\n{}  {}", user.email, user.name.as_deref().unwrap_or("-"));
    }
    Ok(answer)
}

async fn close(db: &Database, email: &str) -> Result<String, Complaint> {
    let Some(user) = users::get_user_by_email(db, email).await? else {
        return Err(Complaint::Refused("nobody has this address"));
    };
    users::delete_user(db, user.id).await?;
    Ok(format!("the account of {email} is closed"))
}
