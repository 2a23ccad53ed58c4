//! What this crate evaluates is what the `cel` crate's own interpreter says, where both can.

use crate::{assessment, now, rule};
use bifocal_policy::{Context, RULE_ERROR};

const STRINGS: [&str; 4] = ["name", "version", "ecosystem", "upstream"];

/// `Some(value)`, or `None` for an error, by the `cel` crate.
fn by_cel(text: &str) -> Option<bool> {
    let mut context = cel::Context::default();
    context.add_variable_from_value("name", "x");
    context.add_variable_from_value("version", "1.0.0");
    context.add_variable_from_value("ecosystem", "npm");
    context.add_variable_from_value("upstream", "default");
    context.add_variable_from_value("version_count", 5_i64);
    context.add_variable_from_value("yanked", false);
    context.add_variable_from_value("age_hours", 48.0_f64);
    context.add_variable_from_value("also_on", cel::Value::List(vec![cel::Value::from("a"), cel::Value::from("b")].into()));
    match cel::Program::compile(text).unwrap().execute(&context) {
        Ok(cel::Value::Bool(value)) => Some(value),
        Ok(other) => panic!("{text} is {other:?}"),
        Err(_) => None,
    }
}

fn by_us(text: &str) -> Option<bool> {
    let mut subject = assessment("pkg:npm/x@1.0.0", vec![]);
    subject.record.also_on = vec!["a".to_owned(), "b".to_owned()];
    let reasons = rule(text).evaluate(&subject, &Context::at(now())).reasons;
    match reasons.first() {
        Some(reason) if reason.rule == RULE_ERROR => None,
        found => Some(found.is_some()),
    }
}

#[test]
fn both_interpreters_agree() {
    let mut atoms: Vec<String> = Vec::new();
    for (at, string) in STRINGS.iter().enumerate() {
        atoms.push(format!("{string}.contains(\"a\")"));
        atoms.push(format!("{string} < {}", STRINGS[(at + 1) % 4]));
        atoms.push(format!("size({string}) == {at}"));
    }
    for text in [
        "yanked",
        "!yanked",
        "age_hours < 48.0",
        "age_hours <= 48",
        "version_count % 3 == 2",
        "version_count / 2 == 2",
        "version_count / (version_count - 5) == 1",
        "also_on[2] == \"a\"",
        "also_on[1] == \"b\"",
        "\"a\" in also_on",
        "also_on.exists(x, x == \"b\")",
        "also_on.all(x, x < \"b\")",
        "also_on.exists_one(x, x != \"z\")",
        "size(also_on.filter(x, x > \"a\")) == 1",
        "also_on.all(x, also_on.exists(y, y >= x))",
        "-version_count < -4",
        "(yanked ? 1 : 2) == 2",
        "version.matches(\"^1[.]\")",
        "version_count - 7 * 2 == -9",
    ] {
        atoms.push(text.to_owned());
    }
    let mut compared = 0;
    for (at, one) in atoms.iter().enumerate() {
        for two in [&atoms[(at + 5) % atoms.len()], &atoms[(at + 11) % atoms.len()], &atoms[(at + 17) % atoms.len()]] {
            for text in [
                format!("{one} && {two}"),
                format!("{one} || {two}"),
                format!("!({one}) || ({two} && {one})"),
                format!("{one} ? {two} : {one}"),
            ] {
                assert_eq!(by_us(&text), by_cel(&text), "{text}");
                compared += 1;
            }
        }
    }
    assert!(compared > 300);
}
