//! The npm registry: packuments (full and abbreviated), manifests, tarballs, dist-tags, keys, attestations, advisories.

use super::{Site, file};
use crate::package::Package as _;
use crate::package::npm::{NpmPackage, people_json};
use crate::package::{Built, millis};
use crate::upstream::http::{Request, Response};
use serde_json::{Map, Value, json};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";

/// Fields of a manifest that the abbreviated packument keeps.
const KEPT: [&str; 19] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "directories",
    "dist",
    "engines",
    "cpu",
    "os",
    "libc",
    "hasInstallScript",
    "_hasShrinkwrap",
];

pub(super) fn route(site: &Site<'_>, request: &Request, segments: &[&str]) -> Response {
    let post = request.method == "POST";
    match segments {
        [""] => Response::json(200, &json!({"db_name": "registry"})),
        ["-", "ping"] => Response::json(200, &json!({})),
        ["-", "npm", "v1", "keys"] => match &site.catalogue.npm_keys {
            Some(keys) => Response::json(200, keys),
            None => missing(),
        },
        ["-", "npm", "v1", "attestations", spec @ ..] => attestations(site, &spec.join("/")),
        ["-", "npm", "v1", "security", "advisories", "bulk"] if post => advisories(site, request),
        ["-", "npm", "v1", "security", "audits"] | ["-", "npm", "v1", "security", "audits", "quick"] if post => {
            Response::json(200, &json!({"actions": [], "advisories": {}, "muted": [], "metadata": {"vulnerabilities": {}}}))
        }
        ["-", "package", name @ .., "dist-tags"] => {
            let name = name.join("/");
            if site.catalogue.npm.contains_key(&name) { Response::json(200, &json!(site.catalogue.tags(&name))) } else { missing() }
        }
        ["-", "v1", "search"] => Response::json(200, &json!({"objects": [], "total": 0})),
        _ if !matches!(request.method.as_str(), "GET" | "HEAD") => Response::text(405, "read only\n"),
        [scope, base, "-", filename] if scope.starts_with('@') => tarball(site, &format!("{scope}/{base}"), filename),
        [name, "-", filename] => tarball(site, name, filename),
        [scope, base] if scope.starts_with('@') => packument(site, request, &format!("{scope}/{base}")),
        [scope, base, version] if scope.starts_with('@') => version_manifest(site, &format!("{scope}/{base}"), version),
        [name] => packument(site, request, name),
        [name, version] => version_manifest(site, name, version),
        _ => missing(),
    }
}

fn missing() -> Response {
    Response::json(404, &json!({"error": "Not found"}))
}

fn manifest(site: &Site<'_>, release: &Built<NpmPackage>) -> Value {
    let (name, version) = (release.name(), release.version());
    let tarball = format!("{}/npm/{name}/-/{}", site.base, NpmPackage::tarball_name(name, version));
    let attestations = format!("{}/npm/-/npm/v1/attestations/{name}@{version}", site.base);
    release.registry_manifest(release.artifact(), &tarball, &attestations, site.serving.npm_signatures, site.serving.npm_attestations)
}

fn packument(site: &Site<'_>, request: &Request, name: &str) -> Response {
    let Some(releases) = site.catalogue.npm.get(name).filter(|releases| !releases.is_empty()) else { return missing() };
    let tags = site.catalogue.tags(name);
    let modified = releases.iter().filter_map(|one| one.published_at()).max().map(millis);
    if site.serving.npm_abbreviated && request.header("accept").is_some_and(|accept| accept.contains(ABBREVIATED)) {
        let versions: Map<String, Value> =
            releases.iter().map(|one| (one.version().to_owned(), abbreviated(manifest(site, one)))).collect();
        let body = json!({"name": name, "dist-tags": tags, "versions": versions, "modified": modified});
        return Response::new(200, ABBREVIATED, serde_json::to_vec(&body).expect("JSON in memory"));
    }
    let versions: Map<String, Value> = releases.iter().map(|one| (one.version().to_owned(), manifest(site, one))).collect();
    let newest = tags.get("latest").and_then(|latest| releases.iter().find(|one| one.version() == latest)).unwrap_or(&releases[0]);
    let mut body = json!({"_id": name, "name": name, "dist-tags": tags, "versions": versions});
    for field in ["description", "license", "repository", "homepage", "keywords"] {
        if let Some(value) = newest.manifest().get(field) {
            body[field] = value.clone();
        }
    }
    let (_, maintainers) = newest.people();
    if !maintainers.is_empty() {
        body["maintainers"] = people_json(maintainers);
    }
    if site.serving.npm_time {
        let mut time: Map<String, Value> =
            releases.iter().filter_map(|one| Some((one.version().to_owned(), one.time_entry()?.into()))).collect();
        if let Some(created) = releases.iter().filter_map(|one| one.published_at()).min() {
            time.insert("created".into(), millis(created).into());
            time.insert("modified".into(), modified.into());
        }
        body["time"] = Value::Object(time);
    }
    Response::json(200, &body)
}

fn abbreviated(manifest: Value) -> Value {
    let Value::Object(fields) = manifest else { return manifest };
    Value::Object(fields.into_iter().filter(|(key, _)| KEPT.contains(&key.as_str())).collect())
}

fn version_manifest(site: &Site<'_>, name: &str, version: &str) -> Response {
    let tags = site.catalogue.tags(name);
    let version = tags.get(version).map_or(version, String::as_str);
    match site.catalogue.npm(name, version) {
        Some(release) => Response::json(200, &manifest(site, release)),
        None => missing(),
    }
}

fn tarball(site: &Site<'_>, name: &str, filename: &str) -> Response {
    let releases = site.catalogue.npm.get(name).map(Vec::as_slice).unwrap_or_default();
    match releases.iter().find(|one| NpmPackage::tarball_name(name, one.version()) == filename) {
        Some(release) => file(release.artifact().served()),
        None => missing(),
    }
}

fn attestations(site: &Site<'_>, spec: &str) -> Response {
    let release = spec.rsplit_once('@').and_then(|(name, version)| site.catalogue.npm(name, version));
    match release.and_then(|release| release.attestations.as_ref()).filter(|_| site.serving.npm_attestations) {
        Some(document) => Response::json(200, document),
        None => missing(),
    }
}

/// The bulk endpoint: the request maps names to versions (gzip-encoded by npm); the answer maps names to advisories.
fn advisories(site: &Site<'_>, request: &Request) -> Response {
    let mut body = request.body.clone();
    if request.header("content-encoding").is_some_and(|value| value == "gzip") {
        let mut plain = Vec::new();
        let mut decoder = std::io::Read::take(flate2::read::GzDecoder::new(body.as_slice()), 64 << 20);
        if std::io::Read::read_to_end(&mut decoder, &mut plain).is_err() {
            return Response::text(400, "the body is not gzip\n");
        }
        body = plain;
    }
    let Ok(Value::Object(asked)) = serde_json::from_slice(&body) else { return Response::text(400, "the body is no JSON object\n") };
    let known = &site.catalogue.npm_advisories;
    let found: Map<String, Value> = asked.keys().filter_map(|name| Some((name.clone(), known.get(name)?.clone()))).collect();
    Response::json(200, &Value::Object(found))
}
