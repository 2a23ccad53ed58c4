//! JSON fields that publishers wrote by hand: a field of the wrong type is none, never an error of the whole document.

use bifocal_core::Publisher;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The longest free text that is kept.
const MAX_TEXT: usize = 4096;
/// The most people kept for one version.
const MAX_PEOPLE: usize = 256;

/// A text, where there is one. `true` counts as an empty text (npm's `deprecated: true`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, cut to a length that is safe to keep.
    pub(crate) fn take(self) -> Option<String> {
        self.0.map(|text| clip(&text).to_owned())
    }
}

/// A text cut to the longest that is kept.
pub(crate) fn clip(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The text of a string, or of one member of an object: `repository: "…"` and `repository: {"url": "…"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Member<'a>(pub(crate) Option<Cow<'a, str>>);

/// People: one or many, each a text or an object with `name` and `email`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct People(pub(crate) Vec<Publisher>);

/// A list of at most `N`. The attack: a document of a few megabytes whose million empty elements each take ten times
/// their length in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AtMost<T, const N: usize>(pub(crate) Vec<T>);

impl<T, const N: usize> Default for AtMost<T, N> {
    fn default() -> Self {
        AtMost(Vec::new())
    }
}

/// The members of an object, at most `N`, in the order written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members<K, V, const N: usize>(pub(crate) Vec<(K, V)>);

impl<K, V, const N: usize> Default for Members<K, V, N> {
    fn default() -> Self {
        Members(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for AtMost<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Walk<T, N> {
            type Value = AtMost<T, N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N}")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if out.len() >= N {
                        return Err(Error::custom(format_args!("more than {N} elements")));
                    }
                    out.push(item);
                }
                Ok(AtMost(out))
            }
        }
        deserializer.deserialize_seq(Walk(PhantomData))
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, const N: usize> Deserialize<'de> for Members<K, V, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk<K, V, const N: usize>(PhantomData<(K, V)>);
        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, const N: usize> Visitor<'de> for Walk<K, V, N> {
            type Value = Members<K, V, N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {N} members")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut out = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    if out.len() >= N {
                        return Err(Error::custom(format_args!("more than {N} members")));
                    }
                    out.push(entry);
                }
                Ok(Members(out))
            }
        }
        deserializer.deserialize_map(Walk(PhantomData))
    }
}

macro_rules! ignore_others {
    ($none:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($none)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($none)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($none)
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($none)
        }
    };
}

fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Loose;
        impl<'de> Visitor<'de> for Loose {
            type Value = Text<'de>;
            ignore_others!(Text(None));
            fn visit_bool<E: Error>(self, value: bool) -> Result<Text<'de>, E> {
                Ok(Text(value.then_some(Cow::Borrowed(""))))
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Text<'de>, A::Error> {
                drain_seq(seq).map(|()| Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text<'de>, A::Error> {
                drain_map(map).map(|()| Text(None))
            }
        }
        deserializer.deserialize_any(Loose)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Loose;
        impl<'de> Visitor<'de> for Loose {
            type Value = Member<'de>;
            ignore_others!(Member(None));
            fn visit_bool<E: Error>(self, _: bool) -> Result<Member<'de>, E> {
                Ok(Member(None))
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Member<'de>, E> {
                Ok(Member(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Member<'de>, E> {
                Ok(Member(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Member<'de>, A::Error> {
                let first = seq.next_element::<Member<'de>>()?.unwrap_or_default();
                drain_seq(seq).map(|()| first)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member<'de>, A::Error> {
                let mut found = Member(None);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if matches!(key.as_ref(), "url" | "type" | "name") && (key == "url" || found.0.is_none()) && key != "type" {
                        found = Member(map.next_value::<Text<'de>>()?.0.or(found.0));
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_any(Loose)
    }
}

impl<'de> Deserialize<'de> for People {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Loose;
        impl<'de> Visitor<'de> for Loose {
            type Value = People;
            ignore_others!(People::default());
            fn visit_bool<E: Error>(self, _: bool) -> Result<People, E> {
                Ok(People::default())
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<People, E> {
                Ok(People(person(text).into_iter().collect()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<People, A::Error> {
                let mut all = Vec::new();
                while let Some(People(mut one)) = seq.next_element::<People>()? {
                    if all.len() < MAX_PEOPLE {
                        all.append(&mut one);
                    }
                }
                all.truncate(MAX_PEOPLE);
                Ok(People(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<People, A::Error> {
                let (mut name, mut email) = (None, None);
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match key.as_ref() {
                        "name" => name = map.next_value::<Text<'de>>()?.take(),
                        "email" => email = map.next_value::<Text<'de>>()?.take(),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                let name = name.filter(|name| !name.is_empty()).or_else(|| email.clone());
                Ok(People(name.map(|name| Publisher { name, email }).into_iter().collect()))
            }
        }
        deserializer.deserialize_any(Loose)
    }
}

/// `Name <mail> (site)`.
pub(crate) fn person(text: &str) -> Option<Publisher> {
    let text = clip(text);
    let (name, rest) = text.split_once('<').unwrap_or((text, ""));
    let email = rest.split_once('>').map(|(email, _)| email.trim().to_owned()).filter(|email| !email.is_empty());
    let name = name.split('(').next().unwrap_or_default().trim().trim_matches('"').to_owned();
    let name = if name.is_empty() { email.clone()? } else { name };
    Some(Publisher { name, email })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_taken_and_the_wrong_ones_are_none() {
        for odd in ["1", "-1", "1.5", "null", "false", "[1,[2]]", "{\"a\":{\"b\":1}}"] {
            assert_eq!(serde_json::from_str::<Text<'_>>(odd).unwrap(), Text(None), "{odd}");
            serde_json::from_str::<People>(odd).unwrap();
            serde_json::from_str::<Member<'_>>(odd).unwrap();
        }
        assert_eq!(serde_json::from_str::<Text<'_>>("true").unwrap().take().as_deref(), Some(""));
        assert_eq!(serde_json::from_str::<Text<'_>>("\"a\\n\"").unwrap().take().as_deref(), Some("a\n"));
    }

    #[test]
    fn members_and_people_are_read_in_every_spelling() {
        for (text, wanted) in [
            ("\"u\"", "u"),
            ("{\"type\":\"git\",\"url\":\"u\"}", "u"),
            ("[{\"url\":\"u\"},\"v\"]", "u"),
            ("{\"url\":\"u\",\"name\":\"n\"}", "u"),
        ] {
            assert_eq!(serde_json::from_str::<Member<'_>>(text).unwrap().0.as_deref(), Some(wanted), "{text}");
        }
        let both = serde_json::from_str::<People>("[\"A B <a@example.com> (x)\", {\"name\":\"c\",\"email\":\"c@example.com\"}]").unwrap().0;
        assert_eq!(both[0], Publisher { name: "A B".to_owned(), email: Some("a@example.com".to_owned()) });
        assert_eq!(both[1].name, "c");
    }

    #[test]
    fn lists_and_objects_that_are_too_long_are_errors() {
        assert_eq!(serde_json::from_str::<AtMost<u8, 2>>("[1,2]").unwrap().0, [1, 2]);
        assert!(serde_json::from_str::<AtMost<u8, 2>>("[1,2,3]").unwrap_err().to_string().contains("more than 2 elements"));
        let read: Members<String, u8, 2> = serde_json::from_str(r#"{"b":1,"a":2}"#).unwrap();
        assert_eq!(read.0, [("b".to_owned(), 1), ("a".to_owned(), 2)]);
        assert!(
            serde_json::from_str::<Members<String, u8, 1>>(r#"{"b":1,"a":2}"#).unwrap_err().to_string().contains("more than 1 members")
        );
        assert!(serde_json::from_str::<Members<String, u8, 1>>("[]").is_err());
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "é".repeat(4000);
        assert_eq!(clip(&long).len(), 4096);
        assert_eq!(clip("short"), "short");
    }
}
