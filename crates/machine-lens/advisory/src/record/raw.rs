//! A record as its JSON has it, borrowed from the bytes, and the repair of what cannot decide anything.

use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

#[derive(Deserialize)]
pub(super) struct Raw<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) modified: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) published: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) withdrawn: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) aliases: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    pub(super) summary: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) severity: Option<Vec<RawSeverity<'a>>>,
    #[serde(borrow, default)]
    pub(super) affected: Option<Vec<RawAffected<'a>>>,
    #[serde(borrow, default)]
    pub(super) references: Option<Vec<RawReference<'a>>>,
    #[serde(borrow, default)]
    pub(super) database_specific: Option<RawSpecific<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawSeverity<'a> {
    #[serde(borrow)]
    pub(super) score: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawAffected<'a> {
    #[serde(borrow, default)]
    pub(super) package: Option<RawPackage<'a>>,
    #[serde(borrow, default)]
    pub(super) severity: Option<Vec<RawSeverity<'a>>>,
    #[serde(borrow, default)]
    pub(super) ranges: Option<Vec<RawRange<'a>>>,
    #[serde(borrow, default)]
    pub(super) versions: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    pub(super) database_specific: Option<RawSpecific<'a>>,
}

#[derive(Deserialize)]
pub(super) struct RawPackage<'a> {
    #[serde(borrow)]
    pub(super) ecosystem: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawRange<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) events: Option<Vec<RawEvent<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct RawEvent<'a> {
    #[serde(borrow, default)]
    pub(super) introduced: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) fixed: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) last_affected: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) limit: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct RawReference<'a> {
    #[serde(borrow, rename = "type", default)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) url: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct RawSpecific<'a> {
    #[serde(borrow, default)]
    pub(super) severity: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) informational: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) cvss: Option<Cow<'a, str>>,
}

/// Removes optional fields whose type is not the schema's, so that they cannot spoil the record. What decides whether
/// a release is affected (package, ranges, versions, events) is never mended: such a record is passed over and counted.
pub(super) fn mend(value: &mut Value) {
    let Some(record) = value.as_object_mut() else { return };
    for name in ["modified", "published", "summary"] {
        if record.get(name).is_some_and(|field| !field.is_string()) {
            record.remove(name);
        }
    }
    if let Some(Value::Array(aliases)) = record.get_mut("aliases") {
        aliases.retain(Value::is_string);
    } else {
        record.remove("aliases");
    }
    mend_scores(record.get_mut("severity"));
    if record.get("severity").is_some_and(|field| !field.is_array()) {
        record.remove("severity");
    }
    if let Some(Value::Array(references)) = record.get_mut("references") {
        references.retain(|item| item["url"].is_string() && (item["type"].is_string() || item["type"].is_null()));
    } else {
        record.remove("references");
    }
    mend_specific(record);
    if let Some(Value::Array(affected)) = record.get_mut("affected") {
        for item in affected.iter_mut().filter_map(Value::as_object_mut) {
            mend_scores(item.get_mut("severity"));
            if item.get("severity").is_some_and(|field| !field.is_array()) {
                item.remove("severity");
            }
            mend_specific(item);
        }
    }
}

fn mend_scores(field: Option<&mut Value>) {
    if let Some(Value::Array(scores)) = field {
        scores.retain(|item| item["score"].is_string());
    }
}

fn mend_specific(holder: &mut serde_json::Map<String, Value>) {
    match holder.get_mut("database_specific") {
        Some(Value::Object(specific)) => {
            for name in ["severity", "informational", "cvss"] {
                if specific.get(name).is_some_and(|field| !field.is_string()) {
                    specific.remove(name);
                }
            }
        }
        Some(_) => {
            holder.remove("database_specific");
        }
        None => {}
    }
}
