#![forbid(unsafe_code)]
//! Digests that stand for values which are too long, or too secret, to be recorded.

use super::{emit, state};
use crate::errors::Result;
use sha2::{Digest, Sha256};

/// HMAC-SHA256 of a value, in hexadecimal: equal values of one installation have equal digests, and who
/// has not the server's key cannot try values out. Error: WD043 where there is no key.
pub fn of(value: &[u8]) -> Result<String> {
    let key = state::get()
        .and_then(state::State::mac_key)
        .ok_or_else(emit::unavailable)?;
    let key = hmac(key.bytes(), b"ward audit value v1");
    let digest = hmac(&key, value);
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// RFC 2104, for keys that are no longer than a block.
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message);
    let outer = Sha256::new().chain_update(pad(0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}
