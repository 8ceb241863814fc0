//! Numbers of built-in types, the same on every server.

use super::Oid;

pub const BOOL: Oid = 16;
pub const INT8: Oid = 20;
pub const INT2: Oid = 21;
pub const INT4: Oid = 23;
pub const TEXT: Oid = 25;
pub const JSON: Oid = 114;
pub const FLOAT4: Oid = 700;
pub const FLOAT8: Oid = 701;
pub const UNKNOWN: Oid = 705;
pub const VARCHAR: Oid = 1043;
pub const DATE: Oid = 1082;
pub const TIME: Oid = 1083;
pub const TIMESTAMP: Oid = 1114;
pub const TIMESTAMPTZ: Oid = 1184;
pub const INTERVAL: Oid = 1186;
pub const NUMERIC: Oid = 1700;
pub const RECORD: Oid = 2249;
pub const INTERNAL: Oid = 2281;
pub const TSVECTOR: Oid = 3614;
pub const JSONB: Oid = 3802;
pub const ANYMULTIRANGE: Oid = 4537;

/// Objects below it were made by initdb (`FirstNormalObjectId` in `access/transam.h`).
pub const FIRST_OF_AUTHORS: Oid = 16_384;
