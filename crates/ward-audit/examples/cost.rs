//! What recording and checking one event costs: `cargo run --release -p ward-audit --example cost`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;
use ward_audit::{
    Block, BlockId, Entry, Event, Frame, Item, Kind, Log, MacKey, Signer, Store, Verifier,
    normalise, verify_log,
};

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
    grow_and_verify(&body);
}

struct Files(HashMap<String, Vec<u8>>);

impl Store for Files {
    type Error = Infallible;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(path).cloned())
    }
}

fn grow_and_verify(body: &[u8]) {
    const SIZE: u32 = 2_000_000;
    let start = Instant::now();
    let mut log = Log::new();
    for seq in 0..u64::from(SIZE) {
        let frame = Frame {
            boot: [1; 8],
            session: 1,
            seq,
            body,
        };
        log.append(&frame.to_entry(seq));
    }
    let mut files = Files(log.files().into_iter().collect());
    println!("append: {} ns", (start.elapsed() / SIZE).as_nanos());
    let Ok(signer) = Signer::generate_from_seed("cost", &[1; 32]) else {
        return;
    };
    let note = signer.checkpoint("cost", log.size(), &log.root());
    files.0.insert("checkpoint".to_owned(), note.into_bytes());
    let Ok(verifier) = Verifier::parse(&signer.vkey()) else {
        return;
    };
    for threads in [1, 2] {
        let start = Instant::now();
        let is_good = verify_log(&files, &verifier, threads).is_good();
        let each = (start.elapsed() / SIZE).as_nanos();
        println!("verify with {threads} threads: {each} ns, good: {is_good}");
    }
}
