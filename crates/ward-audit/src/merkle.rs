//! Hashes of the tree: RFC 6962 §2.1 with SHA-256.

use aws_lc_rs::digest::{SHA256, digest};

/// A SHA-256.
pub type Hash = [u8; 32];

fn sha256(bytes: &[u8]) -> Hash {
    let digest = digest(&SHA256, bytes);
    digest.as_ref().try_into().unwrap_or_default()
}

/// The hash of an entry: of 0x00 and the entry, so that no entry can pass for a node.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    // One call over a copy costs less than a context that is fed in parts.
    let mut leaf = Vec::with_capacity(entry.len() + 1);
    leaf.push(0);
    leaf.extend_from_slice(entry);
    sha256(&leaf)
}

/// The hash of a node: of 0x01 and its two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut node = [1; 65];
    node[1..33].copy_from_slice(left);
    node[33..].copy_from_slice(right);
    sha256(&node)
}

/// The root of the tree without entries: the hash of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// The root over complete subtrees of one height, with `right`, a smaller tree, to their right.
pub fn fold(subtrees: &[Hash], right: Option<Hash>) -> Option<Hash> {
    let (mut rest, mut acc) = (subtrees, right);
    // From the right, the sizes of the complete subtrees are the ones of the length in binary.
    while !rest.is_empty() {
        let (left, last) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
        let root = perfect_root(last);
        acc = Some(match acc {
            None => root,
            Some(right) => node_hash(&root, &right),
        });
        rest = left;
    }
    acc
}

/// The root over a power of two of hashes.
pub fn perfect_root(hashes: &[Hash]) -> Hash {
    let mut layer = hashes.to_vec();
    while layer.len() > 1 {
        let pairs = layer.as_chunks::<2>().0.iter();
        layer = pairs.map(|[left, right]| node_hash(left, right)).collect();
    }
    layer.first().copied().unwrap_or_default()
}
