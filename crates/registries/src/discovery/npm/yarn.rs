//! yarn berry's `.yarnrc.yml` in, npm's keys out.

use super::Layer;
use crate::discovery::{read_file, shown_path};
use crate::environment::Environment;
use crate::error::RegistryError;
use base64::Engine as _;
use std::collections::BTreeMap;

/// yarn berry's `.yarnrc.yml`, as the npmrc keys that mean the same.
pub(super) fn layer(env: &Environment) -> Result<Option<Layer>, RegistryError> {
    let Some(path) = env.ancestors().map(|folder| folder.join(".yarnrc.yml")).find(|path| path.is_file()) else { return Ok(None) };
    let Some(text) = read_file(&path)? else { return Ok(None) };
    let file: YarnFile = yaml_serde::from_str(&text)
        .map_err(|error| RegistryError::Configuration { place: shown_path(&path), why: bifocal_core::one_line(&error.to_string(), 200) })?;
    let mut keys = BTreeMap::new();
    let mut add = |scope: Option<&str>, settings: &YarnScope| {
        let Some(server) = &settings.npm_registry_server else { return };
        keys.insert(scope.map_or("registry".to_owned(), |scope| format!("@{scope}:registry")), server.clone());
        if let Some(place) = server.split_once(':').map(|(_, place)| format!("{}/", place.trim_end_matches('/'))) {
            if let Some(token) = &settings.npm_auth_token {
                keys.insert(format!("{place}:_authToken"), token.clone());
            }
            if let Some(ident) = &settings.npm_auth_ident {
                let encoded = if ident.contains(':') { base64::engine::general_purpose::STANDARD.encode(ident) } else { ident.clone() };
                keys.insert(format!("{place}:_auth"), encoded);
            }
        }
    };
    add(None, &file.default);
    for (scope, settings) in &file.npm_scopes {
        add(Some(scope.trim_start_matches('@')), settings);
    }
    Ok(Some(Layer { place: shown_path(&path), of_project: true, keys }))
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct YarnScope {
    npm_registry_server: Option<String>,
    npm_auth_token: Option<String>,
    npm_auth_ident: Option<String>,
}

/// The file: its top level is itself the settings of the default registry.
struct YarnFile {
    default: YarnScope,
    npm_scopes: BTreeMap<String, YarnScope>,
}

impl<'de> serde::Deserialize<'de> for YarnFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Top {
            npm_registry_server: Option<String>,
            npm_auth_token: Option<String>,
            npm_auth_ident: Option<String>,
            npm_scopes: BTreeMap<String, YarnScope>,
        }
        let top = Option::<Top>::deserialize(deserializer)?.unwrap_or_default();
        let default = YarnScope {
            npm_registry_server: top.npm_registry_server,
            npm_auth_token: top.npm_auth_token,
            npm_auth_ident: top.npm_auth_ident,
        };
        Ok(YarnFile { default, npm_scopes: top.npm_scopes })
    }
}
