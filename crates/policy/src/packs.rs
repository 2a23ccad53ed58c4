//! The policies that come with the program, readable in the repository under `policies/`.

/// Name and text of each pack.
pub const PACKS: &[(&str, &str)] = &[
    ("default", include_str!("../../../policies/default.toml")),
    ("strict", include_str!("../../../policies/strict.toml")),
    ("observe", include_str!("../../../policies/observe.toml")),
];

/// The text of a pack.
pub fn pack(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
