//! Proofs of inclusion and consistency, for every entry and size.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Files, entries, verifier};
use ward_audit::{
    Hash, Log, Proof, ReadError, check_consistency, check_inclusion, consistency_proof,
    inclusion_proof, leaf_hash, root_at,
};

const MOST: u64 = 300;

fn roots(files: &Files) -> Vec<Hash> {
    (0..=MOST)
        .map(|size| root_at(files, size, MOST).unwrap())
        .collect()
}

/// A log that was published after each entry.
fn grown(entries: &[Vec<u8>]) -> Files {
    let (mut files, mut log) = (Files::default(), Log::new());
    for entry in entries {
        log.append(entry);
        files.add(&mut log);
    }
    files.sign(&log);
    files
}

/// All that is wrong with a proof in one place only.
fn spoiled(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[proof, &[[0; 32]]].concat(), [&[[0; 32]], proof].concat()];
    if let Some((_, shorter)) = proof.split_last() {
        all.push(shorter.to_vec());
        all.push(proof[1..].to_vec());
        for at in 0..proof.len() {
            let mut changed = proof.to_vec();
            changed[at][at % 32] ^= 1;
            all.push(changed);
        }
    }
    all
}

#[test]
fn every_entry_is_in_every_tree_that_has_it() {
    let entries = entries(MOST);
    let files = grown(&entries);
    let roots = roots(&files);
    for size in 1..=MOST {
        let root = &roots[size as usize];
        for index in 0..size {
            let leaf = leaf_hash(&entries[index as usize]);
            let proof = inclusion_proof(&files, index, size).unwrap();
            assert!(
                check_inclusion(&leaf, index, size, &proof, root),
                "{index} of {size}"
            );
            let elsewhere = check_inclusion(&leaf, index ^ 1, size, &proof, root);
            assert!(!elsewhere || size == 1, "{index} of {size}");
            assert!(!check_inclusion(&[1; 32], index, size, &proof, root));
        }
    }
}

#[test]
fn a_spoiled_inclusion_proof_is_refused() {
    let entries = entries(MOST);
    let files = grown(&entries);
    for size in [1, 2, 3, 7, 8, 255, 256, 257, MOST] {
        let root = root_at(&files, size, MOST).unwrap();
        for index in 0..size {
            let leaf = leaf_hash(&entries[index as usize]);
            let proof = inclusion_proof(&files, index, size).unwrap();
            for wrong in spoiled(&proof) {
                assert!(
                    !check_inclusion(&leaf, index, size, &wrong, &root),
                    "{index} of {size}"
                );
            }
            assert!(!check_inclusion(&leaf, size, size, &proof, &root));
        }
    }
}

#[test]
fn every_tree_is_the_beginning_of_every_later_one() {
    let files = grown(&entries(MOST));
    let roots = roots(&files);
    for new in 0..=MOST {
        for old in 0..=new {
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            let proof = consistency_proof(&files, old, new).unwrap();
            assert!(
                check_consistency((old, old_root), (new, new_root), &proof),
                "{old} to {new}"
            );
            let other = check_consistency((old, &[1; 32]), (new, new_root), &proof);
            assert!(!other, "{old} to {new}");
            if old > 0 {
                assert!(!check_consistency((old, old_root), (new, &[1; 32]), &proof));
            }
        }
    }
}

#[test]
fn a_spoiled_consistency_proof_is_refused() {
    let files = grown(&entries(MOST));
    let roots = roots(&files);
    for new in [1, 2, 3, 8, 9, 200, 256, 257, MOST] {
        for old in 0..=new {
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            let proof = consistency_proof(&files, old, new).unwrap();
            for wrong in spoiled(&proof) {
                let passes = check_consistency((old, old_root), (new, new_root), &wrong);
                assert!(!passes, "{old} to {new}");
            }
        }
    }
}

#[test]
fn what_is_not_in_the_log_has_no_proof() {
    let files = Files::of(&entries(10));
    assert_eq!(inclusion_proof(&files, 10, 10), Err(ReadError::OutOfRange));
    assert_eq!(
        consistency_proof(&files, 11, 10),
        Err(ReadError::OutOfRange)
    );
    assert!(root_at(&files, 11, 10).is_err());
    let empty = root_at(&files, 0, 10).unwrap();
    assert!(!check_inclusion(&empty, 0, 0, &[], &empty));
    assert!(!check_consistency((2, &empty), (1, &empty), &[]));
}

/// RFC 6962 §2.1.3: the example with seven leaves.
#[test]
fn the_example_of_the_standard() {
    let entries: Vec<Vec<u8>> = (0..7).map(|n| vec![n]).collect();
    let files = Files::of(&entries);
    let leaf = |n: usize| leaf_hash(&entries[n]);
    let node = |l: Hash, r: Hash| {
        let bytes = [&[1][..], &l, &r].concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        Hash::try_from(digest.as_ref()).unwrap()
    };
    let (a, b, c, d, e, f, j) = (
        leaf(0),
        leaf(1),
        leaf(2),
        leaf(3),
        leaf(4),
        leaf(5),
        leaf(6),
    );
    let (g, h, i) = (node(a, b), node(c, d), node(e, f));
    let (k, l) = (node(g, h), node(i, j));
    let inclusion = |index| inclusion_proof(&files, index, 7).unwrap();
    assert_eq!(inclusion(0), [b, h, l]);
    assert_eq!(inclusion(3), [c, g, l]);
    assert_eq!(inclusion(4), [f, j, k]);
    assert_eq!(inclusion(6), [i, k]);
    let consistency = |old| consistency_proof(&files, old, 7).unwrap();
    assert_eq!(consistency(3), [c, d, g, l]);
    assert_eq!(consistency(4), [l]);
    assert_eq!(consistency(6), [i, j, k]);
    assert_eq!(root_at(&files, 7, 7), Ok(node(k, l)));
}

#[test]
fn a_proof_is_text_that_proves() {
    let entries = entries(MOST);
    let files = Files::of(&entries);
    for index in [0, 1, 255, 256, MOST - 1] {
        let proof = Proof::make(&files, index, files.checkpoint(), MOST).unwrap();
        let text = proof.text();
        assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "));
        let read = Proof::parse(&text).unwrap();
        assert_eq!(read, proof);
        let entry = &entries[index as usize];
        assert_eq!(read.entry.as_ref(), Some(entry));
        assert_eq!(read.check(entry, &verifier()).unwrap().size, MOST);
        assert!(read.check(b"another", &verifier()).is_err());
    }
    // The only entry of a log needs no hashes.
    let files = Files::of(&entries[..1]);
    let mut proof = Proof::make(&files, 0, files.checkpoint(), 1).unwrap();
    proof.entry = None;
    let read = Proof::parse(&proof.text()).unwrap();
    assert_eq!(read, proof);
    assert!(read.check(&entries[0], &verifier()).is_ok());
}

#[test]
fn every_changed_byte_of_a_proof_is_noticed() {
    let files = Files::of(&entries(20));
    let text = Proof::make(&files, 7, files.checkpoint(), 20)
        .unwrap()
        .text();
    let holds = |text: &str| {
        let proof = Proof::parse(text).ok()?;
        proof.check(proof.entry.as_ref()?, &verifier()).ok()
    };
    assert!(holds(&text).is_some());
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(holds(&changed).is_none(), "byte {at}: {changed}");
        }
    }
}
