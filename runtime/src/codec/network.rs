//! `inet`, as an address; `cidr` and `inet` with a mask, as [`Network`]; `macaddr` and `macaddr8`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{ParseError, Parts, fixed, oid, stands_for};
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
}

impl Column<'_> for IpAddr {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let network = Network::decode(raw)?;
        if network.prefix != network.bits() {
            return Err(DecodeError::new(
                "is a network, not a single address: tell sqlmill.toml that it is a `network`",
            ));
        }
        Ok(network.address)
    }
}

impl Value for IpAddr {
    type Ref<'r> = Self;
}

impl Param for IpAddr {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        Network::from(*self).encode(ty, out)
    }
}

/// A `cidr`, or an `inet` that may have a mask: `192.168.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The address. In a `cidr` its bits behind the prefix are zero.
    pub address: IpAddr,
    /// How many bits name the network.
    pub prefix: u8,
}

impl Network {
    /// How many bits such an address has.
    fn bits(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let whole = Self { address, prefix: 0 };
        Self {
            address,
            prefix: whole.bits(),
        }
    }
}

/// Always with the prefix, as PostgreSQL writes a `cidr`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const WRONG: ParseError = ParseError::new("is not an address or a network");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| WRONG)?)),
            None => (text, None),
        };
        let whole = Self::from(address.parse::<IpAddr>().map_err(|_| WRONG)?);
        match prefix {
            None => Ok(whole),
            Some(prefix) if prefix <= whole.prefix => Ok(Self { prefix, ..whole }),
            Some(_) => Err(WRONG),
        }
    }
}

stands_for! { Network, |ty| matches!(ty.oid(), oid::INET | oid::CIDR) }

impl Column<'_> for Network {
    fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts(raw);
        let [family, prefix, _is_cidr, length] = parts.array()?;
        let address = match (family, length) {
            (IPV4, 4) => IpAddr::V4(Ipv4Addr::from(parts.array::<4>()?)),
            (IPV6, 16) => IpAddr::V6(Ipv6Addr::from(parts.array::<16>()?)),
            _ => return Err(DecodeError::new("is an address of an unknown family")),
        };
        parts.end()?;
        let network = Self { address, prefix };
        if prefix > network.bits() {
            return Err(DecodeError::new(
                "has a longer prefix than an address has bits",
            ));
        }
        Ok(network)
    }
}

impl Param for Network {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        if self.prefix > self.bits() {
            return Err(EncodeError::new(
                "has a longer prefix than its address has bits",
            ));
        }
        let is_cidr = u8::from(ty.base().oid() == oid::CIDR);
        match self.address {
            IpAddr::V4(address) => {
                out.put(&[IPV4, self.prefix, is_cidr, 4]);
                out.put(&address.octets());
            }
            IpAddr::V6(address) => {
                out.put(&[IPV6, self.prefix, is_cidr, 16]);
                out.put(&address.octets());
            }
        }
        Ok(Encoded::Value)
    }
}

macro_rules! hardware_address {
    ($name:ident, $bytes:literal, $sql:literal, $oid:ident, $example:literal) => {
        #[doc = concat!("A `", $sql, "`: `", $example, "`.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (index, byte) in self.0.iter().enumerate() {
                    let colon = if index == 0 { "" } else { ":" };
                    write!(f, "{colon}{byte:02x}")?;
                }
                Ok(())
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                const WRONG: ParseError = ParseError::new(concat!("is not of the form ", $example));
                let mut bytes = [0; $bytes];
                let mut pairs = text.split([':', '-']);
                for byte in &mut bytes {
                    let is_byte = |pair: &&str| {
                        pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit())
                    };
                    let pair = pairs.next().filter(is_byte).ok_or(WRONG)?;
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
                }
                match pairs.next() {
                    None => Ok(Self(bytes)),
                    Some(_) => Err(WRONG),
                }
            }
        }

        stands_for! { $name, |ty| ty.oid() == oid::$oid }

        impl Column<'_> for $name {
            fn decode(raw: &[u8]) -> Result<Self, DecodeError> {
                fixed(raw).map(Self)
            }
        }

        impl Param for $name {
            fn encode(&self, _: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
                out.put(&self.0);
                Ok(Encoded::Value)
            }
        }
    };
}

hardware_address! { MacAddr, 6, "macaddr", MACADDR, "08:00:2b:01:02:03" }
hardware_address! { MacAddr8, 8, "macaddr8", MACADDR8, "08:00:2b:01:02:03:04:05" }
