//! Environment markers (PEP 508): parsed and evaluated in one pass over the text, with bounded nesting.
//!
//! The attack: a marker of thousands of parentheses or alternatives. There is no tree to grow here; the cost is linear.

use super::PythonEnvironment;
use crate::error::{Problem, shown};
use pep440_rs::{Version, VersionSpecifier};
use std::str::FromStr as _;

const MAX_LENGTH: usize = 4096;
const MAX_DEPTH: usize = 32;

/// Whether `marker` holds. Without an environment it is checked and counts as true. `extras` are those asked for.
pub(crate) fn holds(marker: &str, environment: Option<&PythonEnvironment>, extras: &[&str]) -> Result<bool, Problem> {
    let wrong = |why| Problem::Marker { found: shown(marker), why };
    if marker.len() > MAX_LENGTH {
        return Err(wrong("it is longer than 4096 bytes"));
    }
    let mut parser = Parser { rest: marker.trim(), environment, extras, depth: MAX_DEPTH };
    let value = parser.either().map_err(wrong)?;
    if !parser.rest.is_empty() {
        return Err(wrong("something follows it"));
    }
    Ok(value || environment.is_none())
}

struct Parser<'t, 'e> {
    rest: &'t str,
    environment: Option<&'e PythonEnvironment>,
    extras: &'e [&'e str],
    depth: usize,
}

enum Term<'t> {
    Variable(&'t str),
    Text(&'t str),
}

type Parsed<T> = Result<T, &'static str>;

impl<'t> Parser<'t, '_> {
    fn skip(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default().trim_start();
    }

    fn word(&self) -> &'t str {
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    fn either(&mut self) -> Parsed<bool> {
        let mut value = self.both()?;
        while self.word() == "or" {
            self.skip(2);
            value |= self.both()?;
        }
        Ok(value)
    }

    fn both(&mut self) -> Parsed<bool> {
        let mut value = self.atom()?;
        while self.word() == "and" {
            self.skip(3);
            value &= self.atom()?;
        }
        Ok(value)
    }

    fn atom(&mut self) -> Parsed<bool> {
        if !self.rest.starts_with('(') {
            return self.comparison();
        }
        self.depth = self.depth.checked_sub(1).ok_or("its parentheses are nested too deep")?;
        self.skip(1);
        let value = self.either()?;
        if !self.rest.starts_with(')') {
            return Err("a closing parenthesis is missing");
        }
        self.skip(1);
        self.depth += 1;
        Ok(value)
    }

    fn comparison(&mut self) -> Parsed<bool> {
        let left = self.term()?;
        let operator = self.operator()?;
        let right = self.term()?;
        match (&left, &right) {
            (Term::Variable(name), Term::Text(text)) => Ok(self.compare(name, operator, text, false)),
            (Term::Text(text), Term::Variable(name)) => Ok(self.compare(name, operator, text, true)),
            (Term::Variable(one), Term::Variable(other)) => {
                let other = self.value(other).unwrap_or_default();
                Ok(self.compare(one, operator, &other, false))
            }
            (Term::Text(_), Term::Text(_)) => Err("it compares two texts"),
        }
    }

    fn term(&mut self) -> Parsed<Term<'t>> {
        if let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let end = self.rest[1..].find(quote).ok_or("a closing quote is missing")? + 1;
            let text = &self.rest[1..end];
            self.skip(end + 1);
            return Ok(Term::Text(text));
        }
        let word = self.word();
        let known = matches!(word, "extra" | "extras" | "dependency_groups") || PythonEnvironment::linux("3").variable(word).is_some();
        if !known {
            return Err("it has an unknown variable");
        }
        self.skip(word.len());
        Ok(Term::Variable(word))
    }

    fn operator(&mut self) -> Parsed<&'static str> {
        for operator in ["===", "==", "~=", "!=", "<=", ">=", "<", ">"] {
            if self.rest.starts_with(operator) {
                self.skip(operator.len());
                return Ok(operator);
            }
        }
        match self.word() {
            "in" => {
                self.skip(2);
                Ok("in")
            }
            "not" => {
                self.skip(3);
                if self.word() != "in" {
                    return Err("`not` is not followed by `in`");
                }
                self.skip(2);
                Ok("not in")
            }
            _ => Err("an operator is missing"),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        self.environment.and_then(|environment| environment.variable(name)).map(str::to_owned)
    }

    /// `reversed`: the text stands on the left.
    fn compare(&self, name: &str, operator: &'static str, text: &str, reversed: bool) -> bool {
        if matches!(name, "extra" | "extras" | "dependency_groups") {
            let folded = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "-");
            let asked = self.extras.iter().any(|extra| folded(extra) == folded(text));
            return asked != matches!(operator, "!=" | "not in");
        }
        // What differs from machine to machine (the kernel's release) is not known for the one that installs.
        let Some(value) = self.value(name).filter(|value| !value.is_empty()) else { return true };
        let (left, right) = if reversed { (text, value.as_str()) } else { (value.as_str(), text) };
        match operator {
            "in" => return right.contains(left),
            "not in" => return !right.contains(left),
            "===" => return left == right,
            _ => {}
        }
        // Versions compare as versions where both sides are some, all else as text (PEP 508).
        let specifier = VersionSpecifier::from_str(&format!("{operator}{right}"));
        if let (true, Ok(version), Ok(specifier)) = (name.ends_with("_version"), Version::from_str(left), specifier) {
            return specifier.contains(&version);
        }
        match operator {
            "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "<=" => left <= right,
            ">=" => left >= right,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_evaluated_as_pip_does() {
        let linux = PythonEnvironment::linux("3.12.4");
        for (marker, value) in [
            ("python_version >= '3.9'", true),
            ("python_version < \"3.10\"", false),
            ("'3.13' > python_version", true),
            ("sys_platform == 'win32' or os_name == 'posix'", true),
            ("sys_platform == 'win32' and os_name == 'posix'", false),
            ("(sys_platform == 'win32' or sys_platform == 'linux') and python_full_version != '3.12.4'", false),
            ("platform_machine in 'x86_64 amd64'", true),
            ("platform_machine not in 'x86_64 amd64'", false),
            ("'linux' in sys_platform", true),
            ("python_version ~= '3.8'", true),
            ("python_version == '3.*'", true),
            ("extra == 'Dev_tools'", true),
            ("extra == 'docs'", false),
            ("platform_python_implementation != 'PyPy'", true),
        ] {
            assert_eq!(holds(marker, Some(&linux), &["dev-tools"]).unwrap(), value, "{marker}");
            assert!(holds(marker, None, &[]).unwrap(), "{marker}");
        }
    }

    #[test]
    fn broken_and_hostile_markers_are_refused_each_for_its_reason() {
        let deep = format!("{}os_name == 'x'{}", "(".repeat(1000), ")".repeat(1000));
        for (marker, why) in [
            ("", "it has an unknown variable"),
            ("planet == 'mars'", "it has an unknown variable"),
            ("os_name 'x'", "an operator is missing"),
            ("os_name == 'x", "a closing quote is missing"),
            ("(os_name == 'x'", "a closing parenthesis is missing"),
            ("os_name == 'x' os_name", "something follows it"),
            ("'a' == 'a'", "it compares two texts"),
            ("os_name not 'a'", "`not` is not followed by `in`"),
            (deep.as_str(), "its parentheses are nested too deep"),
            (&"x".repeat(5000), "it is longer than 4096 bytes"),
        ] {
            assert!(matches!(holds(marker, None, &[]), Err(Problem::Marker { why: found, .. }) if found == why), "{why}");
        }
    }
}
