//! Network addresses that keep their first bits.

/// An address in network byte order.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// IPv4.
    V4([u8; 4]),
    /// IPv6.
    V6([u8; 16]),
}

/// The network of the first `v4` or `v6` bits of an address, and the length of its prefix.
///
/// `length` is the prefix length of the value, as in `10.1.0.0/16`; the result's is the smaller of
/// the two, and all bits behind it are zero, as `cidr` wants it. No length is more than the bits
/// of the address.
pub fn ip_prefix(address: Address, length: u8, v4: u8, v6: u8) -> (Address, u8) {
    match address {
        Address::V4(bytes) => {
            let length = length.min(v4).min(32);
            let kept =
                u32::from_be_bytes(bytes) & !u32::MAX.checked_shr(length.into()).unwrap_or(0);
            (Address::V4(kept.to_be_bytes()), length)
        }
        Address::V6(bytes) => {
            let length = length.min(v6).min(128);
            let kept =
                u128::from_be_bytes(bytes) & !u128::MAX.checked_shr(length.into()).unwrap_or(0);
            (Address::V6(kept.to_be_bytes()), length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_4() {
        let mask = |length, v4| ip_prefix(Address::V4([192, 168, 77, 5]), length, v4, 128);
        assert_eq!(mask(32, 24), (Address::V4([192, 168, 77, 0]), 24));
        assert_eq!(mask(32, 20), (Address::V4([192, 168, 64, 0]), 20));
        assert_eq!(mask(16, 24), (Address::V4([192, 168, 0, 0]), 16));
        assert_eq!(mask(32, 0), (Address::V4([0; 4]), 0));
        assert_eq!(mask(255, 255), (Address::V4([192, 168, 77, 5]), 32));
    }

    #[test]
    fn version_6() {
        let address = Address::V6(*b"\x20\x01\x0d\xb8abcdefghijkl");
        let mask = |length, v6| ip_prefix(address, length, 32, v6);
        let first = |bytes: &[u8]| {
            let mut all = [0; 16];
            all[..bytes.len()].copy_from_slice(bytes);
            Address::V6(all)
        };
        assert_eq!(mask(128, 48), (first(b"\x20\x01\x0d\xb8ab"), 48));
        assert_eq!(mask(32, 48), (first(b"\x20\x01\x0d\xb8"), 32));
        assert_eq!(mask(128, 3), (first(b"\x20"), 3));
        assert_eq!(mask(0, 48), (first(b""), 0));
        assert_eq!(mask(255, 255), (address, 128));
    }
}
