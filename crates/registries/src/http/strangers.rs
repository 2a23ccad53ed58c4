//! Places that a checked project names and that the user's own configuration does not know: nothing is sent there.
//!
//! In: the addresses that the user's clients are configured for, and those that files of the project add. Out: for a
//! request, the file that alone names its place, or none. The attack: a change to a project's npmrc that has the checker
//! carry `${TOKEN}`, or any request at all, to a host of the project's choice.

use crate::origin::is_below;
use url::Url;

/// What is known, and what is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Strangers {
    known: Vec<Url>,
    /// Address and the file that names it.
    shunned: Vec<(Url, String)>,
}

impl Strangers {
    /// An address that the user's own configuration names, or keeps credentials for, where there is one.
    pub(crate) fn know(&mut self, url: Option<Url>) {
        self.known.extend(url);
    }

    /// Whether an address is one of the user's, or below one.
    pub(crate) fn knows(&self, url: &Url) -> bool {
        self.known.iter().any(|known| is_below(url.as_str(), known.as_str()))
    }

    /// An address that the file `source` of the checked project names. One that the user does not know is shunned: its
    /// whole host, unless the user knows another place there. Gives whether it is known.
    pub(crate) fn meet(&mut self, url: &Url, source: &str) -> bool {
        if self.knows(url) {
            return true;
        }
        let mut place = url.clone();
        if !self.known.iter().any(|known| same_host(known, url)) {
            place.set_path("/");
        }
        self.shunned.push((place, source.to_owned()));
        false
    }

    /// The file that alone names the place of an address.
    pub(crate) fn named_by(&self, url: &Url) -> Option<&str> {
        let below = |place: &Url| same_host(place, url) && url.path().starts_with(place.path());
        let (_, source) = self.shunned.iter().find(|(place, _)| below(place))?;
        (!self.knows(url)).then_some(source)
    }
}

fn same_host(one: &Url, other: &Url) -> bool {
    one.host_str() == other.host_str() && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_host_that_only_the_project_names_is_shunned_as_a_whole() {
        let mut strangers = Strangers::default();
        strangers.know(Some(url("https://corp.example/npm/")));
        assert!(strangers.meet(&url("https://corp.example/npm/team/"), ".npmrc"));
        assert!(!strangers.meet(&url("http://corp.example/npm/"), ".npmrc"));
        assert!(!strangers.meet(&url("https://evil.example/npm/"), ".npmrc"));
        assert!(!strangers.meet(&url("https://corp.example/tenant/"), "sub/.npmrc"));
        assert_eq!(strangers.named_by(&url("https://evil.example/other/x")), Some(".npmrc"));
        assert_eq!(strangers.named_by(&url("https://corp.example/tenant/x")), Some("sub/.npmrc"));
        for fine in ["https://corp.example/npm/x", "https://corp.example/files/x", "https://evil.example:8443/x"] {
            assert_eq!(strangers.named_by(&url(fine)), None, "{fine}");
        }
    }
}
