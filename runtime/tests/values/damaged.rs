//! What arrives may be anything: damaged bytes are an error or some value, never a panic, and never ask for more memory than
//! arrived.

use sqlmill_runtime::Column;
use sqlmill_runtime::types::{Array, Point, Range, TsQuery, TsVector};

use crate::generate::Generator;
use crate::readers::readers;

/// Bytes that look like what the server sends: counts, lengths, texts, and sometimes the ends of what they can be.
fn bytes(generator: &mut Generator) -> Vec<u8> {
    const COUNTS: [i32; 10] = [0, 1, 2, 3, -1, 23, 25, i32::MAX, i32::MIN, 0x00FF_FFFF];
    let mut bytes = Vec::new();
    for _ in 0..generator.below(9) {
        match generator.below(6) {
            0 | 1 => {
                let count = COUNTS[generator.below(10) as usize];
                bytes.extend(count.to_be_bytes());
            }
            2 => bytes.extend((generator.below(5) as i16 - 1).to_be_bytes()),
            3 => bytes.extend(generator.text().as_bytes()),
            4 => bytes.push(generator.below(8) as u8),
            _ => bytes.extend(generator.bytes()),
        }
    }
    bytes
}

#[test]
fn damaged_bytes_are_errors() {
    let generator = &mut Generator::new("damaged");
    let decoders = readers();
    let mut read = vec![0_u32; decoders.len()];
    for _ in 0..20_000 {
        let bytes = bytes(generator);
        for ((_, decode), read) in decoders.iter().zip(&mut read) {
            *read += u32::from(decode(&bytes));
        }
    }
    // It is not all turned away at the door: most types read some of it.
    let some = read.iter().filter(|read| **read > 0).count();
    assert!(some > 40, "{read:?}");
}

/// An honest value, cut off or with one byte changed.
#[test]
fn values_that_were_cut_off_are_errors() {
    let point = [1.5_f64, 2.0].map(f64::to_be_bytes).concat();
    assert!(Point::decode(&point).is_ok());
    // One dimension, no NULLs, of int4: two elements.
    let list: Vec<u8> = [1, 0, 23, 2, 1, 4, 7, 4, 8]
        .into_iter()
        .flat_map(i32::to_be_bytes)
        .collect();
    assert_eq!(Vec::<i32>::decode(&list).unwrap(), [7, 8]);
    assert_eq!(Array::<i32>::decode(&list).unwrap().elements(), [7, 8]);
    let vector = b"\0\0\0\x01cat\0\0\x01\xc0\x02";
    assert_eq!(TsVector::decode(vector).unwrap().to_string(), "'cat':2A");
    let query = b"\0\0\0\x02\x02\x01\x01\0\0cat\0";
    assert_eq!(TsQuery::decode(query).unwrap().to_string(), "!'cat'");
    let range = b"\x02\0\0\0\x04\0\0\0\x01\0\0\0\x04\0\0\0\x05";
    assert_eq!(Range::<i32>::decode(range).unwrap().to_string(), "[1,5)");
    // A row that says it has a negative number of fields.
    assert!(<(i32,)>::decode(&i32::MIN.to_be_bytes()).is_err());
    for cut in 0..list.len() {
        assert!(Vec::<i32>::decode(&list[..cut]).is_err(), "{cut}");
        assert!(Array::<i32>::decode(&list[..cut]).is_err(), "{cut}");
    }
    for cut in 0..vector.len() {
        assert!(TsVector::decode(&vector[..cut]).is_err(), "{cut}");
    }
    for cut in 0..query.len() {
        assert!(TsQuery::decode(&query[..cut]).is_err(), "{cut}");
    }
    for cut in 0..range.len() {
        assert!(Range::<i32>::decode(&range[..cut]).is_err(), "{cut}");
    }
    for honest in [&list[..], vector, query, range, &point] {
        for at in 0..honest.len() {
            for bit in 0..8 {
                let mut damaged = honest.to_vec();
                damaged[at] ^= 1 << bit;
                for (_, decode) in readers() {
                    decode(&damaged);
                }
            }
        }
    }
}
