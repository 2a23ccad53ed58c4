//! `~/.netrc`: logins by host, as pip and uv take them.

/// One login.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Login {
    pub(crate) machine: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// The logins that name a machine. Macros and the `default` entry are passed over: a password without a host would go
/// to every host.
pub(crate) fn parse(text: &str) -> Vec<Login> {
    let mut out: Vec<Login> = Vec::new();
    let mut current: Option<Login> = None;
    let mut in_macro = false;
    let mut words = Vec::new();
    for line in text.lines() {
        if in_macro {
            in_macro = !line.trim().is_empty();
            continue;
        }
        let line = line.trim_start();
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with("macdef") {
            in_macro = true;
            continue;
        }
        words.extend(line.split_whitespace());
    }
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word {
            "machine" => {
                out.extend(current.take());
                current = words.next().map(|host| Login { machine: host.to_owned(), ..Login::default() });
            }
            "default" => out.extend(current.take()),
            "login" | "user" | "password" | "account" => {
                if let (Some(value), Some(login)) = (words.next(), current.as_mut()) {
                    match word {
                        "password" => login.password = value.trim_matches('"').to_owned(),
                        "account" => {}
                        _ => login.user = value.trim_matches('"').to_owned(),
                    }
                }
            }
            _ => {}
        }
    }
    out.extend(current);
    out.retain(|login| !login.user.is_empty() || !login.password.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read_and_the_default_is_not() {
        let read = parse(
            "# c\nmachine a.example login me\n  password p1\nmacdef x\n machine evil.example login e\n\nmachine b.example password \"p2\"\ndefault login any password all\n",
        );
        let login = |machine: &str, user: &str, password: &str| Login {
            machine: machine.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        };
        assert_eq!(read, [login("a.example", "me", "p1"), login("b.example", "", "p2")]);
    }
}
