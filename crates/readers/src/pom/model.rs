//! One POM as it is written: nothing inherited, nothing filled in.

use crate::doc::xml::{self, Element};
use crate::error::{Problem, ReadError, shown};
use crate::source::Source;
use bifocal_core::ReaderLimits;
use std::borrow::Cow;
use std::rc::Rc;

/// Elements of one POM.
const MAX_ELEMENTS: usize = 500_000;

/// A POM.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// Path in the checked folder; `None` for a POM of the upstream.
    pub(crate) path: Option<Rc<str>>,
    pub(crate) parent: Option<Parent>,
    pub(crate) group: Option<String>,
    pub(crate) artifact: String,
    pub(crate) version: Option<String>,
    /// As written; `jar` where the element is absent.
    pub(crate) packaging: Option<String>,
    pub(crate) relocation: Option<(Option<String>, Option<String>, Option<String>)>,
    pub(crate) modules: Vec<String>,
    pub(crate) base: Base,
    pub(crate) profiles: Vec<Profile>,
}

/// What a POM and each of its profiles can hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) managed: Vec<Dependency>,
    pub(crate) repositories: Vec<Repository>,
    pub(crate) plugin_repositories: Vec<Repository>,
    /// `<build>`: plugins and extensions.
    pub(crate) plugins: Vec<Plugin>,
    /// `<pluginManagement>`.
    pub(crate) managed_plugins: Vec<Plugin>,
}

/// `<plugin>` or `<extension>`, texts as written.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    pub(crate) artifact: Dependency,
    /// What it is given beside what its own POM names.
    pub(crate) dependencies: Vec<Dependency>,
}

/// `<repository>`, texts as written.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) id: String,
    pub(crate) url: String,
    /// Whether releases are taken from it.
    pub(crate) releases: bool,
    /// Whether snapshots are taken from it.
    pub(crate) snapshots: bool,
}

/// `<parent>`.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    pub(crate) line: u32,
    pub(crate) group: String,
    pub(crate) artifact: String,
    pub(crate) version: String,
    /// As written; `None` where the element is absent, which means `../pom.xml`.
    pub(crate) relative_path: Option<String>,
}

/// `<dependency>`, texts as written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dependency {
    /// The file it is in, as [`Model::path`].
    pub(crate) path: Option<Rc<str>>,
    pub(crate) line: u32,
    pub(crate) group: String,
    pub(crate) artifact: String,
    pub(crate) version: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) classifier: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) optional: Option<String>,
    pub(crate) system_path: Option<String>,
    pub(crate) exclusions: Vec<(String, String)>,
}

/// `<profile>`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) by_default: bool,
    pub(crate) jdk: Option<String>,
    pub(crate) os: Option<Vec<(String, String)>>,
    pub(crate) property: Option<(String, Option<String>)>,
    pub(crate) file_exists: Option<String>,
    pub(crate) file_missing: Option<String>,
    pub(crate) modules: Vec<String>,
    pub(crate) base: Base,
}

/// Parses a POM. `path` is where it stands in the checked folder.
pub(crate) fn parse(source: &Source<'_>, path: Option<Rc<str>>, limits: &ReaderLimits) -> Result<Model, ReadError> {
    let bytes = as_utf8(source.bytes);
    let source = &Source { path: source.path, bytes: &bytes };
    let root = xml::parse(source, limits.depth, MAX_ELEMENTS)?;
    if root.name != "project" {
        return Err(source.syntax(root.line, "a root element `project`", &format!("`{}`", root.name)));
    }
    let text = |element: &Element, name: &str| element.child_text(name).map(str::to_owned);
    let parent = match root.child("parent") {
        Some(element) => {
            let need = |field: &'static str| {
                text(element, field).ok_or_else(|| source.error(element.line, Problem::Missing { field, inside: "`parent`".to_owned() }))
            };
            Some(Parent {
                line: element.line,
                group: need("groupId")?,
                artifact: need("artifactId")?,
                version: need("version")?,
                relative_path: element.child("relativePath").map(|path| path.text.trim().to_owned()),
            })
        }
        None => None,
    };
    let relocation = root.child("distributionManagement").and_then(|element| element.child("relocation"));
    let mut model = Model {
        path: path.clone(),
        group: text(&root, "groupId"),
        artifact: text(&root, "artifactId")
            .ok_or_else(|| source.error(root.line, Problem::Missing { field: "artifactId", inside: "`project`".to_owned() }))?,
        version: text(&root, "version"),
        packaging: text(&root, "packaging"),
        parent,
        relocation: relocation.map(|element| (text(element, "groupId"), text(element, "artifactId"), text(element, "version"))),
        modules: modules(&root),
        base: base(source, &root, &path)?,
        profiles: Vec::new(),
    };
    for element in root.items("profiles") {
        model.profiles.push(profile(source, element, &path)?);
    }
    Ok(model)
}

/// Old POMs are in Latin-1 and say so; read as such where they are no UTF-8.
fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(bytes).is_ok() {
        return Cow::Borrowed(bytes);
    }
    let head: String = bytes.iter().take(200).map(|&b| char::from(b.to_ascii_lowercase())).collect();
    let latin = ["iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252", "cp1252", "us-ascii"];
    if latin.iter().any(|name| head.contains(name)) {
        return Cow::Owned(bytes.iter().map(|&b| char::from(b)).collect::<String>().into_bytes());
    }
    Cow::Borrowed(bytes)
}

fn modules(element: &Element) -> Vec<String> {
    element.items("modules").iter().map(|module| module.text.trim().to_owned()).filter(|module| !module.is_empty()).collect()
}

fn base(source: &Source<'_>, element: &Element, path: &Option<Rc<str>>) -> Result<Base, ReadError> {
    let mut base = Base::default();
    for property in element.items("properties") {
        base.properties.push((property.name.clone(), property.text.trim().to_owned()));
    }
    for item in element.items("dependencies") {
        base.dependencies.push(dependency(source, item, path)?);
    }
    base.repositories = element.items("repositories").iter().filter_map(repository).collect();
    base.plugin_repositories = element.items("pluginRepositories").iter().filter_map(repository).collect();
    if let Some(build) = element.child("build") {
        let plugins = build.items("plugins").iter().chain(build.items("extensions"));
        base.plugins = all_plugins(source, plugins, path)?;
        base.managed_plugins =
            all_plugins(source, build.child("pluginManagement").into_iter().flat_map(|list| list.items("plugins")), path)?;
    }
    if let Some(management) = element.child("dependencyManagement") {
        for item in management.items("dependencies") {
            base.managed.push(dependency(source, item, path)?);
        }
    }
    Ok(base)
}

/// A broken plugin of a POM out of a repository does not hide what else that says: its build is not run here.
fn all_plugins<'e>(
    source: &Source<'_>,
    items: impl Iterator<Item = &'e Element>,
    path: &Option<Rc<str>>,
) -> Result<Vec<Plugin>, ReadError> {
    let found = items.map(|item| plugin(source, item, path));
    if path.is_some() { found.collect() } else { Ok(found.flatten().collect()) }
}

/// Of a plugin the group may be left out: it is Maven's own then.
fn plugin(source: &Source<'_>, element: &Element, path: &Option<Rc<str>>) -> Result<Plugin, ReadError> {
    let Some(artifact) = element.child_text("artifactId") else {
        return Err(source.error(element.line, Problem::Missing { field: "artifactId", inside: format!("`{}`", shown(&element.name)) }));
    };
    let artifact = Dependency {
        path: path.clone(),
        line: element.line,
        group: element.child_text("groupId").unwrap_or("org.apache.maven.plugins").to_owned(),
        artifact: artifact.to_owned(),
        version: element.child_text("version").map(str::to_owned),
        ..Dependency::default()
    };
    let dependencies = element.items("dependencies").iter().map(|item| dependency(source, item, path)).collect::<Result<_, _>>()?;
    Ok(Plugin { artifact, dependencies })
}

/// One without an address names no place to go to.
fn repository(element: &Element) -> Option<Repository> {
    let enabled = |policy: &str| element.child(policy).and_then(|policy| policy.child_text("enabled")) != Some("false");
    Some(Repository {
        id: element.child_text("id").unwrap_or("default").to_owned(),
        url: element.child_text("url")?.to_owned(),
        releases: enabled("releases"),
        snapshots: enabled("snapshots"),
    })
}

fn dependency(source: &Source<'_>, element: &Element, path: &Option<Rc<str>>) -> Result<Dependency, ReadError> {
    let text = |name: &str| element.child_text(name).map(str::to_owned);
    let need = |field: &'static str| {
        text(field).ok_or_else(|| source.error(element.line, Problem::Missing { field, inside: "`dependency`".to_owned() }))
    };
    if element.name != "dependency" {
        return Err(source.syntax(element.line, "an element `dependency`", &format!("`{}`", shown(&element.name))));
    }
    let exclusions = element.items("exclusions").iter().map(|item| {
        let part = |name: &str| item.child_text(name).unwrap_or("*").to_owned();
        (part("groupId"), part("artifactId"))
    });
    Ok(Dependency {
        path: path.clone(),
        line: element.line,
        group: need("groupId")?,
        artifact: need("artifactId")?,
        version: text("version"),
        kind: text("type"),
        classifier: text("classifier"),
        scope: text("scope"),
        optional: text("optional"),
        system_path: text("systemPath"),
        exclusions: exclusions.collect(),
    })
}

fn profile(source: &Source<'_>, element: &Element, path: &Option<Rc<str>>) -> Result<Profile, ReadError> {
    let mut profile = Profile { modules: modules(element), base: base(source, element, path)?, ..Profile::default() };
    let Some(activation) = element.child("activation") else { return Ok(profile) };
    let text = |element: &Element, name: &str| element.child_text(name).map(str::to_owned);
    profile.by_default = activation.child_text("activeByDefault") == Some("true");
    profile.jdk = text(activation, "jdk");
    profile.os = activation.child("os").map(|os| os.children.iter().map(|part| (part.name.clone(), part.text.trim().to_owned())).collect());
    profile.property = activation.child("property").and_then(|property| Some((text(property, "name")?, text(property, "value"))));
    if let Some(file) = activation.child("file") {
        profile.file_exists = text(file, "exists");
        profile.file_missing = text(file, "missing");
    }
    Ok(profile)
}
