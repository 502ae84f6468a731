//! What recording one event costs: `cargo run --release -p ward-audit --example cost`.

use std::hint::black_box;
use std::time::Instant;
use ward_audit::{Block, BlockId, Entry, Event, Frame, Item, Kind, MacKey, normalise};

const ROUNDS: u32 = 200_000;

fn measure<T>(what: &str, mut run: impl FnMut() -> T) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(run());
    }
    println!("{what}: {} ns", (start.elapsed() / ROUNDS).as_nanos());
}

fn main() {
    let event = Event {
        at: 1_795_283_820_123_456,
        kind: Kind::Read,
        session: Some(BlockId([1; 16])),
        identity: Some(BlockId([2; 16])),
        text: Some(BlockId([3; 16])),
        relations: Some(BlockId([4; 16])),
        rows: Some(42),
        labels: Some(3),
        policy_version: Some(7),
        ..Event::default()
    };
    let item = Item::Event(event);
    let key = MacKey::from_bytes([7; 32]);
    let body = item.encode();
    let frame = Frame {
        boot: [1; 8],
        session: 1,
        seq: 1,
        body: &body,
    };
    let record = frame.to_record(&key);
    let entry = frame.to_entry(1);
    println!(
        "an event is {} bytes, its record {}",
        body.len(),
        record.len()
    );
    measure("encode", || item.encode());
    measure("frame and MAC", || frame.to_record(&key));
    measure("check the MAC", || {
        Frame::from_record(&record, &key).is_ok()
    });
    measure("decode entry and item", || {
        Entry::decode(&entry).map(|entry| Item::decode(entry.frame.body).is_ok())
    });
    let sql = "SELECT id, title FROM document WHERE owner = 'somebody' AND size > 1000 ORDER BY id LIMIT 10";
    measure("normalise 90 bytes", || normalise(sql, false));
    measure("text block and id", || Block::text(sql).id());
}
