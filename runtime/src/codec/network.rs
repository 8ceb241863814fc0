//! `inet`, as an address.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Parts, oid};
use crate::param::{EncodeError, Encoded, Param};
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::{Buffer, Type};

// `PGSQL_AF_INET` and `PGSQL_AF_INET6` of `src/include/utils/inet.h`.
const IPV4: u8 = 2;
const IPV6: u8 = 3;

impl SqlType for IpAddr {
    fn accepts(ty: Type<'_>) -> bool {
        ty.base().oid() == oid::INET
    }

    fn expected() -> Cow<'static, str> {
        Cow::Borrowed("inet")
    }
}

impl Column<'_> for IpAddr {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let [family, prefix, _is_cidr, length] = parts.array()?;
        let (address, bits) = match (family, length) {
            (IPV4, 4) => (Self::V4(Ipv4Addr::from(parts.array::<4>()?)), 32),
            (IPV6, 16) => (Self::V6(Ipv6Addr::from(parts.array::<16>()?)), 128),
            _ => return Err(DecodeError::new("is an address of an unknown family")),
        };
        parts.end()?;
        if prefix != bits {
            return Err(DecodeError::new(
                "is a network, not a single address: select host(…) or text(…) of it",
            ));
        }
        Ok(address)
    }
}

impl Value for IpAddr {
    type Ref<'r> = Self;
}

impl Param for IpAddr {
    fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        match self {
            Self::V4(address) => {
                out.put(&[IPV4, 32, 0, 4]);
                out.put(&address.octets());
            }
            Self::V6(address) => {
                out.put(&[IPV6, 128, 0, 16]);
                out.put(&address.octets());
            }
        }
        Ok(Encoded::Value)
    }
}
