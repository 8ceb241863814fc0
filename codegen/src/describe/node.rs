//! A reader of PostgreSQL's node text, the same for every version.
