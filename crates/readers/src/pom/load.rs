//! Gets POMs: from the checked folder (the project, its parents by `relativePath`, its modules) and from the upstream.

use super::model::{self, Model, Parent};
use super::{Fail, MAX_PARENTS, MAX_POMS};
use crate::context::{Coordinates, FileError, PomError, ReadContext, beside};
use crate::error::{Problem, ReadError, shown};
use crate::source::Source;
use bifocal_core::Place;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Every POM got so far.
pub(crate) struct Loader<'c, 'x> {
    pub(crate) ctx: &'c ReadContext<'x>,
    remote: HashMap<Coordinates, Rc<Model>>,
    local: HashMap<String, Option<Rc<Model>>>,
    reactors: HashMap<String, Rc<Vec<Rc<Model>>>>,
    count: usize,
}

impl<'c, 'x> Loader<'c, 'x> {
    pub(crate) fn new(ctx: &'c ReadContext<'x>) -> Self {
        Loader { ctx, remote: HashMap::new(), local: HashMap::new(), reactors: HashMap::new(), count: 0 }
    }

    fn counted(&mut self, wanted_by: &Place) -> Result<(), Fail> {
        self.count += 1;
        if self.count > MAX_POMS {
            let problem = Problem::TooMany { what: "POMs", limit: MAX_POMS };
            return Err(Fail::Unavailable(ReadError { place: wanted_by.clone(), problem }));
        }
        Ok(())
    }

    /// A POM of the upstream. `wanted_by` is the place that errors name.
    pub(crate) fn remote(&mut self, coordinates: &Coordinates, wanted_by: &Place) -> Result<Rc<Model>, Fail> {
        if let Some(model) = self.remote.get(coordinates) {
            return Ok(model.clone());
        }
        self.counted(wanted_by)?;
        let what = format!("the POM of {}", shown(&coordinates.to_string()));
        let failed = |why: String| ReadError { place: wanted_by.clone(), problem: Problem::Upstream { what: what.clone(), why } };
        check(coordinates).map_err(|why| Fail::Broken(failed(why.to_owned())))?;
        let Some(poms) = self.ctx.poms else { return Err(Fail::Unavailable(failed("no Maven upstream is at hand".to_owned()))) };
        let bytes = poms.pom(coordinates).map_err(|error| match error {
            PomError::NotFound => Fail::Broken(failed("the upstream has none".to_owned())),
            PomError::Unavailable(why) => Fail::Unavailable(failed(shown(&why))),
        })?;
        let name = format!("{coordinates}.pom");
        if bytes.len() as u64 > self.ctx.limits.file_bytes {
            let problem = Problem::TooLarge { bytes: bytes.len() as u64, limit: self.ctx.limits.file_bytes };
            return Err(Fail::Broken(ReadError::new(&name, 0, problem)));
        }
        let model = model::parse(&Source { path: &name, bytes: &bytes }, None, &self.ctx.limits).map_err(Fail::Broken)?;
        let model = Rc::new(model);
        self.remote.insert(coordinates.clone(), model.clone());
        Ok(model)
    }

    /// A POM of the checked folder; `None` where there is none that may be read.
    pub(crate) fn local(&mut self, path: &str) -> Result<Option<Rc<Model>>, ReadError> {
        if let Some(known) = self.local.get(path) {
            return Ok(known.clone());
        }
        let model = match self.ctx.files.file(path, self.ctx.limits.file_bytes) {
            Ok(bytes) => Some(Rc::new(model::parse(&Source { path, bytes: &bytes }, Some(path.into()), &self.ctx.limits)?)),
            Err(FileError::NotFound | FileError::Outside) => None,
            Err(FileError::TooLarge { bytes }) => {
                return Err(ReadError::new(path, 0, Problem::TooLarge { bytes, limit: self.ctx.limits.file_bytes }));
            }
            Err(FileError::Io(why)) => return Err(ReadError::new(path, 0, Problem::Io(shown(&why)))),
        };
        self.local.insert(path.to_owned(), model.clone());
        Ok(model)
    }

    /// The parent: by `relativePath` where that leads to the POM meant, else from the upstream.
    pub(crate) fn parent(&mut self, model: &Model, parent: &Parent, version: &str, wanted_by: &Place) -> Result<Rc<Model>, Fail> {
        if let Some(local) = self.local_parent(model, parent).map_err(Fail::Broken)? {
            return Ok(local);
        }
        let coordinates = Coordinates { group: parent.group.clone(), artifact: parent.artifact.clone(), version: version.to_owned() };
        self.remote(&coordinates, wanted_by)
    }

    fn local_parent(&mut self, model: &Model, parent: &Parent) -> Result<Option<Rc<Model>>, ReadError> {
        let Some(path) = model.path.as_deref() else { return Ok(None) };
        let written = parent.relative_path.as_deref().unwrap_or("../pom.xml");
        if written.is_empty() {
            return Ok(None);
        }
        let mut candidates = vec![written.to_owned()];
        if !written.ends_with(".xml") {
            candidates.insert(0, format!("{written}/pom.xml"));
        }
        for candidate in candidates {
            let Some(path) = beside(path, &candidate) else { continue };
            if let Some(found) = self.local(&path)? {
                let group = found.group.as_deref().or(found.parent.as_ref().map(|parent| &*parent.group));
                let version = found.version.as_deref().or(found.parent.as_ref().map(|parent| &*parent.version)).unwrap_or_default();
                let meant = found.artifact == parent.artifact && group == Some(&parent.group);
                if meant
                    && (version == parent.version
                        || version.contains("${")
                        || parent.version.contains("${")
                        || parent.version.starts_with(['[', '(']))
                {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Every POM of the project that `path` belongs to: from its topmost local parent down over `modules`.
    pub(crate) fn reactor(&mut self, path: &str) -> Result<Rc<Vec<Rc<Model>>>, ReadError> {
        if let Some(known) = self.reactors.get(path) {
            return Ok(known.clone());
        }
        let found = Rc::new(self.modules(path)?);
        self.reactors.insert(path.to_owned(), found.clone());
        Ok(found)
    }

    fn modules(&mut self, path: &str) -> Result<Vec<Rc<Model>>, ReadError> {
        let Some(mut top) = self.local(path)? else { return Ok(Vec::new()) };
        for _ in 0..MAX_PARENTS {
            let Some(parent) = top.parent.clone() else { break };
            match self.local_parent(&top, &parent)? {
                Some(above) => top = above,
                None => break,
            }
        }
        let mut found: Vec<Rc<Model>> = Vec::new();
        let mut seen = HashSet::new();
        let mut queue = vec![top];
        while let Some(model) = queue.pop() {
            if !seen.insert(model.path.clone()) {
                continue;
            }
            found.push(model.clone());
            if found.len() > 2_000 {
                return Err(ReadError::new(path, 0, Problem::TooMany { what: "modules", limit: 2_000 }));
            }
            let modules = model.modules.iter().chain(model.profiles.iter().flat_map(|profile| &profile.modules));
            for module in modules {
                let from = model.path.as_deref().unwrap_or_default();
                let written = if module.ends_with(".xml") { module.clone() } else { format!("{module}/pom.xml") };
                if let Some(path) = beside(from, &written)
                    && let Some(model) = self.local(&path)?
                {
                    queue.push(model);
                }
            }
        }
        Ok(found)
    }
}

/// Coordinates go into addresses: no part may be anything but a name.
fn check(coordinates: &Coordinates) -> Result<(), &'static str> {
    for part in [&coordinates.group, &coordinates.artifact, &coordinates.version] {
        let plain = !part.is_empty()
            && part.len() <= 512
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'));
        if !plain || part.contains("..") {
            return Err("its coordinates hold something that no repository allows");
        }
    }
    Ok(())
}
