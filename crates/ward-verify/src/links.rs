//! What ties logs together: each names the end of the one before it.

use crate::arguments::Keys;
use crate::log::Checked;
use serde_json::Value;

/// Compares the end of each log with what the next one says of it.
pub fn check_links(checked: &mut [Checked], keys: &Keys) {
    for at in 0..checked.len() {
        let (before, rest) = checked.split_at_mut(at);
        let Some(log) = rest.first_mut().filter(|log| log.problem.is_none()) else {
            continue;
        };
        let Some(epoch) = log.folder.epoch.filter(|epoch| *epoch > 1) else {
            continue;
        };
        let Some(before) = before
            .last_mut()
            .filter(|before| before.folder.epoch == Some(epoch - 1))
        else {
            if at > 0 {
                log.fail(format!(
                    "log {}, which comes before it, is missing",
                    epoch - 1
                ));
            }
            continue;
        };
        match previous(log) {
            None => log
                .notes
                .push("its first entry is gone, and with it the link to the log before".to_owned()),
            Some(None) => log.fail("it does not name the log before it".to_owned()),
            Some(Some(note)) => {
                if let Err(reason) = check_link(&note, before, keys) {
                    before.fail(format!("log {epoch} says how it ended: {reason}"));
                }
            }
        }
    }
}

fn check_link(note: &str, before: &Checked, keys: &Keys) -> Result<(), String> {
    let opened = keys.open(note);
    let named = opened.ok_or("that checkpoint is not signed with a known key")?;
    match &before.report.checkpoint {
        Some(today) if *today == named => Ok(()),
        Some(today) if today.size < named.size => Err(format!(
            "it had {} entries, and has {} now",
            named.size, today.size
        )),
        Some(today) if today.size > named.size => Err(format!(
            "it had {} entries, and went on to {}",
            named.size, today.size
        )),
        Some(_) => Err("it was another".to_owned()),
        // Its own problem is told already.
        None => Ok(()),
    }
}

/// The checkpoint that the log's first entry names as the last of the log before it. Nothing if
/// that entry is not there any more.
fn previous(log: &Checked) -> Option<Option<String>> {
    let detail = log.report.origin.as_ref()?.detail.as_deref()?;
    let detail: Value = serde_json::from_str(detail).ok()?;
    Some(
        detail
            .get("previous")
            .and_then(Value::as_str)
            .map(str::to_owned),
    )
}
