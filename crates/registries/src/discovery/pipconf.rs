//! The syntax of pip.conf: sections, `key = value` or `key: value`, and values that go on in indented lines.

use std::collections::BTreeMap;

/// Keys by section and name; `index_url` and `index-url` are one key.
pub(crate) fn parse(text: &str) -> BTreeMap<(String, String), String> {
    let mut out: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut section = String::new();
    let mut last: Option<(String, String)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t'])
            && let Some(value) = last.as_ref().and_then(|key| out.get_mut(key))
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_owned();
            last = None;
            continue;
        }
        let Some(at) = trimmed.find(['=', ':']) else { continue };
        let key = (section.clone(), trimmed[..at].trim().to_ascii_lowercase().replace('_', "-"));
        out.insert(key.clone(), trimmed[at + 1..].trim().to_owned());
        last = Some(key);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_in_indented_lines() {
        let read = parse(
            "[global]\nIndex_URL: https://a.example/simple\nextra-index-url =\n    https://b.example/simple\n    # c\n    https://c.example/simple\n[install]\nno-index = true\n",
        );
        let value = |section: &str, key: &str| read.get(&(section.to_owned(), key.to_owned())).map(String::as_str);
        assert_eq!(value("global", "index-url"), Some("https://a.example/simple"));
        assert_eq!(value("global", "extra-index-url"), Some("\nhttps://b.example/simple\nhttps://c.example/simple"));
        assert_eq!(value("install", "no-index"), Some("true"));
    }
}
