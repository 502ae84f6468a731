//! Keyed hashes: equal within a tenant, unlinkable across tenants and scopes.
//!
//! HMAC-SHA-256 (RFC 2104, FIPS 198-1) of a purpose and a value, under a key that is derived for
//! one tenant. Without the key, not even a value with few possibilities can be found by trying.

use std::fmt;
use std::iter;

use aes::Aes256;
use aws_lc_rs::hmac;
use fpe::ff1::FF1;
use zeroize::Zeroizing;

use crate::number::IntSize;
use crate::text::cut;

/// The keys of one tenant in one scope.
pub struct TenantKey {
    mac: hmac::Key,
    /// Decimal digits; `None` never, since FF1 refuses a radix but not this one.
    pub(crate) ff1: Option<FF1<Aes256>>,
}

impl TenantKey {
    /// Derives the keys of a tenant from the master key, which must be 32 random bytes.
    ///
    /// `scope` keeps apart what must not be linked within a tenant, such as columns; equal scopes
    /// give columns whose hashes can be joined.
    pub fn derive(master: &[u8; 32], scope: &str, tenant: &str) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, master);
        let parts = [scope.as_bytes(), tenant.as_bytes()];
        let tenant_key = Zeroizing::new(mac(&master, "ward-mask tenant key 1", &parts));
        let mac_key = hmac::Key::new(hmac::HMAC_SHA256, tenant_key.as_slice());
        let ff1_key = Zeroizing::new(mac(&mac_key, "ff1 key", &[]));
        Self {
            ff1: FF1::new(ff1_key.as_slice(), 10).ok(),
            mac: mac_key,
        }
    }

    /// The HMAC of the parts for one purpose.
    pub(crate) fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac(&self.mac, purpose, parts)
    }
}

/// Says nothing of the keys.
impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TenantKey")
    }
}

/// HMAC of a purpose and parts. Each is preceded by its length in 8 bytes, so that no two lists
/// read the same.
fn mac(key: &hmac::Key, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        context.update(&length.to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    for (byte, tag) in bytes.iter_mut().zip(context.sign().as_ref()) {
        *byte = *tag;
    }
    bytes
}

/// The hash of a text, or of bytes that are shown as text: 64 hexadecimal digits, cut to
/// `max_chars` where the column has such a limit.
///
/// A hash that is cut to n digits is the same for two values with a chance of 16⁻ⁿ: expect such a
/// pair among 4ⁿ values, 65 536 for `varchar(8)`.
pub fn hash_text(key: &TenantKey, value: &[u8], max_chars: Option<u32>) -> String {
    let halves = |byte: u8| [byte >> 4, byte & 15];
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    let digits = hash_bytes(key, value)
        .into_iter()
        .flat_map(halves)
        .map(digit);
    cut(digits.collect(), max_chars)
}

/// The hash of bytes: 32 bytes.
pub fn hash_bytes(key: &TenantKey, value: &[u8]) -> [u8; 32] {
    key.mac("bytes", &[value])
}

/// The hash of a whole number: one from 0 to the largest of its type.
///
/// Two numbers have the same hash with a chance of 2⁻¹⁵, 2⁻³¹ or 2⁻⁶³: expect such a pair among 200
/// values of `smallint`, 50 000 of `integer` and 3·10⁹ of `bigint`. Equal numbers of different types
/// have different hashes, unless both are small.
pub fn hash_i64(key: &TenantKey, value: i64, size: IntSize) -> i64 {
    let bytes = key.mac("integer", &[&value.to_be_bytes()]);
    let start = bytes.first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(start) & size.max()
}

/// The hash of a UUID: a UUID of version 8, whose bits are free (RFC 9562 §5.8).
pub fn hash_uuid(key: &TenantKey, value: [u8; 16]) -> [u8; 16] {
    let hash = key.mac("uuid", &[&value]);
    let bits = u128::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
    let (version, variant) = (0xf << 76, 0b11 << 62);
    ((bits & !version & !variant) | (8 << 76) | (0b10 << 62)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn key() -> TenantKey {
        TenantKey::derive(&[7; 32], "public.person.name", "acme")
    }

    /// RFC 4231 §4.3 and §4.4.
    #[test]
    fn hmac_known_answers() {
        for (secret, data, tag) in [
            (
                b"Jefe".as_slice(),
                b"what do ya want for nothing?".as_slice(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
        ] {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            assert_eq!(hex(hmac::sign(&secret, data).as_ref()), tag);
        }
    }

    /// Computed with another implementation: masks must not change from release to release.
    #[test]
    fn hashes_stay_as_they_are() {
        assert_eq!(
            hash_text(&key(), b"Anna", None),
            "a8b19580f25f235d6272a67179f1dc23a0b9a4154d925be0ccc1340c73539c47"
        );
        assert_eq!(hash_i64(&key(), 42, IntSize::Int8), 8762848887213646418);
        assert_eq!(
            hex(&hash_uuid(&key(), [1; 16])),
            "65b50dc71be381d6a78e2f4a8cfc2d24"
        );
    }

    #[test]
    fn forms() {
        let key = key();
        assert_eq!(hash_text(&key, b"Anna", Some(8)).len(), 8);
        assert_eq!(hash_text(&key, b"", None).len(), 64);
        assert_eq!(
            hash_text(&key, b"Anna", None),
            hex(&hash_bytes(&key, b"Anna"))
        );
        let uuid = hash_uuid(&key, [0; 16]);
        assert_eq!((uuid[6] >> 4, uuid[8] >> 6), (8, 2));
        for value in [i64::MIN, -1, 0, 1, i64::MAX] {
            for size in [IntSize::Int2, IntSize::Int4, IntSize::Int8] {
                assert!((0..=size.max()).contains(&hash_i64(&key, value, size)));
            }
        }
    }

    #[test]
    fn every_part_of_the_derivation_counts() {
        let hash = |master, scope, tenant| {
            hash_bytes(&TenantKey::derive(&[master; 32], scope, tenant), b"x")
        };
        let own = hash(1, "ab", "c");
        for other in [
            hash(2, "ab", "c"),
            hash(1, "a", "bc"),
            hash(1, "ab", "d"),
            hash(1, "", "abc"),
            hash(1, "abc", ""),
        ] {
            assert_ne!(own, other);
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        assert_eq!(format!("{:?}", key()), "TenantKey");
    }
}
