//! Cutting what does not fit into an entry.

use crate::{Block, Event, Item, Touched};

/// Shortens every field to about `limit` bytes: text and lists end in `…`, and JSON stays JSON:
/// `{"cut":n}` stands for `n` bytes, or for `n` elements of a list.
pub fn shorten(item: &mut Item, limit: usize) {
    match item {
        Item::Event(event) => shorten_event(event, limit),
        Item::Block(block) => shorten_block(block, limit),
    }
}

fn shorten_event(event: &mut Event, limit: usize) {
    let texts = [
        &mut event.role,
        &mut event.statement,
        &mut event.code,
        &mut event.sqlstate,
        &mut event.message,
        &mut event.database,
    ];
    texts
        .into_iter()
        .flatten()
        .for_each(|text| cut(text, limit));
    event
        .detail
        .iter_mut()
        .for_each(|json| cut_json(json, limit));
    cut_keys(&mut event.keys, limit);
    if let Some(change) = &mut event.change {
        cut(&mut change.relation, limit);
        cut(&mut change.operation, limit);
        cut_list(&mut change.columns, limit);
        let json = [
            change.old.as_mut(),
            change.new.as_mut(),
            Some(&mut change.key),
        ];
        json.into_iter()
            .flatten()
            .for_each(|json| cut_json(json, limit));
    }
}

fn shorten_block(block: &mut Block, limit: usize) {
    match block {
        Block::Session {
            database,
            role,
            client_address,
            application,
            ..
        } => {
            cut(database, limit);
            cut(role, limit);
            let texts = [client_address, application];
            texts
                .into_iter()
                .flatten()
                .for_each(|text| cut(text, limit));
        }
        Block::Identity {
            issuer,
            subject,
            kind,
            tenants,
            token_id,
            sid,
            actors,
            on_behalf_of,
            ..
        } => {
            [issuer, subject, kind]
                .into_iter()
                .for_each(|text| cut(text, limit));
            let texts = [token_id, sid, on_behalf_of];
            texts
                .into_iter()
                .flatten()
                .for_each(|text| cut(text, limit));
            cut_list(tenants, limit);
            cut_list(actors, limit);
        }
        Block::Text {
            text, truncated, ..
        } => {
            *truncated |= text.len() > limit;
            cut(text, limit);
        }
        Block::Relations { relations } => cut_relations(relations, limit),
    }
}

fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
}

fn cut_json(json: &mut String, limit: usize) {
    if json.len() > limit {
        *json = format!("{{\"cut\":{}}}", json.len());
    }
}

/// How many of these sizes go into the limit.
fn fitting(sizes: impl Iterator<Item = usize>, limit: usize) -> usize {
    let mut left = limit;
    let fits = |size: &usize| {
        let rest = left.checked_sub(*size);
        left = rest.unwrap_or_default();
        rest.is_some()
    };
    sizes.take_while(fits).count()
}

fn cut_list(list: &mut Vec<String>, limit: usize) {
    let kept = fitting(list.iter().map(|text| text.len() + 3), limit);
    if kept < list.len() {
        list.truncate(kept);
        list.push("…".to_owned());
    }
}

fn cut_keys(keys: &mut Vec<String>, limit: usize) {
    let all = keys.len();
    let kept = fitting(keys.iter().map(|key| key.len() + 3), limit);
    if kept < all {
        keys.truncate(kept);
        keys.push(format!("{{\"cut\":{}}}", all - kept));
    }
}

fn cut_relations(relations: &mut Vec<Touched>, limit: usize) {
    for touched in relations.iter_mut() {
        cut(&mut touched.name, limit / 4);
        for list in [
            &mut touched.actions,
            &mut touched.read,
            &mut touched.written,
        ] {
            cut_list(list, limit / 4);
        }
    }
    let size = |touched: &Touched| {
        let lists = [&touched.actions, &touched.read, &touched.written];
        let texts = lists.into_iter().flatten().map(|text| text.len() + 3);
        touched.name.len() + 24 + texts.sum::<usize>()
    };
    let kept = fitting(relations.iter().map(size), limit);
    if kept < relations.len() {
        relations.truncate(kept);
        relations.push(Touched {
            name: "…".to_owned(),
            ..Touched::default()
        });
    }
}
