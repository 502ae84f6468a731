//! Proofs that an entry is in a log, and that a log only grew: RFC 6962 §2.1.1 and §2.1.2, checked
//! as RFC 9162 §2.1.3.2 and §2.1.4.2 say.

use crate::merkle::{Hash, empty_root, node_hash};
use crate::store::{ReadError, Store};
use crate::tree::{Tree, split};

/// The root that a log of this size had at an earlier size, from its tiles of today.
///
/// Error: [`ReadError::OutOfRange`] if it was never that long.
pub fn root_at<S: Store>(store: &S, earlier: u64, size: u64) -> Result<Hash, ReadError<S::Error>> {
    match earlier {
        0 => Ok(empty_root()),
        _ if earlier > size => Err(ReadError::OutOfRange),
        _ => Tree::new(store, size).hash(0, earlier),
    }
}

/// The hashes that lead from the entry at `index` to the root of the log of this size.
///
/// Error: [`ReadError::OutOfRange`] if the log has no such entry.
pub fn inclusion_proof<S: Store>(
    store: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    if index >= size {
        return Err(ReadError::OutOfRange);
    }
    let tree = Tree::new(store, size);
    let (mut proof, mut start, mut end) = (Vec::new(), 0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(tree.hash(middle, end)?);
            end = middle;
        } else {
            proof.push(tree.hash(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the entry with this leaf hash is at `index` of the log with this size and root.
pub fn check_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at.is_multiple_of(2) && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == *root
}

/// The hashes that show that the log of the old size is the beginning of the one of the new size.
///
/// Error: [`ReadError::OutOfRange`] if the old size is greater than the new one.
pub fn consistency_proof<S: Store>(
    store: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    if old > new {
        return Err(ReadError::OutOfRange);
    }
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let tree = Tree::new(store, new);
    let (mut proof, mut start, mut end, mut is_known) = (Vec::new(), 0, new, true);
    while end > old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(tree.hash(middle, end)?);
            end = middle;
        } else {
            proof.push(tree.hash(start, middle)?);
            (start, is_known) = (middle, false);
        }
    }
    // The old root itself is known to whoever asks.
    if !is_known {
        proof.push(tree.hash(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Whether the log with the old size and root is the beginning of the one with the new.
pub fn check_consistency(
    (old_size, old_root): (u64, &Hash),
    (new_size, new_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old_size == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old_size >= new_size {
        return proof.is_empty() && old_size == new_size && old_root == new_root;
    }
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at % 2 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // A complete subtree is its own first hash.
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while at.is_multiple_of(2) && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == *old_root && new == *new_root
}
