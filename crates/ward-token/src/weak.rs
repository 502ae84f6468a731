//! RSA keys that must not be trusted: too short, too long, or with a known weakness.

/// What is wrong with the public numbers `n` and `e`, given big-endian without leading zeros.
pub(crate) fn weakness(n: &[u8], e: &[u8]) -> Option<&'static str> {
    let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if bits < 2048 {
        return Some("is an RSA key of less than 2048 bits");
    }
    if bits > 8192 {
        return Some("is an RSA key of more than 8192 bits");
    }
    if n.last().is_some_and(|byte| byte % 2 == 0) {
        return Some("is an RSA key with an even modulus");
    }
    if !is_sound_exponent(e) {
        return Some("is an RSA key with an exponent that is not odd and from 65537 to 2^32");
    }
    if has_roca_structure(n) {
        return Some("is an RSA key that can be factored (CVE-2017-15361); have it replaced");
    }
    None
}

/// FIPS 186-5 §5.1 asks for an odd exponent above 2^16. One of more than 32 bits only costs time.
fn is_sound_exponent(e: &[u8]) -> bool {
    let value = e.iter().try_fold(0_u32, |sum, byte| {
        sum.checked_mul(256).map(|sum| sum | u32::from(*byte))
    });
    value.is_some_and(|e| e > 65536 && e % 2 == 1)
}

/// Keys from certain smart cards and TPMs have primes of the form `k·M + 65537^a mod M`, where `M`
/// is a product of small primes (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017).
/// So their modulus is a power of 65537 modulo each small prime. Of other keys fewer than one in
/// a hundred million look like that.
fn has_roca_structure(n: &[u8]) -> bool {
    let is_prime = |p: &u64| (2..*p).all(|divisor| !p.is_multiple_of(divisor));
    (3..=167).filter(is_prime).all(|prime| {
        let residue = n
            .iter()
            .fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % prime);
        let mut power = 1;
        (0..prime).any(|_| {
            power = power * 65537 % prime;
            power == residue
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 65537 to this power: 2049 bits or more from the 128th on.
    fn power(exponent: usize) -> Vec<u8> {
        let times_65537 = |digits: Vec<u8>| {
            let shifted = [digits.clone(), vec![0, 0]].concat();
            let mut sum = [vec![0], shifted].concat();
            let mut carry = 0;
            for (place, digit) in sum.iter_mut().rev().enumerate() {
                let addend = digits.iter().rev().nth(place).copied().unwrap_or(0);
                let total = u16::from(*digit) + u16::from(addend) + carry;
                (*digit, carry) = ((total % 256) as u8, total / 256);
            }
            sum.into_iter().skip_while(|digit| *digit == 0).collect()
        };
        (0..exponent).fold(vec![1], |digits, _| times_65537(digits))
    }

    #[test]
    fn factorable_keys_are_found() {
        assert_eq!(power(2), 4_295_098_369_u64.to_be_bytes()[3..]);
        let e = [1, 0, 1];
        let factorable =
            Some("is an RSA key that can be factored (CVE-2017-15361); have it replaced");
        for exponent in [128, 129, 200, 500] {
            assert_eq!(weakness(&power(exponent), &e), factorable);
            // The next odd number is no power of 65537.
            let mut other = power(exponent);
            *other.last_mut().unwrap() ^= 2;
            assert_eq!(weakness(&other, &e), None);
        }
        assert_eq!(
            weakness(&power(127), &e),
            Some("is an RSA key of less than 2048 bits")
        );
    }

    #[test]
    fn even_moduli_are_refused() {
        let n = [vec![0xff; 255], vec![0xfe]].concat();
        assert_eq!(
            weakness(&n, &[1, 0, 1]),
            Some("is an RSA key with an even modulus")
        );
    }
}
