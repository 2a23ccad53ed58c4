//! PowerShell text: read by its well-known commands, since its grammar is not the shell's.

use super::{Flow, Shell};
use crate::api::Codec;
use crate::facts::{Capability, Taint};
use crate::peel;

/// Whether a text is PowerShell rather than shell.
pub(super) fn is_powershell(text: &str) -> bool {
    let head = crate::trace::value::cut(text, 4096).to_ascii_lowercase();
    [
        "new-object ",
        "invoke-expression",
        "invoke-webrequest",
        "[system.",
        "start-process ",
        "$env:",
        "-outfile ",
        "[convert]::",
        "downloadstring(",
        "set-itemproperty",
        "new-itemproperty",
        "get-content ",
        "add-mppreference",
        "set-mppreference",
        "resolve-dnsname",
    ]
    .iter()
    .any(|word| head.contains(word))
        && !head.trim_start().starts_with("powershell")
        && !head.trim_start().starts_with("pwsh")
        && !head.trim_start().starts_with("cmd")
        && !head.contains("powershell ")
        && !head.contains("powershell.exe ")
}

/// Whether a command line hands its rest to PowerShell without quoting it.
pub(super) fn starts_powershell(text: &str) -> bool {
    let head = crate::trace::value::cut(text.trim_start(), 64).to_ascii_lowercase();
    (head.starts_with("powershell") || head.starts_with("pwsh")) && text.contains(';')
}

/// Reads PowerShell text.
pub(super) fn read(shell: &mut Shell<'_>, text: &str, at: usize) -> Flow {
    let plain = text.replace('`', "");
    let lower = plain.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let shown = vec![crate::trace::value::cut(&plain, 2000).to_owned()];
    let fetches_text =
        has(&["downloadstring", "downloaddata", "invoke-restmethod", "irm ", "(iwr", "iwr ", "invoke-webrequest", "webrequest]::create"]);
    let fetches_file =
        has(&["downloadfile", "start-bitstransfer", "-outfile", "-o "]) && (fetches_text || has(&["downloadfile", "start-bitstransfer"]));
    let evaluates = has(&[
        "iex",
        "invoke-expression",
        "[scriptblock]::create",
        ".invokescript",
        "[reflection.assembly]::load",
        "[system.reflection.assembly]::load",
    ]);
    let decodes = has(&["frombase64string", "gzipstream", "deflatestream"]);
    let mut taint = Taint::NONE;
    if fetches_text || fetches_file {
        let mut sent = Taint::NONE;
        if has(&["gci env:", "get-childitem env:", "dir env:", "ls env:"]) {
            sent = sent.with(Taint::ENVIRONMENT);
        }
        if has(&["$env:computername", "$env:username", "whoami", "hostname"]) {
            sent = sent.with(Taint::HOST);
        }
        shell.fact(Capability::Network, "powershell", sent, shown.clone(), at);
        taint = taint.with(Taint::NETWORK);
    }
    if decodes {
        taint = taint.with(Taint::DECODED);
    }
    if evaluates && !taint.is_none() {
        shell.fact(Capability::Eval, "powershell", taint, shown.clone(), at);
    }
    if fetches_file && has(&["start-process", "saps ", "start ", "& ", "start-job", "invoke-item", "ii ", ".exe;", "cmd /c"]) {
        shell.fact(Capability::Spawn, "powershell", Taint::NETWORK.with(Taint::DROPPED), shown.clone(), at);
    }
    if has(&["net.sockets.tcpclient"]) {
        shell.fact(Capability::Socket, "powershell", Taint::NONE, shown.clone(), at);
        if has(&["iex", "invoke-expression", "getstream"]) {
            shell.fact(Capability::Redirect, "powershell", Taint::SOCKET, shown.clone(), at);
        }
    }
    if has(&["currentversion\\run", "register-scheduledtask", "schtasks", "\\startup\\"])
        && has(&["set-itemproperty", "new-itemproperty", "register-scheduledtask", "/create", "copy-item", "out-file", "reg add"])
    {
        shell.fact(Capability::Persist, "powershell", taint, shown.clone(), at);
    }
    if has(&["get-clipboard"]) {
        shell.fact(Capability::ClipboardRead, "powershell", Taint::NONE, shown.clone(), at);
    }
    if has(&["copyfromscreen", "graphics]::fromimage"]) {
        shell.fact(Capability::Capture, "powershell", Taint::NONE, shown.clone(), at);
    }
    if has(&["getasynckeystate", "setwindowshookex"]) {
        shell.fact(Capability::Keylog, "powershell", Taint::NONE, shown.clone(), at);
    }
    if has(&["resolve-dnsname"]) {
        shell.fact(Capability::Dns, "powershell", taint, shown.clone(), at);
    }
    if has(&["virtualalloc", "createthread", "getdelegateforfunctionpointer"]) {
        shell.fact(Capability::NativeMemory, "powershell", taint, shown.clone(), at);
    }
    if has(&["protecteddata]::unprotect"]) {
        shell.fact(Capability::Unprotect, "powershell", taint, shown.clone(), at);
    }
    // Settings of the system, by the name of the program that would change them.
    for (program, words) in [
        ("add-mppreference", &["add-mppreference"][..]),
        ("set-mppreference", &["set-mppreference"]),
        ("stop-service", &["stop-service", "set-service"]),
        ("netsh", &["set-netfirewallprofile", "netsh "]),
        ("certmgr", &["import-certificate"]),
        ("amsi", &["amsiutils", "amsiinitfailed", "amsiscanbuffer"]),
        ("net", &["new-localuser", "add-localgroupmember"]),
    ] {
        if has(words) {
            shell.fact(Capability::Spawn, program, taint, shown.clone(), at);
        }
    }
    if has(&["remove-item"]) && has(&["-recurse"]) {
        shell.fact(Capability::DeleteTree, "powershell", Taint::NONE, shown, at);
    }
    if decodes
        && evaluates
        && let Some(encoded) = longest_quoted(&plain)
        && let Some(bytes) = peel::decode(Codec::Base64, encoded.as_bytes(), shell.peel)
        && shell.chain.len() < 4
    {
        let inner = String::from_utf8_lossy(&bytes).into_owned();
        shell.chain.push("base64");
        read(shell, &inner, at);
        shell.chain.pop();
    }
    Flow { taint, ..Flow::default() }
}

fn longest_quoted(text: &str) -> Option<&str> {
    text.split(['\'', '"']).max_by_key(|piece| piece.len()).filter(|piece| piece.len() >= 16)
}
