use crate::known;
use bifocal_policy::{KnownSignals, MAX_CONDITION, MAX_DEPTH, Policy, PolicyError};
use proptest::prelude::*;

fn condition(when: &str) -> Result<(), PolicyError> {
    let when = when.replace('\\', "\\\\").replace('"', "\\\"");
    let text =
        format!("schema_version = 1\nname = \"x\"\n[[rule]]\nname = \"r\"\nverdict = \"hold\"\nmessage = \"m\"\nwhen = \"{when}\"\n");
    Policy::load(&text, "p", &known(), None).map(|_| ())
}

#[test]
fn long_and_deep_conditions_are_refused_before_they_are_parsed() {
    let text = |when: &str| condition(when).unwrap_err().0[0].message.clone();
    assert!(text(&"(".repeat(MAX_DEPTH + 1)).contains("nests deeper"));
    assert!(text(&format!("{}yanked", "!".repeat(2000))).contains("nests deeper"));
    assert!(text(&format!("{}1 == 1", "-".repeat(2000))).contains("nests deeper"));
    assert!(text(&"a".repeat(MAX_CONDITION + 1)).contains("more than 4096"));
    assert!(text(&format!("1{} == 2", "+1".repeat(1000))).contains("chains more than 256"));
    assert!(text(&format!("yanked{}", ".a".repeat(1000))).contains("chains more than 256"));
    assert!(condition(&format!("yanked{}", " || yanked".repeat(300))).is_ok());
    assert!(condition(&format!("{}yanked{}", "(".repeat(40), ")".repeat(40))).is_ok());
}

#[test]
fn a_policy_of_another_form_or_size_is_refused() {
    let load = |text: &str| Policy::load(text, "p", &KnownSignals::unchecked(), None).unwrap_err().0[0].to_string();
    assert!(load("a = [").contains("not TOML"));
    assert!(load("name = \"x\"").contains("has no `schema_version`"));
    assert!(load("schema_version = 2\nname = \"x\"").contains("this program reads 1"));
    assert!(load(&"#".repeat(bifocal_policy::MAX_FILE + 1)).contains("more than"));
    assert!(load("schema_version = 1\nname = \"x\"\nrule = 3").contains("not tables"));
    assert!(load(&format!("x = {}", "[".repeat(100_000))).contains("not TOML"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_the_loader(text in ".{0,200}") {
        let _ = Policy::load(&text, "p", &KnownSignals::unchecked(), None);
        let _ = condition(&text.replace(['\n', '\r'], " "));
    }

    #[test]
    fn no_mix_of_tokens_panics_the_checker(tokens in proptest::collection::vec(prop::sample::select(vec![
        "yanked", "name", "signals", "s", "(", ")", "[", "]", "{", "}", ".", ",", "&&", "||", "!", "-", "+", "?", ":", "==", "<", "in",
        "exists", "all", "has", "\"x\"", "'é'", "1", "1u", "1.5", "b'x'", "null", "true", "size", "matches", "`", "\\", "r'", "\"\"\"",
    ]), 0..24)) {
        let _ = condition(&tokens.join(" "));
        let _ = condition(&tokens.concat());
    }
}
