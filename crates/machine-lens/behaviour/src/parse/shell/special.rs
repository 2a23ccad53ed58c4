//! Programs whose mere start tells something: publishers, tunnels, miners, assistants, settings of the system.

use super::Command;

/// Programs that open a tunnel through which this machine is reached.
pub(super) fn is_tunnel(name: &str) -> bool {
    matches!(
        name,
        "ngrok"
            | "cloudflared"
            | "bore"
            | "chisel"
            | "frpc"
            | "localtunnel"
            | "lt"
            | "zrok"
            | "playit"
            | "pinggy"
            | "ligolo-agent"
            | "gost"
    )
}

/// `ssh -R`: the far end reaches this machine.
pub(super) fn is_reverse_forward(command: &Command) -> bool {
    command.words.iter().skip(1).any(|word| {
        word.text == "-R"
            || (word.text.starts_with('-') && !word.text.starts_with("--") && word.text.len() <= 6 && word.text.ends_with('R'))
            || word.text.starts_with("-R")
    })
}

/// Programs that take a picture of the screen or the camera.
pub(super) fn is_camera(name: &str) -> bool {
    matches!(name, "scrot" | "gnome-screenshot" | "screencapture" | "grim" | "spectacle" | "maim" | "imagesnap" | "fswebcam")
}

/// Programs that are written down with their words, since detectors ask for them.
pub(super) fn is_telling(name: &str) -> bool {
    publishes(name) || assists(name) || administers(name) || mines(name) || scans(name) || installs(name)
}

fn publishes(name: &str) -> bool {
    matches!(
        name,
        "npm" | "yarn" | "pnpm" | "twine" | "flit" | "poetry" | "hatch" | "uv" | "cargo" | "gem" | "gh" | "git" | "mvn" | "docker"
    )
}

fn installs(name: &str) -> bool {
    matches!(name, "pip" | "pip3" | "pipx" | "apt" | "apt-get" | "brew" | "choco" | "winget" | "go" | "conda" | "easy_install")
}

fn assists(name: &str) -> bool {
    matches!(
        name,
        "claude"
            | "gemini"
            | "codex"
            | "cursor-agent"
            | "q"
            | "aider"
            | "opencode"
            | "goose"
            | "copilot"
            | "amp"
            | "qwen"
            | "ollama"
            | "llm"
    )
}

fn administers(name: &str) -> bool {
    matches!(
        name,
        "netsh"
            | "setx"
            | "taskkill"
            | "attrib"
            | "update-ca-certificates"
            | "update-ca-trust"
            | "trust"
            | "certmgr"
            | "useradd"
            | "adduser"
            | "usermod"
            | "visudo"
            | "net"
            | "net1"
            | "chpasswd"
            | "passwd"
            | "setenforce"
            | "ufw"
            | "iptables"
            | "firewall-cmd"
            | "auditctl"
            | "csrutil"
            | "spctl"
            | "networksetup"
            | "scutil"
            | "defaults"
            | "bcdedit"
            | "vssadmin"
            | "wevtutil"
            | "pkill"
            | "killall"
            | "kill"
            | "chattr"
            | "insmod"
            | "modprobe"
            | "mount"
            | "kubectl"
            | "aws"
            | "gcloud"
            | "az"
            | "vault"
            | "stop-service"
            | "service"
            | "dscl"
            | "fodhelper"
            | "add-mppreference"
            | "set-mppreference"
    )
}

fn mines(name: &str) -> bool {
    name.starts_with("xmrig")
        || matches!(
            name,
            "xmr-stak"
                | "cpuminer"
                | "minerd"
                | "ethminer"
                | "nbminer"
                | "t-rex"
                | "lolminer"
                | "phoenixminer"
                | "ccminer"
                | "bzminer"
                | "srbminer-multi"
                | "nanominer"
        )
}

fn scans(name: &str) -> bool {
    matches!(name, "trufflehog" | "gitleaks" | "noseyparker" | "detect-secrets" | "mimikatz" | "lazagne" | "linpeas" | "nmap" | "masscan")
}
