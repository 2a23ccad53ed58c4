//! Files and hosts: reading, writing, dropping, sending.

use super::Tracer;
use super::call::Site;
use super::method::{Args, through_unknown};
use super::value::{Data, Value};
use crate::api::Effect;
use crate::facts::{Capability, Language, Taint};
use crate::peel;
use crate::place::{HostKind, PathKind, path_kind};
use std::rc::Rc;

/// What reading a file of this kind carries.
pub(crate) fn path_taint(kind: Option<PathKind>) -> Taint {
    match kind {
        Some(PathKind::PackageToken) => Taint::SECRET_FILE.with(Taint::PUBLISH),
        Some(PathKind::SshKey | PathKind::CloudCredential | PathKind::SystemAccounts | PathKind::Keychain | PathKind::ShellHistory) => {
            Taint::SECRET_FILE
        }
        Some(PathKind::Browser) => Taint::BROWSER,
        Some(PathKind::ChatClient) => Taint::CHAT,
        Some(PathKind::Wallet) => Taint::WALLET,
        _ => Taint::NONE,
    }
}

/// What is worth following into a file.
const FOREIGN: Taint = Taint::NETWORK.with(Taint::DECODED).with(Taint::SOCKET).with(Taint::CIPHER).with(Taint::EXECUTABLE);

impl<'m> Tracer<'m, '_> {
    pub(super) fn files(&mut self, effect: Effect, path: &Rc<str>, callee: &Value, args: &Args, site: Site) -> Value {
        let receiver = Value { data: Data::Unknown, ..callee.clone() };
        // `Files.copy(stream, target)` has them the other way round.
        let swapped;
        let args = if &**path == "java.nio.file.Files.copy" {
            swapped = Args { plain: args.plain.iter().take(2).rev().cloned().collect(), named: Vec::new() };
            &swapped
        } else {
            args
        };
        let on_self = matches!(effect, Effect::ReadSelf | Effect::WriteSelf | Effect::DeleteSelf) || path.ends_with("Path().open");
        let file = if on_self {
            receiver.clone()
        } else {
            args.get(0).or_else(|| args.named("path")).or_else(|| args.named("file")).cloned().unwrap_or_default()
        };
        let place = file.render(512);
        let kind = path_kind(&place);
        match effect {
            Effect::Open | Effect::Path | Effect::Writer => {
                let mode =
                    args.get(if on_self { 0 } else { 1 }).or_else(|| args.named("mode")).map(|mode| mode.render(16)).unwrap_or_default();
                let writes = effect == Effect::Writer || mode.contains(['w', 'a', 'x', '+']);
                let read_taint = if writes || effect == Effect::Path { Taint::NONE } else { path_taint(kind).with(Taint::FILE) };
                if effect == Effect::Open && !writes && kind.is_some() {
                    self.note(Capability::FileRead, path, args.taint(), vec![place.clone()], site);
                }
                if writes && kind.is_some_and(PathKind::is_telling_when_written) {
                    self.note(Capability::FileWrite, path, args.taint(), vec![place.clone()], site);
                }
                let data = if path.ends_with("Path().open")
                    || matches!(
                        &**path,
                        "io.open"
                            | "codecs.open"
                            | "builtins.open"
                            | "os.fdopen"
                            | "gzip.open"
                            | "aiofiles.open"
                            | "zipfile.ZipFile"
                            | "tarfile.open"
                    ) {
                    Data::Api(Rc::from("open()"))
                } else {
                    Data::Unknown
                };
                let origin = file.about.or(file.origin);
                let taint = file.taint.with(read_taint).without(Taint::NETWORK.with(Taint::DECODED));
                // How it was opened says what reading it gives.
                let held = Some(Rc::new(Args { plain: vec![Value::text(mode), Value::text(path.clone())], named: Vec::new() }));
                Value { data, taint, label: Some(Rc::from(place)), origin, held, ..Value::default() }
            }
            Effect::ReadInto => {
                let taint = path_taint(kind).with(Taint::FILE);
                if kind.is_some() {
                    self.note(Capability::FileRead, path, taint, vec![place], site);
                }
                if let Some(about) = callee.about {
                    self.taint_name(about, site.scope, taint);
                }
                Value::unknown(taint)
            }
            Effect::Read | Effect::ReadSelf => {
                let taint = path_taint(kind).with(Taint::FILE).with(through_unknown(file.taint).without(Taint::HOME));
                if kind.is_some() {
                    self.note(Capability::FileRead, path, taint, vec![place.clone()], site);
                }
                self.hand_to_functions(args, taint, site.scope);
                let read = self.content(path, &place, callee, args).tainted(taint);
                Value { label: Some(Rc::from(place)), ..read }
            }
            Effect::Write | Effect::WriteSelf => {
                let content = args.get(if on_self { 0 } else { 1 }).or_else(|| args.named("data")).cloned().unwrap_or_default();
                self.hand_to_functions(args, Taint::NONE, site.scope);
                self.write(path, &file, &place, kind, &content, callee, site);
                Value::default()
            }
            Effect::Copy => {
                let to = args.get(1).cloned().unwrap_or_default();
                let to_place = to.render(512);
                let to_kind = path_kind(&to_place);
                let carried = path_taint(kind).with(Taint(file.taint.0 & (Taint::DROPPED.0 | Taint::SELF_PATH.0)));
                if let Some(about) = to.about {
                    self.taint_name(about, site.scope, path_taint(kind).with(Taint(file.taint.0 & Taint::DROPPED.0)));
                }
                if let Some(taint) = self.names_dropped(&place) {
                    self.dropped_labels.insert(Rc::from(to_place.as_str()), taint);
                }
                if kind.is_some() {
                    self.note(Capability::FileRead, path, carried, vec![place], site);
                }
                if to_kind.is_some() {
                    self.note(Capability::FileWrite, path, carried.with(file.taint), vec![to_place], site);
                }
                Value::unknown(carried)
            }
            Effect::Delete | Effect::DeleteSelf => {
                self.note(Capability::Delete, path, file.taint, vec![place], site);
                Value::default()
            }
            Effect::DeleteTree => {
                let mut shown = self.render_args(args);
                // A path object is known by what it was put together of.
                if let (Data::Api(_), Some(label), Some(first)) = (&file.data, &file.label, shown.first_mut()) {
                    *first = label.to_string();
                }
                self.note(Capability::DeleteTree, path, file.taint, shown, site);
                Value::default()
            }
            _ => {
                let mut taint = file.taint;
                if let Some(dropped) = self.names_dropped(&place) {
                    taint = taint.with(dropped);
                }
                if taint.has(Taint::DROPPED) {
                    self.note(Capability::Chmod, path, taint, self.render_args(args), site);
                }
                Value::default()
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one write has this many sides and one caller")]
    fn write(&mut self, path: &Rc<str>, file: &Value, place: &str, kind: Option<PathKind>, content: &Value, callee: &Value, site: Site) {
        let mut taint = content.taint;
        let executable = content.as_bytes().is_some_and(crate::layout::is_executable);
        if executable {
            taint = taint.with(Taint::EXECUTABLE);
        }
        if let Some(origin) = file.origin.or(callee.origin) {
            self.taint_name(origin, site.scope, dropped_of(taint));
        }
        if let Some(about) = callee.about.or(file.about) {
            self.taint_name(about, site.scope, dropped_of(taint));
        }
        self.drop_into(file, taint, site.scope);
        let text = content.render(300);
        if taint.has(FOREIGN.with(Taint::ENCRYPTED).with(Taint::KEYS)) || kind.is_some_and(PathKind::is_telling_when_written) {
            let mut chain: Vec<&'static str> = content.chain.as_deref().unwrap_or_default().to_vec();
            chain.truncate(peel::MAX_LAYERS);
            self.note_chain(Capability::FileWrite, path, taint.with(file.taint), vec![place.to_owned(), text], chain, site);
        }
        self.read_written(place, content, site);
    }

    /// Text written into a script is read as source of its own.
    fn read_written(&mut self, place: &str, content: &Value, site: Site) {
        let Some(text) = content.as_text().or_else(|| content.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Rc::from))
        else {
            return;
        };
        if text.len() < 24 {
            return;
        }
        let language = match crate::layout::script_language(place) {
            Some(language) => language,
            None if self.language == Language::Python && looks_like_python(&text) => Language::Python,
            None => return,
        };
        let is_markup = crate::layout::is_markup(place);
        // A page that is opened in a browser is no program; an application in markup is.
        if !is_markup || place.ends_with(".hta") {
            self.dropped_labels.insert(Rc::from(place), Taint::DROPPED);
            if let Some(origin) = content.origin {
                self.taint_name(origin, site.scope, Taint::DROPPED);
            }
        }
        if is_markup {
            let carrier = Value::unknown(content.taint).chained(content, Some(peel::WRITTEN));
            for script in peel::html::scripts(&text) {
                self.read_virtual(script, Language::JavaScript, &carrier, Some(peel::HTML), site);
            }
            return;
        }
        self.read_virtual(&text, language, content, Some(peel::WRITTEN), site);
    }

    /// What a command line that names a file into which something was dropped runs.
    pub(super) fn names_dropped(&self, command: &str) -> Option<Taint> {
        self.dropped_labels
            .iter()
            .filter(|(label, _)| {
                let name = label.rsplit(['/', '\\']).next().unwrap_or(label);
                // A short name is found in many words; with its folder it is one path.
                let sought = if name.len() >= 3 { name } else { label };
                sought.len() >= 3 && !sought.contains(super::value::HOLE) && command.contains(sought)
            })
            .map(|(_, taint)| *taint)
            .reduce(Taint::with)
    }

    /// A name server is asked. Asking for this machine's own name is no message to anybody, and an address that comes back
    /// is nothing that could be run.
    pub(super) fn ask_name(&mut self, path: &Rc<str>, args: &Args, site: Site) -> Value {
        let rendered = self.render_args(args);
        let taint = args.taint();
        if taint.has(Taint::HOST) && rendered.first().is_some_and(|name| names_this_machine(name)) {
            self.note(Capability::HostInfo, path, Taint::NONE, Vec::new(), site);
            return Value::unknown(Taint::HOST);
        }
        let gives = if answers_address(path) { Taint::NONE } else { Taint::NETWORK };
        self.note(Capability::Dns, path, taint, rendered, site);
        self.hand_to_functions(args, gives, site.scope);
        Value::unknown(gives)
    }

    pub(super) fn network(&mut self, effect: Effect, path: &Rc<str>, callee: &Value, args: &Args, site: Site) -> Value {
        let scope = site.scope;
        let mut rendered = self.render_args(args);
        for value in args.values().take(4) {
            if let Data::Dict(items) = &value.data
                && let Some(url) = url_of(items)
            {
                rendered.push(url);
            }
            if let Data::List(items) = &value.data
                && let Some(first) = items.first()
            {
                rendered.push(first.render(300));
            }
        }
        if let Some(label) = &callee.label {
            rendered.push(label.to_string());
        }
        let taint = args.taint().with(callee.taint.without(Taint::NETWORK.with(Taint::SOCKET)));
        match effect {
            Effect::Client => {
                let label = rendered
                    .into_iter()
                    .find(|text| text.contains("://"))
                    .or_else(|| args.get(0).map(|value| value.render(300)))
                    .map(Rc::from);
                Value { label, ..Value::unknown(taint) }
            }
            Effect::Download => {
                self.note(Capability::Network, path, taint, rendered, site);
                let to = args.get(1).or_else(|| args.named("filename")).or_else(|| args.named("out")).cloned();
                if let Some(to) = &to {
                    self.drop_into(to, Taint::NETWORK, scope);
                    if let Some(about) = to.about {
                        self.taint_name(about, scope, Taint::DROPPED.with(Taint::NETWORK));
                    }
                    self.note(Capability::FileWrite, path, Taint::NETWORK, vec![to.render(512)], site);
                }
                Value::unknown(Taint::DROPPED.with(Taint::NETWORK))
            }
            Effect::Socket => {
                let gives = Taint::SOCKET.with(Taint::NETWORK);
                self.note(Capability::Socket, path, taint, rendered, site);
                self.hand_to_functions(args, gives, scope);
                Value { label: callee.label.clone(), about: callee.about, ..Value::unknown(gives) }
            }
            _ => {
                let label =
                    rendered.iter().find(|text| text.contains("://")).map(|text| Rc::from(text.as_str())).or_else(|| callee.label.clone());
                // What an address service or a metadata service answers says where and what this machine is.
                let tells =
                    rendered.iter().flat_map(|text| crate::place::destinations(text)).fold(Taint::NETWORK, |all, to| match to.kind {
                        HostKind::AddressEcho => all.with(Taint::REGION).with(Taint::HOST),
                        HostKind::CloudMetadata => all.with(Taint::CLOUD),
                        _ => all,
                    });
                self.note(Capability::Network, path, taint, rendered, site);
                self.hand_to_functions(args, tells, scope);
                Value { label, ..Value::unknown(tells) }
            }
        }
    }
}

fn dropped_of(taint: Taint) -> Taint {
    let carried = Taint(taint.0 & FOREIGN.0);
    if carried.is_none() { Taint::NONE } else { carried.with(Taint::DROPPED) }
}

/// Whether a name that is made of what this machine is called asks nobody outside: nothing follows it, or a suffix that no
/// public name server is asked for (RFC 6761, 6762, 8375 and what routers at home use).
fn names_this_machine(name: &str) -> bool {
    let own = name.trim_matches(['"', '\'']).trim_end_matches('.');
    let suffix = own.rsplit(super::value::HOLE).next().unwrap_or(own);
    !own.contains('.') || [".local", ".localhost", ".localdomain", ".lan", ".home", ".home.arpa", ".internal"].contains(&suffix)
}

/// Whether this interface answers with addresses or with the name of an address, and with nothing that its owner words.
fn answers_address(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    [
        "lookup",
        "resolve4",
        "resolve6",
        "reverse",
        "gethostbyname",
        "gethostbyname_ex",
        "gethostbyaddr",
        "getaddrinfo",
        "LookupHost",
        "LookupIP",
        "LookupAddr",
        "getByName",
        "getAllByName",
        "to_socket_addrs",
        "lookup_host",
        "lookup_ip",
    ]
    .contains(&last)
        && !path.starts_with("javax.naming")
}

fn looks_like_python(text: &str) -> bool {
    text.contains("import ")
        && (text.contains("exec(") || text.contains("urlopen") || text.contains("subprocess") || text.contains("requests"))
}

/// The address in an options object.
fn url_of(items: &[(Rc<str>, Value)]) -> Option<String> {
    let get = |names: &[&str]| items.iter().find(|(key, _)| names.contains(&&**key)).map(|(_, value)| value.render(300));
    if let Some(url) = get(&["url", "uri", "href", "baseURL"]) {
        return Some(url);
    }
    let host = get(&["hostname", "host"])?;
    let path = get(&["path", "pathname"]).unwrap_or_default();
    Some(format!("http://{host}/{}", path.trim_start_matches('/')))
}
