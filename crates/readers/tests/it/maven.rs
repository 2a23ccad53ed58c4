//! POMs: circles, missing documents, and the rules by which Maven chooses.

use bifocal_core::{Inventory, Requested};
use bifocal_readers::{Coordinates, PomError, PomSource, ReadContext, ReadError, read};
use std::collections::BTreeMap;

/// POMs by `artifact:version`; `down` answers nothing.
struct Poms(BTreeMap<String, String>, bool);

impl PomSource for Poms {
    fn pom(&self, coordinates: &Coordinates) -> Result<Vec<u8>, PomError> {
        if self.1 {
            return Err(PomError::Unavailable("connection refused".to_owned()));
        }
        self.0
            .get(&format!("{}:{}", coordinates.artifact, coordinates.version))
            .map(|text| text.clone().into_bytes())
            .ok_or(PomError::NotFound)
    }
}

fn project(name: &str, body: &str) -> String {
    let (artifact, version) = name.split_once(':').unwrap();
    format!("<project>\n<groupId>g</groupId><artifactId>{artifact}</artifactId><version>{version}</version>\n{body}</project>")
}

fn dependency(name: &str, more: &str) -> String {
    let mut parts = name.split(':');
    let artifact = parts.next().unwrap();
    let version = parts.next().map(|version| format!("<version>{version}</version>")).unwrap_or_default();
    format!("<dependency><groupId>g</groupId><artifactId>{artifact}</artifactId>{version}{more}</dependency>\n")
}

fn dependencies(list: &[String]) -> String {
    format!("<dependencies>\n{}</dependencies>\n", list.concat())
}

fn read_project(body: &str, poms: &[(&str, String)], down: bool) -> Result<Inventory, ReadError> {
    let poms = Poms(poms.iter().map(|(name, body)| ((*name).to_owned(), project(name, body))).collect(), down);
    let files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut ctx = ReadContext::new(&files);
    ctx.poms = Some(&poms);
    read("pom.xml", project("root:1", body).as_bytes(), &ctx)
}

fn names(inventory: &Inventory) -> Vec<String> {
    let mut names: Vec<String> = inventory
        .dependencies
        .iter()
        .map(|dependency| match &dependency.requested {
            Requested::Exact { release } => {
                format!("{}:{}{}", release.package.base_name(), release.version, if dependency.optional { " test" } else { "" })
            }
            other => format!("{other:?}"),
        })
        .collect();
    names.sort();
    names
}

#[test]
fn the_nearest_declaration_wins_and_among_equals_the_first() {
    let inventory = read_project(
        &dependencies(&[dependency("a:1", ""), dependency("b:1", ""), dependency("c:1", "")]),
        &[
            ("a:1", dependencies(&[dependency("far:1", ""), dependency("tie:1", "")])),
            ("b:1", dependencies(&[dependency("tie:2", ""), dependency("c:2", "")])),
            ("c:1", String::new()),
            ("far:1", dependencies(&[dependency("near:1", "")])),
            ("tie:1", String::new()),
            ("c:2", dependencies(&[dependency("lost:1", "")])),
            ("near:1", String::new()),
        ],
        false,
    )
    .unwrap();
    assert_eq!(names(&inventory), ["a:1", "b:1", "c:1", "far:1", "near:1", "tie:1"]);
}

#[test]
fn a_release_reached_for_tests_and_for_use_is_for_use() {
    let inventory = read_project(
        &dependencies(&[dependency("t:1", "<scope>test</scope>"), dependency("a:1", "")]),
        &[
            ("t:1", dependencies(&[dependency("shared:1", ""), dependency("only-tests:1", "")])),
            ("a:1", dependencies(&[dependency("mid:1", "")])),
            ("mid:1", dependencies(&[dependency("shared:2", "")])),
            ("shared:1", dependencies(&[dependency("below:1", "<scope>runtime</scope>")])),
            ("only-tests:1", String::new()),
            ("below:1", String::new()),
        ],
        false,
    )
    .unwrap();
    assert_eq!(names(&inventory), ["a:1", "below:1", "mid:1", "only-tests:1 test", "shared:1", "t:1 test"]);
}

#[test]
fn circles_end() {
    let inventory = read_project(
        &dependencies(&[dependency("a:1", "")]),
        &[("a:1", dependencies(&[dependency("b:1", "")])), ("b:1", dependencies(&[dependency("a:1", ""), dependency("a:2", "")]))],
        false,
    )
    .unwrap();
    assert_eq!(names(&inventory), ["a:1", "b:1"]);
}

#[test]
fn an_upstream_that_is_down_is_an_error_and_a_missing_pom_a_note() {
    let body = dependencies(&[dependency("a:1", "")]);
    let error = read_project(&body, &[], true).unwrap_err();
    assert_eq!(error.to_string(), "pom.xml:4: the POM of g:a:1 is needed: connection refused");
    let inventory = read_project(&body, &[], false).unwrap();
    assert_eq!(names(&inventory), ["a:1"]);
    assert!(inventory.notes[0].contains("no dependencies of `g:a:1` are listed, as Maven takes none"), "{:?}", inventory.notes);
}

#[test]
fn a_project_that_cannot_be_understood_is_refused_at_its_line() {
    let import = |name: &str| {
        format!(
            "<dependencyManagement><dependencies>\n{}</dependencies></dependencyManagement>",
            dependency(name, "<type>pom</type><scope>import</scope>")
        )
    };
    let parent = |name: &str| {
        let (artifact, version) = name.split_once(':').unwrap();
        format!("<parent>\n<groupId>g</groupId><artifactId>{artifact}</artifactId><version>{version}</version></parent>\n")
    };
    for (body, poms, error) in [
        (dependencies(&[dependency("a", "")]), vec![], "pom.xml:4: expected a field `version` in g:a, found none"),
        (
            dependencies(&[dependency("a:${x}", "")]),
            vec![],
            "pom.xml:4: property `x` is not defined in this POM, its parents and the machine",
        ),
        (
            format!("<properties><x>${{y}}</x><y>${{x}}</y></properties>{}", dependencies(&[dependency("a:${x}", "")])),
            vec![],
            "pom.xml:4: property `x` refers to itself",
        ),
        (parent("p:1"), vec![], "pom.xml:3: the POM of g:p:1 is needed: the upstream has none"),
        (
            parent("p:1"),
            vec![("p:1", parent("q:1")), ("q:1", parent("p:1"))],
            "pom.xml:3: parents of `g:q:1` form a circle or are more than 32",
        ),
        (import("bom:1"), vec![], "pom.xml:4: the POM of g:bom:1 is needed: the upstream has none"),
        (
            import("bom:1"),
            vec![("bom:1", import("other:1")), ("other:1", import("bom:1"))],
            "pom.xml:4: parents of `g:bom:1` form a circle or are more than 32",
        ),
        (
            import("../../etc:1"),
            vec![],
            "pom.xml:4: the POM of g:../../etc:1 is needed: its coordinates hold something that no repository allows",
        ),
        (
            "<dependencies>\n<dependency><groupId>g</groupId></dependency></dependencies>".to_owned(),
            vec![],
            "pom.xml:4: expected a field `artifactId` in `dependency`, found none",
        ),
        ("<dependencies>\n<thing/></dependencies>".to_owned(), vec![], "pom.xml:4: expected an element `dependency`, found `thing`"),
    ] {
        assert_eq!(read_project(&body, &poms, false).unwrap_err().to_string(), error);
    }
}

#[test]
fn modules_of_the_project_are_paths_and_their_dependencies_are_followed() {
    let root = project("root:1", "<modules><module>a</module><module>b</module></modules>");
    let module = |name: &str, body: &str| {
        format!(
            "<project><parent><groupId>g</groupId><artifactId>root</artifactId><version>1</version></parent><artifactId>{name}</artifactId>{body}</project>"
        )
    };
    let files: BTreeMap<String, Vec<u8>> = [
        ("pom.xml", root),
        ("a/pom.xml", module("a", &dependencies(&[dependency("b:${project.version}", "")]))),
        ("b/pom.xml", module("b", &dependencies(&[dependency("x:1", "")]))),
    ]
    .into_iter()
    .map(|(path, text)| (path.to_owned(), text.into_bytes()))
    .collect();
    let poms = Poms(BTreeMap::from([("x:1".to_owned(), project("x:1", ""))]), false);
    let mut ctx = ReadContext::new(&files);
    ctx.poms = Some(&poms);
    let inventory = read("a/pom.xml", &files["a/pom.xml"], &ctx).unwrap();
    let requested: Vec<&Requested> = inventory.dependencies.iter().map(|dependency| &dependency.requested).collect();
    assert_eq!(*requested[0], Requested::Path { name: "g:b".to_owned(), path: "b/pom.xml".to_owned() });
    assert_eq!(names(&inventory)[1], "x:1");
}

#[test]
fn profiles_follow_the_machine() {
    let profile = |activation: &str, artifact: &str| {
        format!("<profile><activation>{activation}</activation>{}</profile>", dependencies(&[dependency(artifact, "")]))
    };
    let body = format!(
        "<profiles>{}{}{}{}{}{}</profiles>",
        profile("<jdk>[11,)</jdk>", "new-java:1"),
        profile("<jdk>1.8</jdk>", "old-java:1"),
        profile("<os><family>Linux</family><arch>amd64</arch></os>", "here:1"),
        profile("<os><family>windows</family></os>", "there:1"),
        profile("<property><name>!quick</name></property>", "unset:1"),
        profile("<activeByDefault>true</activeByDefault>", "default:1"),
    );
    let inventory = read_project(&body, &[], false).unwrap();
    // Those of other machines come last, as what only some builds take.
    let direct: Vec<&str> = ["default:1 test", "here:1", "new-java:1", "old-java:1 test", "there:1 test", "unset:1"].to_vec();
    assert_eq!(names(&inventory), direct);
    assert!(inventory.dependencies[..3].iter().all(|dependency| !dependency.optional));
}

#[test]
fn plugins_extensions_and_files_of_a_classifier_are_listed() {
    let plugin = |name: &str, more: &str| {
        let (artifact, version) = name.split_once(':').unwrap_or((name, ""));
        let version = if version.is_empty() { String::new() } else { format!("<version>{version}</version>") };
        format!("<plugin><groupId>g</groupId><artifactId>{artifact}</artifactId>{version}{more}</plugin>")
    };
    let given = dependencies(&[dependency("given:1", "")]);
    let body = format!(
        "<properties><v>3</v></properties><build><plugins>{}{}{}<plugin><artifactId>maven-jar-plugin</artifactId></plugin></plugins><extensions><extension><groupId>g</groupId><artifactId>wagon</artifactId><version>4</version></extension></extensions><pluginManagement><plugins>{}{}</plugins></pluginManagement></build>{}",
        plugin("one:1", &given),
        plugin("managed", ""),
        plugin("free", ""),
        plugin("managed:2", ""),
        plugin("unused:9", ""),
        dependencies(&[dependency("native:${v}", "<classifier>linux</classifier>"), dependency("zipped:1", "<type>zip</type>")]),
    );
    let inventory = read_project(&body, &[("native:3", String::new()), ("zipped:1", String::new())], false).unwrap();
    let mut listed = names(&inventory);
    let range = listed.iter().position(|name| name.contains("RELEASE")).unwrap();
    assert!(listed.remove(range).contains("free"));
    assert_eq!(listed, ["given:1", "managed:2", "native:3", "one:1", "wagon:4", "zipped:1"]);
    let files: Vec<&str> = inventory.dependencies.iter().flat_map(|one| &one.artifacts).map(|file| file.filename.as_str()).collect();
    assert_eq!(files, ["native-3-linux.jar", "zipped-1.zip"]);
}

#[test]
fn extensions_of_maven_itself_are_listed() {
    let files: BTreeMap<String, Vec<u8>> = BTreeMap::from([(
        ".mvn/extensions.xml".to_owned(),
        b"<extensions>\n<extension><groupId>g</groupId><artifactId>core</artifactId><version>1</version></extension></extensions>".to_vec(),
    )]);
    let inventory = read("pom.xml", project("root:1", "").as_bytes(), &ReadContext::new(&files)).unwrap();
    assert_eq!(inventory.dependencies[0].place.to_string(), ".mvn/extensions.xml:2");
    assert_eq!(names(&inventory), ["core:1"]);
}

#[test]
fn too_many_dependencies_are_refused() {
    let files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut ctx = ReadContext::new(&files);
    ctx.limits.dependencies = 3;
    let many: Vec<String> = (0..5).map(|n| dependency(&format!("a{n}:1"), "")).collect();
    let error = read("pom.xml", project("root:1", &dependencies(&many)).as_bytes(), &ctx).unwrap_err();
    assert_eq!(error.to_string(), "pom.xml:7: more than 3 dependencies");
}

fn with_config(config: &str, body: &str, poms: &[(&str, String)]) -> Inventory {
    let poms = Poms(poms.iter().map(|(name, body)| ((*name).to_owned(), project(name, body))).collect(), false);
    let text = format!("<project><groupId>g</groupId><artifactId>app</artifactId><version>${{revision}}</version>{body}</project>");
    let files: BTreeMap<String, Vec<u8>> = BTreeMap::from([(".mvn/maven.config".to_owned(), config.as_bytes().to_vec())]);
    let mut ctx = ReadContext::new(&files);
    ctx.poms = Some(&poms);
    read("pom.xml", text.as_bytes(), &ctx).unwrap()
}

#[test]
fn properties_of_the_project_s_maven_config_count_over_those_of_its_poms() {
    let body = format!("<properties><v>1</v></properties>{}", dependencies(&[dependency("a:${v}", ""), dependency("b:${revision}", "")]));
    let upstream = |name: &'static str, body: &str| (name, body.to_owned());
    let theirs = format!("<properties><v>7</v></properties>{}", dependencies(&[dependency("deep:${v}", "")]));
    let poms = [upstream("a:1", ""), upstream("a:2", &theirs), upstream("b:3", ""), upstream("deep:7", "")];
    // What another project says of its own properties stays.
    assert_eq!(names(&with_config("-B\n-Drevision=3 -D v=2\n", &body, &poms)), ["a:2", "b:3", "deep:7"]);
    assert_eq!(names(&with_config("-Drevision=3\n# -Dv=2\n", &body, &poms)), ["a:1", "b:3"]);
}

#[test]
fn a_property_of_maven_config_activates_profiles_and_named_ones_are_said() {
    let body = format!(
        "<profiles><profile><id>x</id><activation><property><name>full</name></property></activation>{}</profile></profiles>",
        dependencies(&[dependency("extra:1", "")])
    );
    let poms = [("extra:1", String::new())];
    assert_eq!(names(&with_config("-Drevision=1", &body, &poms)), ["extra:1 test"]);
    let active = with_config("-Drevision=1 -Dfull -Px", &body, &poms);
    assert_eq!(names(&active), ["extra:1"]);
    assert!(active.notes.iter().any(|note| note.contains("-P")), "{:?}", active.notes);
}

#[test]
fn a_module_that_is_not_below_its_pom_is_listed() {
    let files: BTreeMap<String, Vec<u8>> = BTreeMap::from([("a/in/pom.xml".to_owned(), project("in:1", "").into_bytes())]);
    let body = "<modules><module>in</module><module>../other</module><module>../../away</module></modules>";
    let inventory = read("a/pom.xml", project("root:1", body).as_bytes(), &ReadContext::new(&files)).unwrap();
    let paths: Vec<&str> = inventory
        .dependencies
        .iter()
        .filter_map(|one| match &one.requested {
            Requested::Path { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(paths, ["../other", "../../away"]);
}

/// What a POM without an upstream lists, and what every summary says of it.
fn listed(build: &str) -> (Vec<String>, Vec<String>) {
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>{build}</project>"
    );
    let files: std::collections::BTreeMap<String, Vec<u8>> = [("pom.xml".to_owned(), pom.clone().into_bytes())].into();
    let inventory = bifocal_readers::read("pom.xml", pom.as_bytes(), &bifocal_readers::ReadContext::new(&files)).unwrap();
    let one = |requested: &bifocal_core::Requested| match requested {
        bifocal_core::Requested::Exact { release } => format!("{} {}", release.package.as_str(), release.version),
        other => format!("{other:?}"),
    };
    let notes = inventory.notes.into_iter().filter(|note| note.starts_with(bifocal_readers::NOT_LOOKED_AT)).collect();
    (inventory.dependencies.iter().map(|dependency| one(&dependency.requested)).collect(), notes)
}

#[test]
fn what_a_managed_plugin_is_given_is_listed_where_the_build_runs_it() {
    let plugin = |name: &str, version: &str| {
        format!(
            "<plugin><artifactId>{name}</artifactId><version>{version}</version><dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId><version>1.7</version></dependency></dependencies></plugin>"
        )
    };
    let managed = |plugins: &str| format!("<pluginManagement><plugins>{plugins}</plugins></pluginManagement>");
    let told = "not looked at: 1 build plugin whose own dependencies were not looked at";
    let given = |name: &str, version: &str| vec![format!("org.apache.maven.plugins:{name} {version}"), "x:y 1.7".to_owned()];

    let build = |inner: &str| format!("<build>{inner}</build>");
    let used = "<plugins><plugin><artifactId>maven-antrun-plugin</artifactId></plugin></plugins>";
    let (found, notes) = listed(&build(&format!("{}{used}", managed(&plugin("maven-antrun-plugin", "3.1.0")))));
    assert_eq!((found, notes), (given("maven-antrun-plugin", "3.1.0"), vec![told.to_owned()]));
    // Managed and never run.
    assert_eq!(listed(&build(&managed(&plugin("maven-antrun-plugin", "3.1.0")))), (vec![], vec![]));
    // Run because Maven binds it to this packaging.
    for (packaging, name, runs) in [
        ("", "maven-resources-plugin", true),
        ("<packaging>jar</packaging>", "maven-jar-plugin", true),
        ("<packaging>pom</packaging>", "maven-resources-plugin", false),
        ("<packaging>pom</packaging>", "maven-deploy-plugin", true),
        ("<packaging>war</packaging>", "maven-war-plugin", true),
        ("<packaging>jar</packaging>", "maven-war-plugin", false),
        ("<packaging>bundle</packaging>", "maven-jar-plugin", true),
    ] {
        let (found, _) = listed(&format!("{packaging}{}", build(&managed(&plugin(name, "3.3.0")))));
        assert_eq!(found, if runs { given(name, "3.3.0") } else { vec![] }, "{packaging} {name}");
    }
}

#[test]
fn inactive_profiles_bring_what_their_plugins_are_given_and_what_they_manage() {
    let profile = |inner: &str| format!("<profiles><profile><id>p</id>{inner}</profile></profiles>");
    let dependency = |version: &str| {
        format!("<dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId>{version}</dependency></dependencies>")
    };
    let version = "<version>1.7</version>";
    let plugin = format!(
        "<build><plugins><plugin><groupId>q</groupId><artifactId>r</artifactId><version>3</version>{}</plugin></plugins></build>",
        dependency(version)
    );
    assert_eq!(listed(&profile(&plugin)).0, ["q:r 3", "x:y 1.7"]);
    let managed = format!("<dependencyManagement>{}</dependencyManagement>{}", dependency(version), dependency(""));
    assert_eq!(listed(&profile(&managed)), (vec!["x:y 1.7".to_owned()], vec![]));
    let told = "not looked at: 1 dependency of an inactive profile without a version";
    assert_eq!(listed(&profile(&dependency(""))), (vec![], vec![told.to_owned()]));
}
