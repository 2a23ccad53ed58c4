//! Where Maven would go: settings.xml of the user and of the installation, and the built-in `central`, which is read
//! from the super POM inside the installed Maven itself (`maven-model-builder-*.jar`).

use super::maven_settings::{Repository, Settings};
use super::{Upstream, from_options};
use crate::environment::Environment;
use crate::error::RegistryError;
use crate::facade::Shared;
use crate::http::Credentials;
use crate::{tool, xml};
use bifocal_core::{Ecosystem, one_line};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest jar that is looked into.
const MAX_JAR: u64 = 16 << 20;
/// The largest super POM.
const MAX_POM: u64 = 1 << 20;
const SUPER_POM: &str = "org/apache/maven/model/pom-4.0.0.xml";

/// What discovery found.
#[derive(Debug, Default)]
pub(crate) struct MavenSetup {
    /// In the order in which Maven asks them.
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) credentials: Credentials,
    pub(crate) notes: Vec<String>,
    settings: Settings,
}

/// Reads everything. Blocking.
pub(crate) fn discover(shared: &Shared) -> Result<MavenSetup, RegistryError> {
    let mut setup = MavenSetup::default();
    setup.upstreams = from_options(shared, Ecosystem::Maven, &mut setup.credentials)?;
    if !setup.upstreams.is_empty() {
        return Ok(setup);
    }
    let env = &shared.env;
    let installed = installation(env);
    if let Some(home) = &env.home {
        setup.settings.add_file(&home.join(".m2/settings.xml"), env)?;
    }
    if let Some(folder) = &installed {
        setup.settings.add_file(&folder.join("conf/settings.xml"), env)?;
    }
    let mut repositories = setup.settings.repositories.clone();
    let mut missing = None;
    if !repositories.iter().any(|repository| repository.id == "central") {
        let central = Repository { id: "central".to_owned(), url: String::new(), source: "Maven's super POM".to_owned() };
        // With a mirror over it the built-in address is not needed.
        if setup.settings.mirror_of(&central).is_some_and(|mirror| !mirror.blocked) {
            repositories.push(central);
        } else {
            match super_pom(installed.as_deref()) {
                Ok(found) => repositories.extend(found),
                Err(why) => missing = Some(why),
            }
        }
    }
    for repository in repositories {
        setup.add(shared, &repository)?;
    }
    match missing {
        Some(why) if setup.upstreams.is_empty() => {
            Err(RegistryError::NoUpstream { ecosystem: Ecosystem::Maven, key: "mirrors or repositories in ~/.m2/settings.xml", why })
        }
        Some(why) => {
            setup.notes.push(format!("Maven's built-in `central` is not asked: {why}"));
            Ok(setup)
        }
        None => Ok(setup),
    }
}

impl MavenSetup {
    /// Adds a repository through its mirror, with the credentials of its server.
    fn add(&mut self, shared: &Shared, repository: &Repository) -> Result<(), RegistryError> {
        let (id, url, source) = match self.settings.mirror_of(repository) {
            Some(mirror) if mirror.blocked => {
                self.notes.push(format!(
                    "repository `{}` is passed over: mirror `{}` blocks it",
                    one_line(&repository.id, 60),
                    one_line(&mirror.id, 60)
                ));
                return Ok(());
            }
            Some(mirror) => (mirror.id.clone(), mirror.url.clone(), format!("mirror `{}` in settings.xml", one_line(&mirror.id, 60))),
            None => (repository.id.clone(), repository.url.clone(), repository.source.clone()),
        };
        if url.starts_with("file:") || url.contains("${") {
            self.notes.push(format!("repository `{}` is passed over: its address is no http or https address", one_line(&id, 60)));
            return Ok(());
        }
        let upstream = Upstream::read(shared, Ecosystem::Maven, &id, &url, &source, &mut self.credentials)?;
        if self.upstreams.iter().any(|other| other.base == upstream.base) {
            return Ok(());
        }
        if let Some(server) = self.settings.server(&id) {
            match (&server.authorization, &server.username, &server.password) {
                (Some(value), _, _) => self.credentials.raw(&upstream.base, value),
                (None, Some(user), Some(password)) if is_encrypted(password) => self.notes.push(format!(
                    "the password of server `{}` is encrypted and is not sent (user `{}`); give it as ${{env.NAME}}",
                    one_line(&id, 60),
                    one_line(user, 60)
                )),
                (None, Some(user), Some(password)) => self.credentials.basic(&upstream.base, user, password),
                _ => {}
            }
        }
        self.upstreams.push(upstream);
        Ok(())
    }

    /// Whether the user's settings say where a repository is that a POM names: by a mirror over it, or under the same id.
    pub(crate) fn decides(&self, id: &str, url: &str) -> bool {
        let repository = Repository { id: id.to_owned(), url: url.to_owned(), source: String::new() };
        let listed = self.settings.repositories.iter().any(|known| known.id == id);
        !id.is_empty() && (listed || self.settings.mirror_of(&repository).is_some())
    }
}

/// `{…}` is Maven's mark of an encrypted password.
fn is_encrypted(password: &str) -> bool {
    password.find('{').zip(password.rfind('}')).is_some_and(|(open, close)| open < close && !password[..open].ends_with('$'))
}

/// The folder of the installed Maven: named by a variable, or around the `mvn` on the path.
fn installation(env: &Environment) -> Option<PathBuf> {
    let named = env
        .first_var(&["MAVEN_HOME", "M2_HOME"])
        .map(|(_, folder)| PathBuf::from(folder))
        .filter(|folder| folder.is_absolute() && folder.join("lib").is_dir());
    named.or_else(|| {
        let program = std::fs::canonicalize(tool::find(env, "mvn")?).ok()?;
        program.parent()?.parent().map(Path::to_owned).filter(|folder| folder.join("lib").is_dir())
    })
}

/// The repositories of the super POM, or why they are not known.
fn super_pom(installed: Option<&Path>) -> Result<Vec<Repository>, String> {
    let folder = installed.ok_or_else(|| "mvn is not on the path".to_owned())?;
    let lib = folder.join("lib");
    let mut jars: Vec<PathBuf> = std::fs::read_dir(&lib)
        .map_err(|error| format!("{} cannot be read: {error}", lib.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("maven-model-builder-") && name.ends_with(".jar")
        })
        .collect();
    jars.sort();
    let jar = jars.last().ok_or_else(|| format!("{} holds no maven-model-builder jar", lib.display()))?;
    let unusable = |why: String| format!("{} has no readable super POM: {why}", jar.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(jar).map_err(|error| unusable(error.to_string()))?;
    file.take(MAX_JAR).read_to_end(&mut bytes).map_err(|error| unusable(error.to_string()))?;
    let pom = entry(&bytes, SUPER_POM).ok_or_else(|| unusable("the jar is damaged or without it".to_owned()))?;
    let root = xml::parse(&pom).map_err(|(place, what)| unusable(format!("{place}: {what}")))?;
    let found: Vec<Repository> = root
        .child("repositories")
        .into_iter()
        .flat_map(|list| list.all("repository"))
        .filter_map(|one| {
            Some(Repository {
                id: one.text_at(&["id"])?.to_owned(),
                url: one.text_at(&["url"])?.to_owned(),
                source: "Maven's super POM".to_owned(),
            })
        })
        .collect();
    if found.is_empty() { Err(unusable("it names no repository".to_owned())) } else { Ok(found) }
}

/// One file of a zip, found by the central directory. For the jar of an installed client alone: archives of packages
/// go to the bounded unpacker.
fn entry(zip: &[u8], name: &str) -> Option<Vec<u8>> {
    let u16_at = |at: usize| Some(usize::from(u16::from_le_bytes(zip.get(at..at.checked_add(2)?)?.try_into().ok()?)));
    let u32_at = |at: usize| usize::try_from(u32::from_le_bytes(zip.get(at..at.checked_add(4)?)?.try_into().ok()?)).ok();
    let tail = zip.len().saturating_sub(65_557);
    let end = tail.checked_add(memchr::memmem::rfind(zip.get(tail..)?, b"PK\x05\x06")?)?;
    let mut at = u32_at(end.checked_add(16)?)?;
    for _ in 0..u16_at(end.checked_add(10)?)? {
        if zip.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
            return None;
        }
        let (method, packed) = (u16_at(at.checked_add(10)?)?, u32_at(at.checked_add(20)?)?);
        let (name_length, extra, comment) = (u16_at(at.checked_add(28)?)?, u16_at(at.checked_add(30)?)?, u16_at(at.checked_add(32)?)?);
        let local = u32_at(at.checked_add(42)?)?;
        let start = at.checked_add(46)?;
        if zip.get(start..start.checked_add(name_length)?)? == name.as_bytes() {
            let data = local.checked_add(30)?.checked_add(u16_at(local.checked_add(26)?)?)?.checked_add(u16_at(local.checked_add(28)?)?)?;
            let packed = zip.get(data..data.checked_add(packed)?)?;
            let mut out = Vec::new();
            match method {
                0 => out.extend_from_slice(packed),
                8 => {
                    flate2::read::DeflateDecoder::new(packed).take(MAX_POM).read_to_end(&mut out).ok()?;
                }
                _ => return None,
            }
            return Some(out);
        }
        at = start.checked_add(name_length)?.checked_add(extra)?.checked_add(comment)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    /// A zip with one stored or deflated file.
    fn jar(name: &str, content: &[u8], deflate: bool) -> Vec<u8> {
        use std::io::Write as _;
        let (method, packed) = if deflate {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(content).unwrap();
            (8_u16, encoder.finish().unwrap())
        } else {
            (0, content.to_vec())
        };
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut out =
            [b"PK\x03\x04\x14\0\0\0".as_slice(), &method.to_le_bytes(), &[0; 8], &size(&packed), &size(content), &name_length, &[0; 2]]
                .concat();
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&packed);
        let directory = u32::try_from(out.len()).unwrap().to_le_bytes();
        out.extend(
            [
                b"PK\x01\x02\x14\0\x14\0\0\0".as_slice(),
                &method.to_le_bytes(),
                &[0; 8],
                &size(&packed),
                &size(content),
                &name_length,
                &[0; 16],
            ]
            .concat(),
        );
        out.extend_from_slice(name.as_bytes());
        out.extend([b"PK\x05\x06\0\0\0\0\x01\0\x01\0".as_slice(), &[0; 4], &directory, &[0; 2]].concat());
        out
    }

    fn shared(folder: &Path) -> Shared {
        let vars = [("MAVEN_HOME".to_owned(), folder.join("maven").display().to_string()), ("PATH".to_owned(), String::new())].into();
        let env = Environment { vars, home: Some(folder.join("home")), cwd: folder.join("project") };
        Shared::new(env, Options::default())
    }

    fn install(folder: &Path) {
        std::fs::create_dir_all(folder.join("maven/lib")).unwrap();
        let pom = b"<project><repositories><repository><id>central</id><url>https://central.example/m2</url></repository></repositories></project>";
        std::fs::write(folder.join("maven/lib/maven-model-builder-3.9.9.jar"), jar(SUPER_POM, pom, true)).unwrap();
    }

    fn settings(folder: &Path, text: &str) {
        std::fs::create_dir_all(folder.join("home/.m2")).unwrap();
        std::fs::write(folder.join("home/.m2/settings.xml"), format!("<settings>{text}</settings>")).unwrap();
    }

    fn addresses(setup: &MavenSetup) -> Vec<String> {
        setup.upstreams.iter().map(|upstream| format!("{} {}", upstream.id, upstream.base)).collect()
    }

    #[test]
    fn the_built_in_default_is_read_from_the_installed_maven() {
        let folder = tempfile::tempdir().unwrap();
        let error = discover(&shared(folder.path())).unwrap_err();
        assert!(error.is_configuration() && error.to_string().contains("settings.xml"), "{error}");
        install(folder.path());
        assert_eq!(addresses(&discover(&shared(folder.path())).unwrap()), ["central https://central.example/m2/"]);
    }

    #[test]
    fn damaged_jars_are_answered_with_nothing() {
        for deflate in [true, false] {
            let whole = jar("a", b"hello", deflate);
            assert_eq!(entry(&whole, "a").as_deref(), Some(b"hello".as_slice()));
            assert_eq!(entry(&whole, "b"), None);
            for cut in 0..whole.len() {
                let _ = entry(&whole[..cut], "a");
                let mut bent = whole.clone();
                bent[cut] ^= 0xff;
                let _ = entry(&bent, "a");
            }
        }
    }

    #[test]
    fn a_mirror_over_everything_needs_no_maven_and_gets_its_servers_password() {
        let folder = tempfile::tempdir().unwrap();
        settings(
            folder.path(),
            "<mirrors><mirror><id>m</id><url>https://mirror.example/all</url><mirrorOf>*</mirrorOf></mirror></mirrors>
             <servers><server><id>m</id><username>u</username><password>p</password></server></servers>",
        );
        let setup = discover(&shared(folder.path())).unwrap();
        assert_eq!(addresses(&setup), ["m https://mirror.example/all/"]);
        assert_eq!(setup.credentials.for_url(&setup.upstreams[0].base).unwrap(), "Basic dTpw");
    }

    #[test]
    fn encrypted_passwords_and_blocked_repositories_are_said_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path());
        settings(
            folder.path(),
            "<mirrors><mirror><id>block</id><url>http://0.0.0.0/</url><mirrorOf>external:http:*</mirrorOf><blocked>true</blocked></mirror></mirrors>
             <servers><server><id>corp</id><username>u</username><password>{abc=}</password></server></servers>
             <profiles><profile><id>p</id><activation><activeByDefault>true</activeByDefault></activation><repositories>
               <repository><id>corp</id><url>https://corp.example/m2</url></repository>
               <repository><id>old</id><url>http://old.example/m2</url></repository></repositories></profile></profiles>",
        );
        let setup = discover(&shared(folder.path())).unwrap();
        assert_eq!(addresses(&setup), ["corp https://corp.example/m2/", "central https://central.example/m2/"]);
        assert!(setup.credentials.is_empty());
        assert!(
            setup.notes.iter().any(|note| note.contains("is encrypted")) && setup.notes.iter().any(|note| note.contains("blocks it")),
            "{:?}",
            setup.notes
        );
    }
}
