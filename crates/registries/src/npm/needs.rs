//! What a version of an npm package asks for in turn, out of the tables of its manifest.

use super::packument::Wants;
use crate::loose::{AtMost, Members, Text};
use crate::needs::NpmNeeds;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Packages that one manifest names in one table.
const MAX_NAMED: usize = 20_000;

type Table<'a> = Members<Cow<'a, str>, Text<'a>, MAX_NAMED>;

#[derive(Deserialize, Default)]
struct PeerMeta {
    #[serde(default)]
    optional: serde_json::Value,
}

/// Reads the tables. Entries that are no text are passed over, as npm does.
pub(super) fn npm(wants: &Wants) -> Result<NpmNeeds, String> {
    if wants.too_large {
        return Err("a table of dependencies is longer than a megabyte".to_owned());
    }
    let table = |text: Option<&str>| -> Result<BTreeMap<String, String>, String> {
        let Some(text) = text else { return Ok(BTreeMap::new()) };
        // A list or a text in place of a table names nothing.
        if !text.starts_with('{') {
            return Ok(BTreeMap::new());
        }
        let table: Table<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(table.0.into_iter().filter_map(|(name, spec)| Some((name.into_owned(), spec.take()?))).collect())
    };
    let mut dependencies = table(wants.dependencies.as_deref())?;
    let optional = table(wants.optional.as_deref())?;
    // Registries repeat the optional ones among the others.
    dependencies.retain(|name, _| !optional.contains_key(name));
    let meta: Members<Cow<'_, str>, serde_json::Value, MAX_NAMED> = match wants.peer_meta.as_deref().filter(|text| text.starts_with('{')) {
        Some(text) => serde_json::from_str(text).map_err(|error| error.to_string())?,
        None => Members::default(),
    };
    let optional_peers: BTreeSet<String> = meta
        .0
        .into_iter()
        .filter(|(_, meta)| serde_json::from_value::<PeerMeta>(meta.clone()).is_ok_and(|meta| meta.optional == true))
        .map(|(name, _)| name.into_owned())
        .collect();
    let bundled: BTreeSet<String> = match wants.bundled.as_deref() {
        None => BTreeSet::new(),
        Some("true") => dependencies.keys().chain(optional.keys()).cloned().collect(),
        Some(text) if text.starts_with('[') => {
            let list: AtMost<Text<'_>, MAX_NAMED> = serde_json::from_str(text).map_err(|error| error.to_string())?;
            list.0.into_iter().filter_map(Text::take).collect()
        }
        Some(_) => BTreeSet::new(),
    };
    let peers = table(wants.peers.as_deref())?;
    Ok(NpmNeeds { dependencies, optional, peers, optional_peers, bundled, has_shrinkwrap: wants.has_shrinkwrap })
}
