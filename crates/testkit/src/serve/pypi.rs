//! Python's simple index in HTML (PEP 503) and JSON (PEP 691, 700), files, `.metadata` (PEP 658), project JSON and
//! provenance (PEP 740).

use super::{Site, file};
use crate::catalogue::newest;
use crate::package::python::PythonPackage;
use crate::package::{Built, Package as _};
use crate::upstream::http::{Request, Response};
use bifocal_core::{Ecosystem, PackageName, Sha256};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const HTML: &str = "application/vnd.pypi.simple.v1+html";

pub(super) fn route(site: &Site<'_>, request: &Request, segments: &[&str]) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "read only\n");
    }
    match segments {
        ["simple" | "simple.json"] | ["simple", ""] => list(site, request),
        ["simple", name] | ["simple", name, ""] => match PackageName::new(Ecosystem::Pypi, name) {
            Ok(normal) if normal.as_str() != *name || segments.len() == 2 => {
                Response::text(301, "moved\n").with("Location", format!("{}/pypi/simple/{}/", site.base, normal.as_str()))
            }
            Ok(normal) => page(site, request, normal.as_str()),
            Err(_) => Response::not_found(),
        },
        ["files", _digest, filename] => download(site, filename),
        ["pypi", name, "json"] => project(site, name, None),
        ["pypi", name, version, "json"] => project(site, name, Some(version)),
        ["integrity", name, version, filename, "provenance"] => provenance(site, name, version, filename),
        _ => Response::not_found(),
    }
}

/// Whether this client gets JSON: the first of its accepted types that we have, by its weight.
fn wants_json(site: &Site<'_>, request: &Request) -> bool {
    let Some(accept) = request.header("accept").filter(|_| site.serving.pypi_json) else { return false };
    let weight = |kind: &str| {
        let of_one = |item: &str| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next()?;
            let latest = kind.replace(".v1+", ".latest+");
            (name == kind || name == latest).then(|| parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0))
        };
        accept.split(',').filter_map(|item| of_one(item.trim())).fold(0.0_f32, f32::max)
    };
    let json = weight(JSON);
    json > 0.0 && json >= weight(HTML).max(weight("text/html"))
}

fn list(site: &Site<'_>, request: &Request) -> Response {
    let names: Vec<&String> = site.catalogue.python.keys().collect();
    if wants_json(site, request) {
        let projects: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        return typed(JSON, &json!({"meta": {"api-version": "1.1"}, "projects": projects}));
    }
    let links: String = names.iter().map(|name| format!("<a href=\"{}/pypi/simple/{name}/\">{name}</a><br>\n", site.base)).collect();
    html(request, &format!("<!DOCTYPE html>\n<html><head><title>Simple index</title></head><body>\n{links}</body></html>\n"))
}

fn typed(kind: &str, body: &Value) -> Response {
    Response::new(200, kind, serde_json::to_vec(body).expect("JSON in memory"))
}

fn html(request: &Request, body: &str) -> Response {
    let kind = if request.header("accept").is_some_and(|accept| accept.contains(HTML)) { HTML } else { "text/html; charset=utf-8" };
    Response::new(200, kind, body.as_bytes())
}

fn files_of<'a>(site: &'a Site<'_>, name: &str) -> Option<&'a [Built<PythonPackage>]> {
    site.catalogue.python.get(name).map(Vec::as_slice).filter(|files| !files.is_empty())
}

fn address(site: &Site<'_>, one: &Built<PythonPackage>) -> String {
    format!("{}/pypi/files/{}/{}", site.base, &one.artifact().sha256_hex()[..12], one.filename())
}

fn provenance_address(site: &Site<'_>, one: &Built<PythonPackage>) -> Option<String> {
    let given = site.serving.pypi_provenance && one.provenance.is_some();
    given.then(|| format!("{}/pypi/integrity/{}/{}/{}/provenance", site.base, one.project(), one.version(), one.filename()))
}

fn metadata_digest(one: &PythonPackage) -> String {
    Sha256::of(one.core_metadata().as_bytes()).hex()
}

fn page(site: &Site<'_>, request: &Request, name: &str) -> Response {
    let Some(files) = files_of(site, name) else { return Response::not_found() };
    if wants_json(site, request) {
        let versions = site.catalogue.versions(&files[0].release().package);
        let files: Vec<Value> = files.iter().map(|one| entry(site, one)).collect();
        let mut body = json!({"meta": {"api-version": "1.0"}, "name": name, "files": files});
        if site.serving.pypi_upload_time {
            body["meta"]["api-version"] = "1.1".into();
            body["versions"] = json!(versions);
        }
        return typed(JSON, &body);
    }
    let links: String = files.iter().map(|one| link(site, one)).collect();
    html(
        request,
        &format!(
            "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\"><title>Links for {name}</title></head>\n<body>\n<h1>Links for {name}</h1>\n{links}</body></html>\n"
        ),
    )
}

fn entry(site: &Site<'_>, one: &Built<PythonPackage>) -> Value {
    let artifact = one.artifact();
    let (_, _, _, requires_python) = one.claims();
    let mut out = json!({
        "filename": one.filename(),
        "url": address(site, one),
        "hashes": {"sha256": artifact.sha256_hex()},
        "requires-python": requires_python,
        "yanked": match &one.yanked { Some(reason) if !reason.is_empty() => json!(reason), Some(_) => json!(true), None => json!(false) },
    });
    if site.serving.pypi_metadata_files && one.is_wheel() {
        let digest = json!({"sha256": metadata_digest(one)});
        out["core-metadata"] = digest.clone();
        out["data-dist-info-metadata"] = digest;
    }
    if site.serving.pypi_upload_time {
        out["size"] = artifact.size().into();
        out["upload-time"] = one.published_at().map(|at| format!("{at:.6}")).into();
    }
    if site.serving.pypi_provenance {
        out["provenance"] = provenance_address(site, one).into();
    }
    out
}

fn link(site: &Site<'_>, one: &Built<PythonPackage>) -> String {
    let (_, _, _, requires_python) = one.claims();
    let mut attributes = String::new();
    if let Some(specifier) = requires_python {
        attributes.push_str(&format!(" data-requires-python=\"{}\"", escape(specifier)));
    }
    if site.serving.pypi_metadata_files && one.is_wheel() {
        let digest = metadata_digest(one);
        attributes.push_str(&format!(" data-dist-info-metadata=\"sha256={digest}\" data-core-metadata=\"sha256={digest}\""));
    }
    if let Some(url) = provenance_address(site, one) {
        attributes.push_str(&format!(" data-provenance=\"{url}\""));
    }
    if let Some(reason) = &one.yanked {
        attributes.push_str(&format!(" data-yanked=\"{}\"", escape(reason)));
    }
    format!("<a href=\"{}#sha256={}\"{attributes}>{}</a><br>\n", address(site, one), one.artifact().sha256_hex(), one.filename())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn download(site: &Site<'_>, filename: &str) -> Response {
    let metadata = filename.strip_suffix(".metadata");
    let wanted = metadata.unwrap_or(filename);
    // The part before the first hyphen is the project's name with underscores (PEP 427, PEP 625).
    let project = wanted.split('-').next().and_then(|name| PackageName::new(Ecosystem::Pypi, name).ok());
    let found = project.and_then(|name| files_of(site, name.as_str())).into_iter().flatten().find(|one| one.filename() == wanted);
    match (found, metadata) {
        (Some(one), Some(_)) if site.serving.pypi_metadata_files => file(one.core_metadata().into_bytes().into()),
        (Some(one), None) => file(one.artifact().served()),
        _ => Response::not_found(),
    }
}

fn project(site: &Site<'_>, name: &str, version: Option<&str>) -> Response {
    let Some(name) = PackageName::new(Ecosystem::Pypi, name).ok().filter(|_| site.serving.pypi_project_json) else {
        return Response::not_found();
    };
    let Some(files) = files_of(site, name.as_str()) else { return Response::not_found() };
    let Some(version) = version.or_else(|| newest(files.iter().map(|one| one.version()))) else { return Response::not_found() };
    let of_version: Vec<&Built<PythonPackage>> = files.iter().filter(|one| one.version() == version).collect();
    let Some(first) = of_version.first() else { return Response::not_found() };
    let (summary, author, repository, requires_python) = first.claims();
    let yanked = of_version.iter().all(|one| one.yanked.is_some());
    let mut releases: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for one in files {
        releases.entry(one.version()).or_default().push(legacy_entry(site, one));
    }
    let owners: Vec<Value> = first.owners.iter().map(|user| json!({"role": "Owner", "user": user})).collect();
    let body = json!({
        "info": {
            "name": first.name(), "version": version, "summary": summary, "author": author, "license": "MIT",
            "requires_dist": first.requirements(), "requires_python": requires_python, "yanked": yanked,
            "yanked_reason": if yanked { first.yanked.clone() } else { None },
            "project_urls": repository.map(|url| json!({"Source": url})),
        },
        "ownership": {"organization": null, "roles": owners},
        "last_serial": files.len(),
        "releases": releases,
        "urls": of_version.iter().map(|one| legacy_entry(site, one)).collect::<Vec<_>>(),
        "vulnerabilities": [],
    });
    Response::json(200, &body)
}

fn legacy_entry(site: &Site<'_>, one: &Built<PythonPackage>) -> Value {
    let artifact = one.artifact();
    let mut out = json!({
        "filename": one.filename(), "url": address(site, one), "size": artifact.size(),
        "packagetype": if one.is_wheel() { "bdist_wheel" } else { "sdist" },
        "digests": {"md5": artifact.md5_hex(), "sha256": artifact.sha256_hex()},
        "yanked": one.yanked.is_some(), "yanked_reason": one.yanked,
    });
    if site.serving.pypi_upload_time {
        out["upload_time_iso_8601"] = one.published_at().map(|at| format!("{at:.6}")).into();
    }
    out
}

fn provenance(site: &Site<'_>, name: &str, version: &str, filename: &str) -> Response {
    let found = files_of(site, name).into_iter().flatten().find(|one| one.version() == version && one.filename() == filename);
    match found.and_then(|one| one.provenance.as_ref()).filter(|_| site.serving.pypi_provenance) {
        Some(document) => typed("application/vnd.pypi.integrity.v1+json", document),
        None => Response::not_found(),
    }
}
