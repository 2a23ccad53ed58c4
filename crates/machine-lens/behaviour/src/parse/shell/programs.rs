//! What the programs of a command line do with their words and with what flows in.

use super::interpreter::{files_started, interpreter, is_interpreter, powershell, script_started};
use super::{Command, Flow, Shell, base_name, special};
use crate::api::Codec;
use crate::facts::{Capability, Language, Taint};
use crate::peel;

/// Takes off prefixes that only change how the real program runs.
pub(super) fn unwrap(command: &mut Command) {
    for _ in 0..8 {
        let Some(first) = command.words.first() else { return };
        let word = first.text.to_ascii_lowercase();
        let assignment =
            word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        let drop = match word.as_str() {
            "sudo" | "nohup" | "exec" | "time" | "command" | "builtin" | "then" | "do" | "else" | "if" | "while" | "!" | "{" | "}"
            | "fi" | "done" | "@" | "call" | "setsid" | "doas" | "stdbuf" | "cross-env" | "cross-env-shell" | "npx" | "&" | "@echo" => 1,
            "start" => {
                let mut count = 1;
                while command
                    .words
                    .get(count)
                    .is_some_and(|word| word.text.starts_with('/') && word.text.len() <= 5 || word.text.is_empty())
                {
                    count += 1;
                }
                count
            }
            "env" if command.words.len() > 1 => 1,
            "timeout" if command.words.len() > 2 => 2,
            _ if assignment => 1,
            _ => return,
        };
        let drop = drop.min(command.words.len());
        command.words.drain(..drop);
        let taints = drop.min(command.taints.len());
        command.taints.drain(..taints);
        while command.words.first().is_some_and(|word| word.text.starts_with('-') && word.text.len() <= 3) {
            command.words.remove(0);
            if !command.taints.is_empty() {
                command.taints.remove(0);
            }
        }
    }
}

pub(super) fn name_of(command: &Command) -> String {
    let Some(first) = command.words.first() else { return String::new() };
    let name = base_name(&first.text).to_ascii_lowercase();
    let name = name
        .strip_suffix(".exe")
        .or_else(|| name.strip_suffix(".cmd").filter(|name| matches!(*name, "npm" | "npx" | "node")))
        .unwrap_or(&name);
    if name.starts_with("python") || name == "py" || name == "pythonw" {
        return "python".to_owned();
    }
    name.to_owned()
}

/// Runs one program on what flows in; gives what flows out.
pub(super) fn run(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow, nesting: u32) -> Flow {
    match name {
        "curl" | "wget" | "aria2c" | "fetch" | "http" | "https" | "lwp-request" | "axel" => download(shell, name, command, flow),
        "powershell" | "pwsh" => powershell(shell, command, flow, nesting),
        "cmd" => {
            let text: Vec<String> =
                command.words.iter().skip(1).skip_while(|word| word.text.starts_with('/')).map(|word| word.text.clone()).collect();
            shell.nested(&text.join(" "), &[], command.at, nesting)
        }
        "eval" | "source" | "." | "iex" | "invoke-expression" => {
            let taint = command.word_taint().with(flow.taint);
            if taint.has(Taint::NETWORK.with(Taint::DECODED)) {
                shell.fact(Capability::Eval, name, taint, command.text(), command.at);
            }
            if matches!(name, "source" | ".") {
                if let Some(script) = command.words.get(1) {
                    script_started(shell, &script.text, Some(Language::Shell), command, taint);
                }
            } else {
                files_started(shell, &command.substituted, Some(Language::Shell), command);
            }
            flow
        }
        _ if is_interpreter(name) => interpreter(shell, name, command, flow, nesting),
        "echo" | "printf" => {
            let words: Vec<String> = command
                .words
                .iter()
                .skip(1)
                .filter(|word| !matches!(word.text.as_str(), "-n" | "-e" | "-ne" | "-en"))
                .map(|word| word.text.clone())
                .collect();
            Flow { taint: command.word_taint(), text: Some(words.join(" ")), ..Flow::default() }
        }
        "base64" | "xxd" | "openssl" | "base32" => decoder(shell, name, command, flow),
        "gunzip" | "zcat" | "uncompress" | "gzip" | "bzcat" | "xzcat" => Flow { taint: flow.taint, chain: flow.chain, ..Flow::default() },
        "rev" => {
            let text = flow.text.map(|text| text.chars().rev().collect());
            Flow { taint: flow.taint.with(Taint::DECODED), text, chain: [flow.chain, vec![peel::REVERSED]].concat(), ..Flow::default() }
        }
        "env" | "printenv" | "set" | "export" if command.words.len() == 1 => Flow { taint: Taint::ENVIRONMENT, ..Flow::default() },
        "whoami" | "hostname" | "id" | "uname" | "ifconfig" | "ip" | "systeminfo" | "ipconfig" | "w" | "last" | "netstat" => {
            Flow { taint: Taint::HOST, ..Flow::default() }
        }
        "cat" | "head" | "tail" | "type" | "less" | "more" | "tar" | "zip" | "cp" | "mv" | "ln" | "copy" | "xcopy" | "grep" | "find"
        | "install" => files(shell, name, command, flow),
        "tee" => {
            for word in command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')) {
                shell.write_path(&word.text, flow.taint.with(command.word_taint()), command);
            }
            flow
        }
        "nc" | "ncat" | "netcat" | "socat" | "telnet" => socket(shell, name, command, flow),
        "ssh" | "autossh" if special::is_reverse_forward(command) => {
            shell.fact(Capability::Tunnel, name, command.word_taint(), command.text(), command.at);
            Flow::default()
        }
        "ssh" | "scp" | "sftp" | "rsync" | "ftp" | "rclone" => {
            let mut taint = command.word_taint().with(flow.taint);
            for word in command.words.iter().skip(1) {
                taint = taint.with(shell.read_path(&word.text, command.at).without(Taint::FILE));
            }
            shell.fact(Capability::Network, name, taint, command.text(), command.at);
            Flow::default()
        }
        "dig" | "nslookup" | "host" | "ping" | "resolve-dnsname" => {
            shell.fact(Capability::Dns, name, command.word_taint().with(flow.taint), command.text(), command.at);
            Flow { taint: if name == "ping" { Taint::NONE } else { Taint::NETWORK }, ..Flow::default() }
        }
        _ if special::is_tunnel(name) => {
            shell.fact(Capability::Tunnel, name, command.word_taint(), command.text(), command.at);
            Flow::default()
        }
        _ if special::is_camera(name) => {
            shell.fact(Capability::Capture, name, Taint::NONE, command.text(), command.at);
            for word in command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')) {
                shell.spied.insert(base_name(&word.text).to_owned());
            }
            Flow { taint: Taint::SPIED, ..Flow::default() }
        }
        "crontab" | "schtasks" | "launchctl" | "systemctl" | "reg" | "update-rc.d" | "chkconfig" | "at" | "sc" => {
            persistence(shell, name, command, flow)
        }
        "rm" | "del" | "erase" | "rd" | "rmdir" | "shred" | "unlink" | "remove-item" | "ri" | "mkfs" | "dd" | "format" => {
            deletion(shell, name, command)
        }
        "xclip" | "xsel" | "pbpaste" | "wl-paste" => {
            shell.fact(Capability::ClipboardRead, name, flow.taint, command.text(), command.at);
            Flow { taint: Taint::CLIPBOARD, ..Flow::default() }
        }
        "certutil" | "bitsadmin" | "regsvr32" | "rundll32" | "msiexec" => {
            let text = command.text();
            if text.iter().any(|word| word.contains("://")) {
                shell.fact(Capability::Network, name, command.word_taint(), text.clone(), command.at);
                if matches!(name, "regsvr32" | "msiexec" | "rundll32") {
                    shell.fact(Capability::Eval, name, Taint::NETWORK, text.clone(), command.at);
                }
                if let Some(file) = text.last() {
                    shell.dropped.insert(base_name(file).to_owned());
                }
            }
            Flow::default()
        }
        "alias" => {
            // What it stands for runs as soon as somebody types the name.
            for word in command.words.iter().skip(1) {
                if let Some((_, body)) = word.text.split_once('=') {
                    shell.nested(body, &[], command.at, nesting);
                }
            }
            // Commands substituted into its text run now.
            Flow { taint: command.word_taint(), ..Flow::default() }
        }
        "xargs" => {
            let mut inner = Command {
                words: command.words.iter().skip(1).filter(|word| !word.text.starts_with('-')).cloned().collect(),
                at: command.at,
                ..Command::default()
            };
            inner.taints = vec![flow.taint];
            let name = name_of(&inner);
            if name.is_empty() || nesting > 4 { Flow::default() } else { run(shell, &name, &inner, flow, nesting + 1) }
        }
        "security" | "secret-tool" | "vaultcmd" if command.words.len() > 1 => {
            shell.fact(Capability::Unprotect, name, flow.taint, command.text(), command.at);
            Flow { taint: Taint::SECRET_FILE, ..Flow::default() }
        }
        "wmic" => Flow { taint: Taint::HOST, ..Flow::default() },
        "ps" | "tasklist" | "lsof" | "df" | "mount" | "history" | "dpkg" | "who" => Flow { taint: Taint::PROCESS, ..Flow::default() },
        "date" => Flow { taint: Taint::CLOCK, ..Flow::default() },
        "git" if command.words.get(1).is_some_and(|word| word.text == "clone") => {
            shell.fact(Capability::Network, name, command.word_taint(), command.text(), command.at);
            Flow::default()
        }
        _ => {
            if let Some(first) = command.words.first()
                && shell.dropped.contains(base_name(&first.text))
            {
                shell.fact(Capability::Spawn, "run", Taint::DROPPED.with(Taint::NETWORK), command.text(), command.at);
            } else if special::is_telling(name) {
                shell.fact(Capability::Spawn, name, command.word_taint().with(flow.taint), command.text(), command.at);
            }
            // Started by its path: its first line says what reads it.
            if let Some(first) = command.words.first()
                && first.text.contains('/')
                && !first.text.starts_with(['/', '~', '$', '-'])
            {
                script_started(shell, &first.text, None, command, Taint::NONE);
            }
            Flow { taint: flow.taint.with(command.word_taint()), chain: flow.chain, ..Flow::default() }
        }
    }
}

fn option_value<'c>(command: &'c Command, names: &[&str]) -> Option<&'c str> {
    let words = &command.words;
    for (index, word) in words.iter().enumerate() {
        for name in names {
            if word.text == *name {
                return words.get(index + 1).map(|next| next.text.as_str());
            }
            if name.starts_with("--")
                && let Some(value) = word.text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='))
            {
                return Some(value);
            }
            // `-qO-`, `-fsSLo file`, `-o/tmp/a`: a letter in a cluster, its value in the rest or in the next word.
            if name.len() == 2
                && let Some(cluster) = word.text.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))
                && let Some((flags, rest)) = cluster.split_once(&name[1..])
                && flags.chars().all(|c| c.is_ascii_alphabetic())
            {
                return if rest.is_empty() { words.get(index + 1).map(|next| next.text.as_str()) } else { Some(rest) };
            }
        }
    }
    None
}

fn download(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow) -> Flow {
    let mut taint = command.word_taint();
    let mut stdin = false;
    for word in command.words.iter().skip(1) {
        if word.text == "@-" || word.text == "-T-" || word.text.ends_with("=@-") || word.text.ends_with("=-") {
            stdin = true;
        }
        let file = word
            .text
            .split_once('@')
            .map(|(_, file)| file)
            .filter(|_| !word.text.contains("://"))
            .or_else(|| word.text.strip_prefix("--post-file="));
        if let Some(file) = file {
            taint = taint.with(shell.read_path(file, command.at).without(Taint::FILE));
        }
    }
    if let Some(file) = option_value(command, &["-T", "--upload-file"]) {
        taint = taint.with(shell.read_path(file, command.at).without(Taint::FILE));
        stdin |= file == "-";
    }
    if stdin {
        taint = taint.with(flow.taint);
    }
    shell.fact(Capability::Network, name, taint, command.text(), command.at);
    let url_name = command
        .words
        .iter()
        .rev()
        .find(|word| word.text.contains("://"))
        .map(|word| base_name(word.text.split(['?', '#']).next().unwrap_or("")).to_owned());
    let to = match name {
        "wget" => match option_value(command, &["-O", "--output-document"]) {
            Some("-") => None,
            Some(file) => Some(file.to_owned()),
            None => url_name,
        },
        "curl" => match option_value(command, &["-o", "--output"]) {
            Some("-") => None,
            Some(file) => Some(file.to_owned()),
            None if command.words.iter().any(|word| {
                word.text == "--remote-name" || (word.text.starts_with('-') && !word.text.starts_with("--") && word.text.contains('O'))
            }) =>
            {
                url_name
            }
            None => None,
        },
        _ => option_value(command, &["-o", "-O"]).map(str::to_owned),
    };
    match to {
        Some(file) => {
            shell.write_path(&file, Taint::NETWORK, command);
            Flow::default()
        }
        None => Flow { taint: Taint::NETWORK, ..Flow::default() },
    }
}

fn decoder(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow) -> Flow {
    let decodes =
        command.words.iter().any(|word| matches!(word.text.as_str(), "-d" | "-D" | "--decode" | "-r" | "-di" | "-rp" | "-a" | "-decode"));
    if !decodes {
        return Flow { taint: flow.taint, ..Flow::default() };
    }
    let codec = match name {
        "xxd" => Codec::Hex,
        "base32" => Codec::Base32,
        _ => Codec::Base64,
    };
    let text = flow
        .text
        .as_ref()
        .and_then(|text| peel::decode(codec, text.as_bytes(), shell.peel))
        .and_then(|bytes| String::from_utf8(bytes).ok());
    Flow { taint: flow.taint.with(Taint::DECODED), text, chain: [flow.chain, vec![peel::layer_name(codec)]].concat(), ..Flow::default() }
}

fn files(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow) -> Flow {
    let mut taint = flow.taint.with(command.word_taint());
    let words: Vec<&str> = command.words.iter().skip(1).map(|word| word.text.as_str()).filter(|word| !word.starts_with('-')).collect();
    let copies = matches!(name, "cp" | "mv" | "ln" | "copy" | "xcopy" | "install");
    let sources = if copies && words.len() > 1 { &words[..words.len() - 1] } else { &words[..] };
    for word in sources {
        taint = taint.with(shell.read_path(word, command.at));
        if copies && shell.dropped.contains(base_name(word)) {
            taint = taint.with(Taint::NETWORK);
        }
    }
    if copies && let Some(to) = words.last() {
        shell.write_path(to, taint, command);
        return Flow::default();
    }
    let mut given = flow.files;
    if matches!(name, "cat" | "head" | "tail" | "type" | "less" | "more") {
        given.extend(words.iter().take(16).map(|word| (*word).to_owned()));
    }
    Flow { taint, text: if name == "cat" { flow.text } else { None }, chain: flow.chain, files: given }
}

fn socket(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow) -> Flow {
    let text = command.text();
    let taint = flow.taint.with(command.word_taint());
    shell.fact(Capability::Socket, name, taint, text.clone(), command.at);
    let runs = text.iter().enumerate().any(|(index, word)| {
        let lower = word.to_ascii_lowercase();
        (matches!(word.as_str(), "-e" | "-c" | "--exec" | "--sh-exec")
            && text.get(index + 1).is_some_and(|next| next.contains("sh") || next.contains("cmd")))
            || lower.contains("exec:")
            || lower.contains("system:")
    });
    if runs {
        shell.fact(Capability::Redirect, name, Taint::SOCKET, text, command.at);
    }
    Flow { taint: Taint::SOCKET.with(Taint::NETWORK), ..Flow::default() }
}

fn persistence(shell: &mut Shell<'_>, name: &str, command: &Command, flow: Flow) -> Flow {
    let text = command.text();
    let has = |word: &str| text.iter().any(|have| have.eq_ignore_ascii_case(word));
    let mentions = |word: &str| text.iter().any(|have| have.to_ascii_lowercase().contains(word));
    let registers = match name {
        "crontab" => text.len() > 1 && !has("-l") && !has("-r"),
        "schtasks" => has("/create"),
        "launchctl" => has("load") || has("bootstrap"),
        "systemctl" => has("enable"),
        "reg" => has("add") && mentions("currentversion\\run"),
        "sc" => has("create"),
        "at" => text.len() > 1,
        _ => true,
    };
    if registers {
        shell.fact(Capability::Persist, name, flow.taint.with(command.word_taint()), text.clone(), command.at);
    }
    if name == "crontab" && has("-l") { Flow { taint: Taint::FILE, ..Flow::default() } } else { Flow::default() }
}

fn deletion(shell: &mut Shell<'_>, name: &str, command: &Command) -> Flow {
    let text = command.text();
    let recursive = match name {
        "rm" => text.iter().any(|word| {
            word.starts_with('-') && !word.starts_with("--") && (word.contains('r') || word.contains('R')) || word == "--recursive"
        }),
        "rd" | "rmdir" | "del" | "erase" => text.iter().any(|word| word.eq_ignore_ascii_case("/s")),
        "remove-item" | "ri" => text.iter().any(|word| word.to_ascii_lowercase().starts_with("-rec")),
        "mkfs" | "format" => true,
        "dd" => {
            text.iter().any(|word| word.starts_with("of=/dev/sd") || word.starts_with("of=/dev/nvme") || word.starts_with("of=/dev/hd"))
        }
        _ => false,
    };
    let capability = if recursive { Capability::DeleteTree } else { Capability::Delete };
    if recursive || !matches!(name, "dd") {
        let files: Vec<String> =
            text.into_iter().skip(1).filter(|word| !(word.starts_with('-') || (word.starts_with('/') && word.len() == 2))).collect();
        shell.fact(capability, name, command.word_taint(), files, command.at);
    }
    Flow::default()
}
