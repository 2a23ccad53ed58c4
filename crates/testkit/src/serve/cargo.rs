//! cargo's sparse index, downloads, and as much of the crates API as tells dates, publishers and owners.

use super::{Site, file};
use crate::catalogue::newest;
use crate::package::Built;
use crate::package::Package as _;
use crate::package::crates::CratePackage;
use crate::upstream::http::{Request, Response};
use serde_json::{Value, json};

pub(super) fn route(site: &Site<'_>, request: &Request, segments: &[&str]) -> Response {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::text(405, "read only\n");
    }
    match segments {
        ["index", "config.json"] => {
            let mut config = json!({"dl": format!("{}/cargo/dl", site.base), "api": format!("{}/cargo", site.base)});
            if site.auth_required {
                config["auth-required"] = true.into();
            }
            Response::json(200, &config)
        }
        ["index", prefix @ .., name] if prefix.join("/") == index_prefix(name) => index(site, name),
        ["dl", name, version, "download"] => match site.catalogue.krate(name, version) {
            Some(one) => file(one.artifact().served()),
            None => Response::not_found(),
        },
        ["api", "v1", "crates", name] if site.serving.cargo_api => api(site, name),
        ["api", "v1", "crates", name, "owners" | "owner_user"] if site.serving.cargo_api => owners(site, name),
        _ => Response::not_found(),
    }
}

/// The folder of a crate's index file: `1`, `2`, `3/a`, `ab/cd`, in lower case.
fn index_prefix(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let part = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    match name.len() {
        0 => String::new(),
        1 | 2 => name.len().to_string(),
        3 => format!("3/{}", part(0, 1)),
        _ => format!("{}/{}", part(0, 2), part(2, 4)),
    }
}

/// Index files have lower-case names, whatever the crate's spelling.
fn versions<'a>(site: &'a Site<'_>, name: &str) -> Option<&'a [Built<CratePackage>]> {
    let shelf = &site.catalogue.crates;
    shelf.get(name).or_else(|| shelf.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, all)| all)).map(Vec::as_slice)
}

fn index(site: &Site<'_>, name: &str) -> Response {
    let Some(all) = versions(site, name) else { return Response::not_found() };
    let mut text = String::new();
    for one in all {
        text.push_str(&one.index_line(&one.artifact().sha256_hex(), site.serving.cargo_pubtime).to_string());
        text.push('\n');
    }
    Response::text(200, &text)
}

fn api(site: &Site<'_>, name: &str) -> Response {
    let Some(all) = versions(site, name) else { return Response::not_found() };
    let entries: Vec<Value> = all
        .iter()
        .map(|one| {
            json!({
                "crate": one.name(), "num": one.version(), "yanked": one.yanked, "checksum": one.artifact().sha256_hex(),
                "created_at": one.published_at().map(|at| format!("{at:.6}")), "license": "MIT",
                "crate_size": one.artifact().size(),
                "published_by": one.publisher.as_ref().map(|login| json!({"login": login})),
                "dl_path": format!("/api/v1/crates/{}/{}/download", one.name(), one.version()),
            })
        })
        .collect();
    let latest = newest(all.iter().map(|one| one.version()));
    let head = all.iter().find(|one| Some(one.version()) == latest).unwrap_or(&all[0]);
    let (repository, description) = head.claims();
    let created = all.iter().filter_map(|one| one.published_at()).min().map(|at| format!("{at:.6}"));
    let body = json!({
        "crate": {
            "id": head.name(), "name": head.name(), "max_version": latest, "created_at": created, "repository": repository,
            "description": description,
        },
        "versions": entries,
    });
    Response::json(200, &body)
}

fn owners(site: &Site<'_>, name: &str) -> Response {
    let Some(last) = versions(site, name).and_then(<[_]>::last) else { return Response::not_found() };
    let users: Vec<Value> = last.owners.iter().map(|login| json!({"login": login, "kind": "user"})).collect();
    Response::json(200, &json!({"users": users}))
}

#[cfg(test)]
mod tests {
    use super::index_prefix;

    #[test]
    fn index_folders_follow_the_length_of_the_name() {
        for (name, folder) in [("a", "1"), ("ab", "2"), ("abc", "3/a"), ("Serde", "se/rd")] {
            assert_eq!(index_prefix(name), folder);
        }
    }
}
