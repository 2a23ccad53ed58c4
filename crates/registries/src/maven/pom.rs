//! What a release record takes from a POM. Dependencies are the business of the POM reader, not of this crate.

use crate::xml::Element;
use std::collections::BTreeMap;

/// Properties replaced in one text, and rounds of replacement.
const MAX_REPLACED: usize = 16;

/// `group`, `artifact`, `version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coordinates {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
}

/// The parts of one POM, as written: parents and properties are not applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) parent: Option<Coordinates>,
    pub(super) packaging: Option<String>,
    pub(super) scm: Option<String>,
    pub(super) licenses: Vec<String>,
    pub(super) description: Option<String>,
    /// Where the artifact moved, as a sentence.
    pub(super) relocation: Option<String>,
    properties: BTreeMap<String, String>,
}

impl Pom {
    pub(super) fn read(root: &Element) -> Pom {
        let text = |path: &[&str]| root.text_at(path).map(str::to_owned);
        let parent = root.child("parent").and_then(|parent| {
            let text = |name: &str| parent.text_at(&[name]).map(str::to_owned);
            Some(Coordinates { group: text("groupId")?, artifact: text("artifactId")?, version: text("version")? })
        });
        let mut properties: BTreeMap<String, String> =
            root.child("properties").into_iter().flat_map(|list| &list.children).map(|one| (one.name.clone(), one.text.clone())).collect();
        for (name, inherited) in
            [("groupId", parent.as_ref().map(|p| &p.group)), ("artifactId", None), ("version", parent.as_ref().map(|p| &p.version))]
        {
            if let Some(value) = text(&[name]).or_else(|| inherited.cloned()) {
                properties.insert(format!("pom.{name}"), value.clone());
                properties.insert(format!("project.{name}"), value);
            }
        }
        for name in ["name", "url"] {
            if let Some(value) = text(&[name]) {
                properties.insert(format!("project.{name}"), value);
            }
        }
        let moved = root.at(&["distributionManagement", "relocation"]).map(|to| {
            let part = |name: &str, own: Option<String>| to.text_at(&[name]).map(str::to_owned).or(own).unwrap_or_default();
            let own = |name: &str| properties.get(&format!("project.{name}")).cloned();
            let place = format!(
                "{}:{}:{}",
                part("groupId", own("groupId")),
                part("artifactId", own("artifactId")),
                part("version", own("version"))
            );
            match to.text_at(&["message"]) {
                Some(message) => format!("relocated to {place}: {message}"),
                None => format!("relocated to {place}"),
            }
        });
        let scm = ["url", "connection", "developerConnection"].iter().find_map(|name| text(&["scm", name]));
        Pom {
            parent,
            packaging: text(&["packaging"]),
            scm,
            licenses: root
                .child("licenses")
                .into_iter()
                .flat_map(|list| list.all("license"))
                .filter_map(|one| one.text_at(&["name"]).or(one.text_at(&["url"])))
                .map(str::to_owned)
                .collect(),
            description: text(&["description"]),
            relocation: moved.map(|text| bifocal_core::one_line(&text, 500)),
            properties,
        }
    }

    /// Replaces `${name}` by this POM's and then its parents' properties. `None` when one is not known.
    pub(super) fn interpolate(&self, text: &str, parents: &[Pom]) -> Option<String> {
        let mut current = text.to_owned();
        for _ in 0..MAX_REPLACED {
            let Some((before, rest)) = current.split_once("${") else { return Some(current) };
            let (name, after) = rest.split_once('}')?;
            let value = std::iter::once(self).chain(parents).find_map(|pom| pom.properties.get(name))?;
            if current.len().saturating_add(value.len()) > 4096 {
                return None;
            }
            current = format!("{before}{value}{after}");
        }
        None
    }
}

/// `scm:git:git://host/path` and the like without their `scm:` prefix.
pub(super) fn bare_scm(text: &str) -> &str {
    let text = text.trim();
    let bare = text.strip_prefix("scm:").map_or(text, |rest| rest.split_once(':').map_or(rest, |(_, address)| address));
    bare.trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    #[test]
    fn parts_are_read_and_properties_replaced() {
        let text = b"<project><parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version></parent><artifactId>a</artifactId>
            <properties><host>git.example</host></properties><packaging>bundle</packaging>
            <scm><connection>scm:git:https://${host}/${project.groupId}/${project.artifactId}.git</connection></scm>
            <licenses><license><name>MIT</name></license><license><url>https://l.example</url></license></licenses>
            <distributionManagement><relocation><groupId>new.g</groupId></relocation></distributionManagement></project>";
        let pom = Pom::read(&xml::parse(text).unwrap());
        let scm = pom.interpolate(bare_scm(pom.scm.as_deref().unwrap()), &[]).unwrap();
        assert_eq!(scm, "https://git.example/g/a.git");
        assert_eq!(pom.licenses, ["MIT", "https://l.example"]);
        assert_eq!(pom.relocation.as_deref(), Some("relocated to new.g:a:1"));
        assert_eq!(pom.packaging.as_deref(), Some("bundle"));
    }

    #[test]
    fn properties_that_grow_or_circle_are_given_up() {
        let text = b"<project><properties><a>${b}${b}</a><b>${a}</b><c>${unknown}</c></properties></project>";
        let pom = Pom::read(&xml::parse(text).unwrap());
        for text in ["${a}", "${c}", "${", "${x"] {
            assert_eq!(pom.interpolate(text, &[]), None, "{text}");
        }
    }
}
