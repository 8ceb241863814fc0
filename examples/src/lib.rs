//! A small service: people sign up, are looked up, and are listed. All it knows of the database is the crate `database`: there is
//! no SQL and no driver here.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use database::organizations::{self, AddMember, CreateOrganization, CreateOrganizationConstraint};
use database::types::{UserOrganizationRole, Uuid};
use database::users::{self, CreateUser, CreateUserConstraint, GetUser};
use database::{Database, Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// The service over a database.
pub fn router(db: Database) -> Router {
    Router::new()
        .route("/users", get(list_users).post(sign_up))
        .route("/users/{id}", get(get_user))
        .with_state(db)
}

#[derive(Debug, Deserialize)]
struct SignUp {
    email: String,
    name: Option<String>,
    organization: String,
}

#[derive(Debug, Serialize)]
struct SignedUp {
    user_id: String,
    organization_id: String,
}

// README: sign up
/// A user, an organization and the membership, or none of them.
async fn sign_up(
    State(db): State<Database>,
    Json(new): Json<SignUp>,
) -> Result<(StatusCode, Json<SignedUp>), Complaint> {
    let member = db
        .transaction(|tx| async move {
            let user = CreateUser {
                email: &new.email,
                name: new.name.as_deref(),
            };
            let user = users::create_user(&tx, user).await?;
            let organization = CreateOrganization {
                name: &new.organization,
                domain: None,
                domains: None,
            };
            let organization = organizations::create_organization(&tx, organization).await?;
            let member = AddMember {
                user_id: user.id,
                organization_id: organization.id,
                role: UserOrganizationRole::WorkspaceAdmin,
                added_by: user.id,
            };
            organizations::add_member(&tx, member).await
        })
        .await?;
    let made = SignedUp {
        user_id: member.user_id.to_string(),
        organization_id: member.organization_id.to_string(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}
// end

#[derive(Debug, Serialize)]
struct Person {
    id: String,
    email: String,
    name: Option<String>,
}

async fn get_user(
    State(db): State<Database>,
    Path(id): Path<String>,
) -> Result<Json<Person>, Complaint> {
    let user_id: Uuid = id.parse().map_err(|_| Complaint::NoId)?;
    let params = GetUser {
        user_id,
        include_deleted: false,
    };
    let user = users::get_user(&db, params).one().await?;
    Ok(Json(Person {
        id: user.id.to_string(),
        email: user.email,
        name: user.name,
    }))
}

#[derive(Debug, Deserialize)]
struct Page {
    page: Option<i64>,
}

#[derive(Debug, Serialize)]
struct People {
    total: i64,
    items: Vec<Person>,
}

async fn list_users(
    State(db): State<Database>,
    Query(query): Query<Page>,
) -> Result<Json<People>, Complaint> {
    let page = users::list_users(&db).page(query.page, 20).await?;
    let items = page
        .items
        .into_iter()
        .map(|user| Person {
            id: user.id.to_string(),
            email: user.email,
            name: user.name,
        })
        .collect();
    Ok(Json(People {
        total: page.total,
        items,
    }))
}

/// Why a request was not served.
#[derive(Debug)]
enum Complaint {
    NoId,
    Database(Error),
}

impl From<Error> for Complaint {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

// README: complaints
impl IntoResponse for Complaint {
    fn into_response(self) -> Response {
        let error = match self {
            Self::NoId => {
                return (StatusCode::UNPROCESSABLE_ENTITY, "this is no id").into_response();
            }
            Self::Database(error) => error,
        };
        let (status, message) = match error.kind() {
            ErrorKind::NotFound => (
                StatusCode::NOT_FOUND,
                "nobody is known by this id".to_owned(),
            ),
            ErrorKind::Constraint => (StatusCode::CONFLICT, conflict(&error).to_owned()),
            ErrorKind::InvalidInput => (StatusCode::UNPROCESSABLE_ENTITY, faults(&error)),
            ErrorKind::PoolExhausted | ErrorKind::Connect | ErrorKind::ConnectionLost => (
                StatusCode::SERVICE_UNAVAILABLE,
                "try again later".to_owned(),
            ),
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "that went wrong here".to_owned(),
            ),
        };
        (status, message).into_response()
    }
}

/// What stands in the way. The compiler knows the constraints of each query by name.
fn conflict(error: &Error) -> &'static str {
    if error.violates(CreateUserConstraint::UsersEmailKey) {
        "this address has an account"
    } else if error.violates(CreateOrganizationConstraint::OrganizationsNameKey) {
        "an organization has this name"
    } else {
        "this contradicts what is there"
    }
}

/// All that is wrong with what was sent, in the words of the schema's comments.
fn faults(error: &Error) -> String {
    let faults = error.faults().iter();
    let lines: Vec<String> = faults
        .map(|fault| format!("{}: {}", fault.field(), fault.message()))
        .collect();
    lines.join("\n")
}
// end
