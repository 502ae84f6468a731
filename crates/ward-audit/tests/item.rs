//! Items, records and entries are read back as they were written, and only so.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::option;
use proptest::prelude::*;
use ward_audit::{
    Block, BlockId, Change, Entry, Event, Forged, Frame, Item, Kind, MAX_BODY, MacKey, Outcome,
    Stage, Touched,
};

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(".{0,20}", 0..4)
}

fn ids() -> impl Strategy<Value = Option<BlockId>> {
    option::of(any::<[u8; 16]>().prop_map(BlockId))
}

fn changes() -> impl Strategy<Value = Option<Change>> {
    let text = ".{0,9}";
    let change = (
        text,
        text,
        text,
        texts(),
        option::of(text),
        option::of(text),
    );
    option::of(
        change.prop_map(|(relation, operation, key, columns, old, new)| Change {
            relation,
            operation,
            key,
            columns,
            old,
            new,
        }),
    )
}

fn events() -> impl Strategy<Value = Item> {
    let text = || option::of(".{0,30}");
    let number = || option::of(any::<u64>());
    let what = (
        any::<i64>(),
        prop::sample::select(Kind::ALL),
        prop::sample::select(Outcome::ALL),
        option::of(prop::sample::select(Stage::ALL)),
        any::<bool>(),
    );
    let who = (ids(), ids(), ids(), ids(), text(), text(), text(), text());
    let more = (
        text(),
        text(),
        text(),
        number(),
        number(),
        number(),
        texts(),
        changes(),
    );
    let last = (number(), number(), number());
    (what, who, more, last).prop_map(|(what, who, more, last)| {
        Item::Event(Event {
            at: what.0,
            kind: what.1,
            outcome: what.2,
            stage: what.3,
            user_origin: what.4,
            session: who.0,
            identity: who.1,
            text: who.2,
            relations: who.3,
            role: who.4,
            statement: who.5,
            code: who.6,
            sqlstate: who.7,
            message: more.0,
            detail: more.1,
            database: more.2,
            rows: more.3,
            labels: more.4,
            k: more.5,
            keys: more.6,
            change: more.7,
            policy_version: last.0,
            xid: last.1,
            first_seq: last.2,
        })
    })
}

fn blocks() -> impl Strategy<Value = Item> {
    let text = ".{0,20}";
    let session = (
        any::<u32>(),
        any::<u32>(),
        text,
        text,
        option::of(text),
        option::of(any::<u16>()),
        any::<i64>(),
    );
    let session = session.prop_map(|s| Block::Session {
        pid: s.0,
        database_oid: s.1,
        database: s.2,
        role: s.3,
        client_address: s.4.clone(),
        client_port: s.5,
        application: s.4,
        started: s.6,
    });
    let identity = (
        text,
        texts(),
        any::<u64>(),
        option::of(text),
        any::<[u8; 32]>(),
        texts(),
        any::<i64>(),
    );
    let identity = identity.prop_map(|i| Block::Identity {
        issuer: i.0.clone(),
        subject: i.0,
        kind: "human".to_owned(),
        tenants: i.1,
        clearance: i.2,
        token_id: i.3.clone(),
        token_hash: i.4,
        sid: i.3.clone(),
        actors: i.5,
        on_behalf_of: i.3,
        expires_at: i.6,
    });
    let touched = (any::<u32>(), text, texts(), texts(), texts());
    let touched = touched.prop_map(|(oid, name, actions, read, written)| Touched {
        oid,
        name,
        actions,
        read,
        written,
    });
    let relations = prop::collection::vec(touched, 0..4);
    let relations = relations.prop_map(|relations| Block::Relations { relations });
    let block = prop_oneof![
        session,
        identity,
        relations,
        text.prop_map(|text| Block::text(&text))
    ];
    block.prop_map(Item::Block)
}

proptest! {
    #[test]
    fn what_was_written_is_read(item in prop_oneof![events(), blocks()]) {
        let bytes = item.encode();
        prop_assert_eq!(Item::decode(&bytes), Ok(item.clone()));
        if let Item::Block(block) = item {
            prop_assert_eq!(block.id(), Block::id_of(&bytes));
        }
    }

    #[test]
    fn no_other_bytes_are_the_same_item(
        item in prop_oneof![events(), blocks()], at in any::<prop::sample::Index>(), bit in 0..8u8
    ) {
        let mut bytes = item.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        prop_assert_ne!(Item::decode(&bytes), Ok(item));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(item) = Item::decode(&bytes) {
            prop_assert_eq!(item.encode(), bytes);
        }
    }

    #[test]
    fn what_is_too_long_is_shortened(
        item in prop_oneof![events(), blocks()], times in 1usize..60_000
    ) {
        let mut item = item;
        match &mut item {
            Item::Event(event) => {
                event.message = Some("é".repeat(times));
                event.keys = vec!["{\"id\":1}".to_owned(); times];
                event.detail = Some(format!("\"{}\"", "x".repeat(times)));
                event.change = Some(Change {
                    key: format!("\"{}\"", "k".repeat(times)),
                    columns: vec!["c".to_owned(); times],
                    old: Some(format!("\"{}\"", "o".repeat(times))),
                    new: Some("{}".to_owned()),
                    ..Change::default()
                });
            }
            Item::Block(Block::Relations { relations }) => {
                let columns = vec!["column".to_owned(); times % 3_000];
                relations.resize(times % 500, Touched { read: columns, ..Touched::default() });
            }
            Item::Block(Block::Text { text, .. }) => *text = "t".repeat(times * 2),
            Item::Block(Block::Session { application, .. }) => *application = Some("a".repeat(times * 2)),
            Item::Block(Block::Identity { subject, tenants, .. }) => {
                *subject = "s".repeat(times);
                *tenants = vec!["t".repeat(99); times % 2_000];
            }
        }
        let bytes = item.encode();
        prop_assert!(bytes.len() <= MAX_BODY);
        let read = Item::decode(&bytes);
        prop_assert!(read.is_ok());
        if let Ok(Item::Event(event)) = read {
            let change = event.change.unwrap();
            let json = event.keys.iter().chain(&event.detail).chain(&change.old).chain([&change.key]);
            for text in json {
                prop_assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{}", text);
            }
        }
    }
}

fn small() -> Event {
    Event {
        at: 1,
        kind: Kind::Denial,
        ..Event::default()
    }
}

#[test]
fn the_form_is_the_deterministic_one() {
    let bytes = Item::Event(small()).encode();
    // {0: 0, 1: 1, 2: 4, 3: 0}
    assert_eq!(bytes, [0xa4, 0, 0, 1, 1, 2, 4, 3, 0]);
    let refused: &[&[u8]] = &[
        &[],
        &[0xa4, 0, 0, 1, 1, 2, 4, 3, 0, 0],    // something follows
        &[0xa4, 0, 0, 1, 1, 2, 4, 3],          // cut off
        &[0xa3, 0, 0, 1, 1, 2, 4],             // a field is missing
        &[0xa4, 0, 0, 1, 1, 3, 0, 2, 4],       // out of order
        &[0xa5, 0, 0, 1, 1, 2, 4, 2, 4, 3, 0], // twice
        &[0xa5, 0, 0, 1, 1, 2, 4, 3, 0, 0x18, 99, 0], // unknown
        &[0xa4, 0, 0, 1, 0x18, 1, 2, 4, 3, 0], // a longer spelling of a number
        &[0xb8, 4, 0, 0, 1, 1, 2, 4, 3, 0],    // of a length
        &[0xbf, 0, 0, 1, 1, 2, 4, 3, 0, 0xff], // an open end
        &[0xa5, 0, 0, 1, 1, 2, 4, 3, 0, 0x11, 0x80], // an empty list
        &[0xa5, 0, 0, 1, 1, 2, 4, 3, 0, 0x18, 24, 0xf4], // false
        &[0xa4, 0, 0, 1, 1, 2, 0x18, 99, 3, 0], // an unknown kind
        &[0xa4, 0, 9, 1, 1, 2, 4, 3, 0],       // an unknown type
        &[0xa5, 0, 0, 1, 1, 2, 4, 3, 0, 4, 0x41, 1], // an id of one byte
        &[
            0xa5, 0, 0, 1, 1, 2, 4, 3, 0, 0x11, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255,
        ],
    ];
    for bytes in refused {
        assert!(Item::decode(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn numbers_of_kinds_never_change() {
    let number = |kind: Kind| Item::Event(Event { kind, ..small() }).encode()[6];
    let names: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| (number(*kind), kind.name()))
        .collect();
    let expected = [
        "read",
        "search",
        "write",
        "row",
        "denial",
        "login",
        "definition",
        "policy",
        "privilege",
        "maintenance",
        "rollback",
        "boot",
        "forged",
        "gap",
        "origin",
    ];
    assert_eq!(names, (0..).zip(expected).collect::<Vec<_>>());
}

#[test]
fn a_long_text_is_cut_but_its_hash_is_of_the_whole() {
    let sql = "é".repeat(40_000);
    let Block::Text {
        text,
        truncated,
        sha256,
    } = Block::text(&sql)
    else {
        panic!("no text");
    };
    assert!(truncated && sql.starts_with(&text) && text.len() <= 32_768);
    let Block::Text {
        truncated,
        sha256: other,
        ..
    } = Block::text(&text)
    else {
        panic!("no text");
    };
    assert!(!truncated);
    assert_ne!(sha256, other);
}

fn frame(body: &[u8]) -> Frame<'_> {
    Frame {
        boot: [1, 2, 3, 4, 5, 6, 7, 8],
        session: 9,
        seq: 10,
        body,
    }
}

#[test]
fn a_record_is_read_with_its_key_only() {
    let key = MacKey::derive(&[7; 32]);
    let record = frame(b"body").to_record(&key);
    assert_eq!(record.len(), 25 + 4 + 16);
    assert_eq!(record[..9], [1, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(Frame::from_record(&record, &key), Ok(frame(b"body")));
    assert_eq!(
        Frame::from_record(&record, &MacKey::from_bytes(*key.bytes())),
        Ok(frame(b"body"))
    );
    assert_eq!(
        Frame::from_record(&record, &MacKey::derive(&[8; 32])),
        Err(Forged)
    );
    for at in 0..record.len() {
        let mut changed = record.clone();
        changed[at] ^= 1;
        assert_eq!(Frame::from_record(&changed, &key), Err(Forged), "byte {at}");
        assert_eq!(
            Frame::from_record(&record[..at], &key),
            Err(Forged),
            "{at} bytes"
        );
    }
}

/// HMAC-SHA256 over the record, computed here by its definition (RFC 2104).
#[test]
fn the_mac_is_hmac_sha256() {
    let sha256 = |bytes: &[u8]| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        <[u8; 32]>::try_from(digest.as_ref()).unwrap()
    };
    let hmac = |key: &[u8; 32], message: &[u8]| {
        let pad = |byte: u8| [key.map(|k| k ^ byte), [byte; 32]].concat();
        sha256(
            &[
                pad(0x5c),
                sha256(&[pad(0x36), message.to_vec()].concat()).to_vec(),
            ]
            .concat(),
        )
    };
    let key = MacKey::derive(&[7; 32]);
    assert_eq!(*key.bytes(), hmac(&[7; 32], b"ward audit record v1"));
    let record = frame(b"body").to_record(&key);
    let (signed, mac) = record.split_at(record.len() - 16);
    assert_eq!(mac, &hmac(key.bytes(), signed)[..16]);
    assert!(
        !format!("{key:?}").contains(char::is_numeric),
        "a key is not shown"
    );
}

#[test]
fn an_entry_says_where_its_record_was() {
    let entry = frame(b"body").to_entry(0x0102);
    assert_eq!(entry[..9], [1, 0, 0, 0, 0, 0, 0, 1, 2]);
    let read = Entry::decode(&entry).unwrap();
    assert_eq!((read.lsn, read.frame), (0x0102, frame(b"body")));
    for length in 0..33 {
        assert!(Entry::decode(&entry[..length]).is_err());
    }
    assert_eq!(frame(&[0; MAX_BODY]).to_entry(1).len(), 65_535);
}
