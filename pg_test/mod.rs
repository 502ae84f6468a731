//! Tests that run inside the server, one file per feature. pgrx finds its settings in this module.

mod label;
mod tripwire;

/// Called once before the first test.
#[cfg(test)]
pub fn setup(_options: Vec<&str>) {}

/// The server of these tests runs as an application's would.
#[cfg(test)]
pub fn postgresql_conf_options() -> Vec<&'static str> {
    vec!["shared_preload_libraries = 'ward'"]
}
