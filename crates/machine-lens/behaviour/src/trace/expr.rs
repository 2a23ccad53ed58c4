//! Expressions: names, members, operators, lists.

use super::fold;
use super::value::{Data, Value};
use super::{EVAL_DEPTH, Tracer};
use crate::api::Effect;
use crate::facts::{Language, Taint};
use crate::ir::{Expr, Op, Target};
use std::rc::Rc;

/// Most names of interfaces whose meaning is remembered.
const MAX_REMEMBERED: usize = 20_000;
/// Longest name that is remembered: a chain of members without end must not be kept at every length.
const MAX_REMEMBERED_BYTES: usize = 200;

impl Value {
    /// The interface path, or an empty text.
    pub(super) fn render_path(&self) -> String {
        match &self.data {
            Data::Api(path) => path.to_string(),
            _ => String::new(),
        }
    }
}

impl<'m> Tracer<'m, '_> {
    pub(super) fn eval(&mut self, expr: &'m Expr, scope: u32) -> Value {
        if self.depth >= EVAL_DEPTH || !self.step() {
            self.out.cut_short = true;
            return Value::default();
        }
        self.depth += 1;
        let value = self.eval_inner(expr, scope);
        self.depth -= 1;
        // Long texts cost what copying them costs.
        if let Some(bytes) = value.as_bytes()
            && bytes.len() > 4_096
        {
            self.charge(bytes.len() as u64 / 256);
        }
        value
    }

    fn eval_inner(&mut self, expr: &'m Expr, scope: u32) -> Value {
        match expr {
            Expr::Unknown => Value::default(),
            Expr::Text(text) => Value::text(text.clone()),
            Expr::Bytes(bytes) => Value { data: Data::Bytes(bytes.clone()), ..Value::default() },
            Expr::Num(number) => Value::number(*number),
            Expr::Name(name) => match self.lookup(*name, scope) {
                Some(value) => {
                    let mut value = value.clone();
                    value.about = Some(*name);
                    value
                }
                None => {
                    let path = self.module.names.text(*name);
                    match self.outer.get(&path) {
                        Some(value) => value.clone(),
                        None => self.resolve(path),
                    }
                }
            },
            Expr::This => match self.class_of(scope) {
                Some(class) => Value { data: Data::Instance(class), ..Value::default() },
                None => Value::default(),
            },
            Expr::Api(path) => self.resolve(path.clone()),
            Expr::Import(specifier) => self.import(specifier, scope),
            Expr::Member(object, name) => {
                let object = self.eval(object, scope);
                self.member(object, name)
            }
            Expr::Index(object, index) => {
                let object = self.eval(object, scope);
                let index = self.eval(index, scope);
                self.index(object, &index)
            }
            Expr::Slice(object, parts) => {
                let object = self.eval(object, scope);
                let parts: Vec<Option<f64>> = parts
                    .iter()
                    .map(|part| match part {
                        Some(part) => self.eval(part, scope).as_number().or(Some(f64::NAN)),
                        None => None,
                    })
                    .collect();
                fold::slice(&object, parts[0], parts[1], parts[2])
            }
            Expr::Call(call) => self.call(call, scope),
            Expr::Binary(op, left, right) => {
                let left = self.eval(left, scope);
                let right = self.eval(right, scope);
                self.binary(*op, &left, &right)
            }
            Expr::Concat(parts) => {
                let parts: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                fold::concat(&parts)
            }
            Expr::Choice(parts) => {
                let mut values: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                let telling = values.iter().position(|value| !matches!(value.data, Data::Unknown));
                let taint = values.iter().fold(Taint::NONE, |all, value| all.with(value.taint));
                match telling {
                    Some(at) => Value { taint, ..values.swap_remove(at) },
                    None => Value::unknown(taint),
                }
            }
            Expr::Sequence(parts) => {
                let mut last = Value::default();
                for part in parts {
                    last = self.eval(part, scope);
                }
                last
            }
            Expr::List(parts) => {
                let parts = parts.iter().map(|part| self.eval(part, scope)).collect();
                Value::list(parts)
            }
            Expr::Dict(parts) => self.dict(parts, scope),
            Expr::Lambda(function) => Value { data: Data::Function(*function), ..Value::default() },
            Expr::Class(class) => Value { data: Data::Class(*class), ..Value::default() },
            Expr::Each(each) => {
                let (target, iter, body) = &**each;
                self.each(target, iter, body, scope)
            }
            Expr::Assign(assign) => {
                let (target, value) = &**assign;
                let value = self.eval(value, scope);
                self.assign(target, value.clone(), scope);
                value
            }
            // A comparison (`a == b`, `a in b`) is lowered to its sides: the outcome depends on all of them.
            Expr::Not(inner) if matches!(&**inner, Expr::Sequence(_)) => {
                let Expr::Sequence(parts) = &**inner else { return Value::default() };
                let sides: Vec<Value> = parts.iter().map(|part| self.eval(part, scope)).collect();
                for pair in sides.windows(2) {
                    self.compare(&pair[0], &pair[1]);
                }
                Value::unknown(sides.iter().fold(Taint::NONE, |all, side| all.with(side.taint)))
            }
            Expr::Not(inner) => {
                let inner = self.eval(inner, scope);
                Value::unknown(inner.taint)
            }
            Expr::Negate(inner) => {
                let inner = self.eval(inner, scope);
                match inner.as_number() {
                    Some(number) => Value::number(-number),
                    None => Value::unknown(inner.taint),
                }
            }
        }
    }

    fn class_of(&self, scope: u32) -> Option<u32> {
        let mut at = scope;
        for _ in 0..64 {
            let function = self.module.functions.get(at.checked_sub(1)? as usize)?;
            if function.class.is_some() {
                return function.class;
            }
            at = self.parent_scope(at)?;
        }
        None
    }

    fn dict(&mut self, parts: &'m [(Expr, Expr)], scope: u32) -> Value {
        let mut items: Vec<(Rc<str>, Value)> = Vec::with_capacity(parts.len());
        let mut taint = Taint::NONE;
        for (key, value) in parts {
            let key = self.eval(key, scope);
            let value = self.eval(value, scope);
            taint = taint.with(value.taint).with(key.taint);
            if let Data::Dict(spread) = &value.data
                && matches!(key.data, Data::Unknown)
            {
                items.extend(spread.iter().cloned());
                continue;
            }
            let key = match &key.data {
                Data::Text(text) => text.clone(),
                _ => Rc::from(key.render(64)),
            };
            items.push((key, value));
        }
        Value { data: Data::Dict(Rc::from(items)), taint, ..Value::default() }
    }

    fn each(&mut self, target: &'m Target, iter: &'m Expr, body: &'m Expr, scope: u32) -> Value {
        let over = self.eval(iter, scope);
        if let Some(count) = count(&over)
            && (count as u64) * 8 < self.budget.steps
            && let Some(items) = items(&over)
        {
            self.charge(count as u64);
            let mut out = Vec::with_capacity(items.len());
            for item in items {
                self.assign_local(target, item, scope);
                out.push(self.eval(body, scope));
            }
            let mut list = Value::list(out);
            list.taint = list.taint.with(over.taint);
            return list.chained(&over, None);
        }
        self.assign_local(target, item_of(&over), scope);
        let body = self.eval(body, scope);
        Value::unknown(body.taint.with(over.taint)).chained(&over, None)
    }

    fn binary(&mut self, op: Op, left: &Value, right: &Value) -> Value {
        if op == Op::Other {
            self.compare(left, right);
        }
        if op == Op::Add {
            return fold::add(left, right);
        }
        if op == Op::Rem
            && let Data::Text(format) | Data::Partial(format) = &left.data
            && self.language == Language::Python
        {
            return fold::percent_format(format, right).tainted(left.taint.with(right.taint));
        }
        if op == Op::Div
            && let Data::Api(path) = &left.data
            && path.contains("Path")
        {
            let joined = fold::join_path(&[left.clone(), right.clone()]);
            return Value { data: left.data.clone(), ..joined };
        }
        // `folder / ".config/x"`, where the folder came out of a walk: a path all the same.
        if op == Op::Div
            && self.language == Language::Python
            && matches!(left.data, Data::Unknown)
            && matches!(right.data, Data::Text(_) | Data::Partial(_))
        {
            let joined = fold::join_path(&[left.clone(), right.clone()]);
            return Value { data: Data::Api(Rc::from("pathlib.Path()")), ..joined };
        }
        fold::arithmetic(op, left, right)
    }

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

    /// Names of the environment compared with words for secrets: somebody looks for tokens.
    pub(super) fn compare(&mut self, left: &Value, right: &Value) {
        if self.sifts {
            return;
        }
        for (names, word) in [(left, right), (right, left)] {
            if names.taint.has(Taint::ENVIRONMENT) && word.is_telling() && !word.taint.has(Taint::ENVIRONMENT) {
                let word = word.render(200).to_ascii_uppercase();
                self.sifts |=
                    ["TOKEN", "SECRET", "PASSW", "_KEY", "APIKEY", "CREDENTIAL", "AUTH"].iter().any(|secret| word.contains(secret));
            }
        }
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

    /// `object[index]`.
    fn index(&mut self, object: Value, index: &Value) -> Value {
        match (&object.data, &index.data) {
            (Data::Api(path), Data::Text(key)) if matches!(&**path, "sys.modules") => self.resolve(key.clone()),
            (Data::Api(_) | Data::Namespace | Data::Instance(_) | Data::Class(_), Data::Text(name)) => self.member(object.clone(), name),
            (Data::Dict(_), Data::Text(name)) => self.member(object.clone(), name),
            (Data::Api(path), _) if matches!(&**path, "process.env" | "os.environ") => Value::unknown(Taint::ENV_ONE),
            (Data::Api(path), Data::Num(number)) if matches!(&**path, "sys.argv" | "process.argv") => {
                let is_self = (*number == 0.0 && &**path == "sys.argv") || (*number == 1.0 && &**path == "process.argv");
                Value::unknown(if is_self { Taint::SELF_PATH } else { Taint::INPUT })
            }
            (Data::List(items), Data::Num(number)) => {
                let at = if *number < 0.0 { items.len() as f64 + number } else { *number };
                if at >= 0.0 { items.get(at as usize).cloned().unwrap_or_default() } else { Value::default() }
            }
            (Data::Dict(items), Data::Num(number)) => {
                let key = super::value::number_text(*number);
                items.iter().rev().find(|(have, _)| **have == *key).map(|(_, value)| value.clone()).unwrap_or_default()
            }
            (Data::Text(_) | Data::Bytes(_), Data::Num(number)) => fold::at(&object, *number),
            (_, Data::Text(name)) => self.member(object.clone(), name),
            _ => Value {
                taint: object.taint,
                chain: object.chain.clone(),
                label: object.label.clone(),
                about: object.about,
                ..Value::default()
            },
        }
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

/// How many items a known sequence has, without making them.
pub(super) fn count(value: &Value) -> Option<usize> {
    match &value.data {
        Data::List(items) => Some(items.len()),
        Data::Text(text) => Some(text.len()),
        Data::Bytes(bytes) => Some(bytes.len()),
        _ => None,
    }
}

/// The items of a known sequence.
pub(super) fn items(value: &Value) -> Option<Vec<Value>> {
    match &value.data {
        Data::List(items) => Some(items.to_vec()),
        Data::Text(text) if text.len() <= 400_000 => {
            let mut buffer = [0u8; 4];
            Some(text.chars().map(|c| Value::text(&*c.encode_utf8(&mut buffer)).tainted(value.taint)).collect())
        }
        Data::Bytes(bytes) if bytes.len() <= 400_000 => {
            Some(bytes.iter().map(|byte| Value::number(f64::from(*byte)).tainted(value.taint)).collect())
        }
        _ => None,
    }
}

/// Some item of a sequence.
pub(super) fn item_of(value: &Value) -> Value {
    match &value.data {
        Data::List(items) => items.iter().fold(Value::default(), |all, item| super::join(&all, item)),
        _ => Value { taint: value.taint, chain: value.chain.clone(), label: value.label.clone(), ..Value::default() },
    }
}
