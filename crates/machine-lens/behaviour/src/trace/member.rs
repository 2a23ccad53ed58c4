//! What a name or a member of an object stands for: a module, a known function, the environment, a field of a class.

use super::Tracer;
use super::value::{Data, Value};
use crate::api::Effect;
use crate::facts::{Language, Taint};
use std::rc::Rc;

/// Most names of interfaces whose meaning is remembered.
const MAX_REMEMBERED: usize = 20_000;
/// Longest name that is remembered: a chain of members without end must not be kept at every length.
const MAX_REMEMBERED_BYTES: usize = 200;

impl<'m> Tracer<'m, '_> {
    /// The value that an interface's name stands for.
    pub(super) fn resolve(&mut self, path: Rc<str>) -> Value {
        if let Some(value) = self.resolved.get(&path) {
            return value.clone();
        }
        let value = self.resolve_anew(path.clone());
        let acts = match &value.data {
            Data::Namespace => true,
            Data::Api(path) => self.table.acts_below(path),
            _ => false,
        };
        self.can_act |= acts;
        if self.resolved.len() < MAX_REMEMBERED && path.len() <= MAX_REMEMBERED_BYTES {
            self.resolved.insert(path, value.clone());
        }
        value
    }

    fn resolve_anew(&mut self, path: Rc<str>) -> Value {
        let path = match self.language {
            Language::JavaScript if matches!(&*path, "globalThis" | "window" | "global" | "self" | "top") => {
                return Value { data: Data::Namespace, ..Value::default() };
            }
            Language::Python if matches!(&*path, "__builtins__" | "builtins" | "__builtin__") => {
                return Value { data: Data::Namespace, ..Value::default() };
            }
            _ => path,
        };
        match self.table.effect(&path) {
            Some(Effect::Value(_)) if path.starts_with("string.") => Value::text(alphabet(&path)),
            Some(Effect::Value(taint)) => Value { data: Data::Api(path), taint, ..Value::default() },
            Some(Effect::EnvAll) if self.is_environment_object(&path) => {
                Value { data: Data::Api(path), taint: Taint::ENVIRONMENT, ..Value::default() }
            }
            Some(_) => Value::api(path),
            None if is_build_tool(&path) => Value::api(path),
            None if self.table.leads_somewhere(&path) => Value::api(path),
            None if self.is_own_module(&path) => self.linked(&path).unwrap_or_else(|| Value::api(path)),
            None => Value::default(),
        }
    }

    /// A module of the package itself, as its specifier is written.
    pub(super) fn is_own_module(&self, path: &str) -> bool {
        path.starts_with('.')
            || (self.language == Language::Jvm && path.rsplit_once('.').is_some_and(|(class, _)| self.own_modules.contains(class)))
            || (self.language == Language::Python
                && !self.own_modules.is_empty()
                && self.own_modules.contains(path.split('.').next().unwrap_or(path)))
            || (self.language == Language::JavaScript && !self.own_modules.is_empty() && self.own_modules.contains(npm_package(path)))
    }

    fn is_environment_object(&self, path: &str) -> bool {
        matches!(path, "process.env" | "os.environ" | "os.environb" | "Bun.env")
    }

    /// `object.name`.
    pub(super) fn member(&mut self, object: Value, name: &Rc<str>) -> Value {
        // A text's constructor makes functions of texts.
        self.can_act |= self.language == Language::JavaScript && &**name == "constructor";
        match &object.data {
            Data::Api(path) => {
                if matches!(&**name, "default" | "promises" | "__esModule") && self.language == Language::JavaScript && !path.contains('.')
                {
                    return object;
                }
                if matches!(&**path, "process.env" | "os.environ" | "os.environb" | "Bun.env") && !is_mapping_method(name) {
                    return one_variable(name);
                }
                if let Some(mut value) = self.member_of(path, name) {
                    value.taint = value.taint.with(object.taint);
                    value.label = object.label.clone();
                    value.about = object.about;
                    value.origin = object.origin;
                    value.held = object.held;
                    return value;
                }
                if &**name == "__dict__" {
                    return object;
                }
                if &**name == "constructor" && self.language == Language::JavaScript && matches!(&**path, "Object" | "Function" | "eval") {
                    return Value::api("Function");
                }
                Value { taint: object.taint, label: object.label.clone(), about: object.about, ..Value::default() }
            }
            Data::Namespace => {
                let own = self.field_name(name).and_then(|sym| self.env.get(&(0, sym)).cloned());
                own.unwrap_or_else(|| self.resolve(name.clone()))
            }
            Data::Function(_) if &**name == "constructor" && self.language == Language::JavaScript => Value::api("Function"),
            Data::List(_) | Data::Text(_) | Data::Num(_)
                if self.language == Language::JavaScript
                    && matches!(
                        &**name,
                        "constructor" | "filter" | "map" | "find" | "flat" | "at" | "fill" | "sort" | "entries" | "slice" | "concat"
                    ) =>
            {
                Value::api("Object").tainted(object.taint)
            }
            Data::Dict(items) => match items.iter().rev().find(|(key, _)| key == name) {
                Some((_, value)) => value.clone(),
                None => Value::unknown(object.taint),
            },
            Data::Instance(class) | Data::Class(class) => {
                let class = *class;
                if let Some(&function) = self.module.classes.get(class as usize).and_then(|class| class.methods.get(name)) {
                    return Value { data: Data::Function(function), ..Value::default() };
                }
                let name = self.field_name(name);
                name.and_then(|name| self.fields.get(&(class, name)).cloned()).unwrap_or_else(|| Value::unknown(object.taint))
            }
            Data::Text(text) if &**name == "length" => Value::number(text.encode_utf16().count() as f64),
            Data::List(items) if &**name == "length" => Value::number(items.len() as f64),
            _ => {
                let taint = if &**name == "length" { Taint::NONE } else { object.taint };
                Value { taint, chain: object.chain.clone(), label: object.label.clone(), about: object.about, ..Value::default() }
            }
        }
    }

    /// What a member of an interface stands for; `None` when it is none.
    fn member_of(&mut self, path: &str, name: &str) -> Option<Value> {
        let path = if path == "asyncio.subprocess" { "subprocess" } else { path };
        let mut full = std::mem::take(&mut self.joined);
        full.clear();
        full.push_str(path);
        full.push('.');
        full.push_str(name);
        let value = match self.members.get(full.as_str()) {
            Some(known) => known.clone(),
            None => {
                let leads = self.table.leads_somewhere(&full) || self.is_own_module(path) || is_build_tool(path);
                let full: Rc<str> = Rc::from(full.as_str());
                let value = leads.then(|| self.resolve(full.clone()));
                // Of a class file the path alone does not tell where the class ends.
                if self.members.len() < MAX_REMEMBERED && full.len() <= MAX_REMEMBERED_BYTES && self.language != Language::Jvm {
                    self.members.insert(full, value.clone());
                }
                value
            }
        };
        self.joined = full;
        value
    }

    pub(super) fn field_name(&self, name: &str) -> Option<u32> {
        self.module.names.find(name)
    }
}

/// The package of a path such as `name.member`, `name/file.member` or `@scope/name.member`.
fn npm_package(path: &str) -> &str {
    let scope = if path.starts_with('@') { path.find('/').map_or(0, |at| at + 1) } else { 0 };
    let rest = &path[scope..];
    &path[..scope + rest.find(['/', '.', '(']).unwrap_or(rest.len())]
}

fn is_mapping_method(name: &str) -> bool {
    matches!(name, "get" | "copy" | "items" | "keys" | "values" | "setdefault" | "update" | "pop")
}

/// The constants of Python's `string` module.
fn alphabet(path: &str) -> &'static str {
    match path {
        "string.ascii_letters" => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "string.ascii_lowercase" => "abcdefghijklmnopqrstuvwxyz",
        "string.ascii_uppercase" => "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        _ => "0123456789",
    }
}

/// Classes of build tools: a package's own commands are made from them.
fn is_build_tool(path: &str) -> bool {
    ["setuptools", "distutils", "wheel.bdist_wheel", "hatchling", "poetry.core"]
        .iter()
        .any(|tool| path.strip_prefix(tool).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether the name of an environment variable says that it is a secret.
pub(super) fn one_variable(name: &str) -> Value {
    let upper = name.to_ascii_uppercase();
    let secret = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"]
        .iter()
        .any(|word| upper.contains(word));
    let mut taint = Taint::ENV_ONE;
    if secret {
        taint = taint.with(Taint::SECRET_ENV);
    }
    if matches!(&*upper, "HOME" | "USERPROFILE" | "APPDATA" | "LOCALAPPDATA") {
        taint = taint.with(Taint::HOME);
    }
    if matches!(&*upper, "TEMP" | "TMP" | "TMPDIR") {
        taint = taint.with(Taint::TEMP);
    }
    if matches!(
        &*upper,
        "CI" | "CONTINUOUS_INTEGRATION"
            | "GITHUB_ACTIONS"
            | "GITLAB_CI"
            | "TRAVIS"
            | "CIRCLECI"
            | "JENKINS_URL"
            | "TF_BUILD"
            | "BUILDKITE"
            | "TEAMCITY_VERSION"
            | "APPVEYOR"
            | "CODEBUILD_BUILD_ID"
            | "BITBUCKET_BUILD_NUMBER"
    ) {
        taint = taint.with(Taint::CI);
    }
    if matches!(&*upper, "LANG" | "LC_ALL" | "LANGUAGE" | "TZ" | "LC_CTYPE") {
        taint = taint.with(Taint::REGION);
    }
    if secret
        && ["NPM_", "NODE_AUTH", "PYPI", "TWINE", "CARGO_REGISTRY", "GITHUB_TOKEN", "GH_TOKEN"].iter().any(|word| upper.contains(word))
    {
        taint = taint.with(Taint::PUBLISH);
    }
    if matches!(&*upper, "USER" | "USERNAME" | "LOGNAME" | "HOSTNAME" | "COMPUTERNAME") {
        taint = taint.with(Taint::HOST);
    }
    let value = Value::unknown(taint);
    let known = match &*upper {
        "HOME" | "USERPROFILE" => "~",
        "APPDATA" => "~/AppData/Roaming",
        "LOCALAPPDATA" => "~/AppData/Local",
        "TEMP" | "TMP" | "TMPDIR" => "/tmp",
        _ => return value,
    };
    Value { data: Data::Text(Rc::from(known)), ..value }
}
