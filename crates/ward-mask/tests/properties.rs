//! Masked values as properties: total, deterministic, within the column, and telling no more than
//! they should.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use proptest::prelude::*;
use ward_mask::*;

static ACME: LazyLock<TenantKey> = LazyLock::new(|| TenantKey::derive(&[7; 32], "t.c", "acme"));
static OTHER: LazyLock<TenantKey> = LazyLock::new(|| TenantKey::derive(&[7; 32], "t.c", "other"));

fn size() -> impl Strategy<Value = IntSize> {
    prop::sample::select(vec![IntSize::Int2, IntSize::Int4, IntSize::Int8])
}

fn sized() -> impl Strategy<Value = (i64, IntSize)> {
    size().prop_flat_map(|size| (size.min()..=size.max(), Just(size)))
}

fn field() -> impl Strategy<Value = Field> {
    prop::sample::select(vec![Field::Year, Field::Month, Field::Day])
}

fn shape(text: &str) -> String {
    let shape = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c });
    shape.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The value's own characters in the result are at most three quarters of it, and only from
    /// its ends: without a pad, they are a part of the value with a gap.
    #[test]
    fn partial_hides(value in ".{0,30}", prefix in 0..20usize, suffix in 0..20usize) {
        let length = value.chars().count();
        let result = partial(&value, prefix, "", suffix, None);
        let shown = result.chars().count();
        prop_assert!(shown == 0 || shown == prefix + suffix);
        prop_assert!(shown == 0 || shown < length);
        prop_assert!((length - shown) * 3 >= shown);
        let ends = value.chars().take(prefix).chain(value.chars().skip(length - suffix.min(length)));
        prop_assert!(shown == 0 || result == ends.collect::<String>());
    }

    /// Two values with the same ends look the same: neither the middle nor its length is told.
    #[test]
    fn partial_tells_only_the_ends(
        start in ".{0,8}", end in ".{0,8}", one in ".{6,20}", two in ".{6,20}",
    ) {
        let mask = |middle: &str| {
            let value = [&start, middle, &end].concat();
            partial(&value, start.chars().count(), "*", end.chars().count(), None)
        };
        prop_assert_eq!(mask(&one), mask(&two));
    }

    #[test]
    fn text_is_total_and_fits(
        value in ".{0,40}", prefix in any::<usize>(), suffix in any::<usize>(), pad in ".{0,9}",
        limit in 0..20u32,
    ) {
        for (prefix, suffix) in [(prefix, suffix), (prefix % 9, suffix % 9)] {
            let result = partial(&value, prefix, &pad, suffix, Some(limit));
            prop_assert!(result.chars().count() <= limit as usize);
        }
        prop_assert!(email(&value, Some(limit)).chars().count() <= limit as usize);
        prop_assert!(hash_text(&ACME, value.as_bytes(), Some(limit)).len() <= limit as usize);
    }

    #[test]
    fn an_address_tells_two_things(
        local in "[a-z.+]{1,20}", rest in "[a-z.+]{0,20}", domain in "[a-z0-9.-]{1,20}",
        tld in "[a-z]{2,24}",
    ) {
        let mask = |local: &str, domain: &str| email(&format!("{local}@{domain}.{tld}"), None);
        let first = &local[..1];
        let result = mask(&local, &domain);
        prop_assert_eq!(&result, &format!("{first}***@***.{tld}"));
        prop_assert_eq!(result, mask(&format!("{first}{rest}"), "example"));
    }

    #[test]
    fn email_is_total(value in "[a@. é\\n]{0,12}") {
        let result = email(&value, None);
        prop_assert!(result == "***" || result.contains("***@***."));
    }

    #[test]
    fn hashes_link_within_a_tenant_only(value in prop::collection::vec(any::<u8>(), 0..99)) {
        let same = TenantKey::derive(&[7; 32], "t.c", "acme");
        prop_assert_eq!(hash_bytes(&ACME, &value), hash_bytes(&same, &value));
        prop_assert_ne!(hash_bytes(&ACME, &value), hash_bytes(&OTHER, &value));
    }

    #[test]
    fn numbers_and_uuids_are_hashed_alike((value, size) in sized(), uuid in any::<[u8; 16]>()) {
        let hash = hash_i64(&ACME, value, size);
        prop_assert!((0..=size.max()).contains(&hash));
        prop_assert_eq!(hash, hash_i64(&ACME, value, size));
        prop_assert_ne!(
            hash_i64(&ACME, value, IntSize::Int8),
            hash_i64(&OTHER, value, IntSize::Int8)
        );
        prop_assert_ne!(hash_uuid(&ACME, uuid), hash_uuid(&OTHER, uuid));
        prop_assert_ne!(hash_uuid(&ACME, uuid), uuid);
    }

    #[test]
    fn tokens_keep_the_form(value in "[0-9a-f ٣９-]{0,30}|.{0,30}") {
        let token = tokenise(&ACME, &value);
        prop_assert_eq!(token.chars().count(), value.chars().count());
        prop_assert_eq!(&token, &tokenise(&ACME, &value));
        for (before, after) in value.chars().zip(token.chars()) {
            prop_assert!(before == after || before.is_numeric() && after.is_numeric());
        }
    }

    #[test]
    fn tokens_of_six_digits_and_more_are_never_shared(
        one in "[0-9]{6,9}", two in "[0-9]{6,9}", around in "[a-z -]{0,3}",
    ) {
        let value = |digits: &str| format!("{around}{digits}");
        let tokens = [tokenise(&ACME, &value(&one)), tokenise(&ACME, &value(&two))];
        prop_assert_eq!(one == two, tokens[0] == tokens[1]);
        prop_assert_eq!(shape(&value(&one)), shape(&tokens[0]));
    }

    #[test]
    fn tokens_do_not_link_tenants(value in "[0-9]{16}") {
        prop_assert_ne!(tokenise(&ACME, &value), tokenise(&OTHER, &value));
    }

    #[test]
    fn whole_numbers_become_multiples(
        (value, size) in sized(), places in -20..0i32, width in 1..i64::MAX,
    ) {
        let unit = 10i128.pow(places.unsigned_abs());
        let rounded = round_i64(value, places, size);
        prop_assert!((size.min()..=size.max()).contains(&rounded));
        prop_assert_eq!(i128::from(rounded) % unit, 0);
        prop_assert!((i128::from(value) - i128::from(rounded)).abs() < unit);
        let bucket = bucket_i64(value, width, size);
        prop_assert!((size.min()..=size.max()).contains(&bucket));
        prop_assert_eq!(bucket % width, 0);
        prop_assert!((i128::from(value) - i128::from(bucket)).abs() < i128::from(width));
    }

    #[test]
    fn whole_numbers_are_total(
        value in any::<i64>(), places in any::<i32>(), width in any::<i64>(), size in size(),
    ) {
        let bucket = bucket_i64(value, width, size);
        prop_assert!((size.min()..=size.max()).contains(&bucket));
        let rounded = round_i64(value, places.saturating_abs().saturating_neg(), size);
        prop_assert!(places == 0 || (size.min()..=size.max()).contains(&rounded));
    }

    #[test]
    fn floating_point_numbers_are_total(
        value in any::<f64>(), places in any::<i32>(), width in any::<f64>(), few in -30..=30i32,
    ) {
        for result in [
            round_f64(value, places), round_f64(value, few), bucket_f64(value, width),
        ] {
            prop_assert_eq!(result.is_nan(), value.is_nan());
            prop_assert_eq!(result.is_infinite(), value.is_infinite());
            prop_assert!(result != 0.0 || result.is_sign_positive());
        }
    }

    #[test]
    fn buckets_of_ordinary_numbers(value in -1e9..1e9f64, width in 1e-3..1e6f64) {
        let bucket = bucket_f64(value, width);
        prop_assert!((-1e-3..1.001).contains(&((value - bucket) / width)));
        // Both ends of a bucket look the same.
        prop_assert_eq!(bucket_f64(bucket + width * 0.25, width), bucket_f64(bucket + width * 0.75, width));
    }

    #[test]
    fn dates_go_back_to_their_start(days in any::<i32>(), field in field()) {
        let start = truncate_date(days, field);
        prop_assert_eq!(truncate_date(start, field), start);
        if (-2_451_545..i32::MAX).contains(&days) {
            let most = match field { Field::Year => 365, Field::Month => 30, Field::Day => 0 };
            prop_assert!((0..=most).contains(&(days - start)));
        }
    }

    #[test]
    fn times_go_back_to_the_start_of_their_date(micros in any::<i64>(), field in field()) {
        let start = truncate_timestamp(micros, field);
        prop_assert_eq!(truncate_timestamp(start, field), start);
        let day = 86_400_000_000;
        let first = -2_451_545 * day;
        if micros >= first {
            let days = i32::try_from(micros.div_euclid(day)).unwrap();
            prop_assert_eq!(start, i64::from(truncate_date(days, field)) * day);
        } else {
            prop_assert!(start == first || micros == i64::MIN);
        }
    }

    #[test]
    fn addresses_of_one_network_look_the_same(
        one in any::<[u8; 16]>(), two in any::<[u8; 16]>(), length in any::<u8>(), v6 in any::<u8>(),
    ) {
        let bits = length.min(v6).min(128);
        let keep = !u128::MAX.checked_shr(bits.into()).unwrap_or(0);
        let mixed = (u128::from_be_bytes(one) & keep) | (u128::from_be_bytes(two) & !keep);
        let mask = |bytes| ip_prefix(Address::V6(bytes), length, 24, v6);
        prop_assert_eq!(mask(one), mask(mixed.to_be_bytes()));
        prop_assert_eq!(mask(one).1, bits);
        let v4 = |bytes: [u8; 16]| {
            let bytes = bytes.first_chunk::<4>().copied().unwrap();
            ip_prefix(Address::V4(bytes), length, v6, 0)
        };
        prop_assert_eq!(v4(one).1, length.min(v6).min(32));
        prop_assert_eq!(v4(one), match v4(one).0 {
            Address::V4(kept) => ip_prefix(Address::V4(kept), length, v6, 0),
            other => (other, 0),
        });
    }
}
