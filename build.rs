//! Keeps the section from which cargo-pgrx reads ward's SQL: some linkers drop it as unused.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-Wl,--no-gc-sections");
}
