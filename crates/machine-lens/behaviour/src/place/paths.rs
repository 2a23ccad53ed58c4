//! What kind of thing a path in code names.

/// What a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// SSH keys.
    SshKey,
    /// Cloud, cluster and container credentials.
    CloudCredential,
    /// Tokens of package managers and forges.
    PackageToken,
    /// Password database of the system.
    SystemAccounts,
    /// Who may act as the administrator.
    Sudoers,
    /// The names that the system resolves by itself, its trusted certificates, its proxy.
    NetworkTrust,
    /// The system's or a person's store of passwords (keychain, password manager, mail).
    Keychain,
    /// Saved passwords and cookies of a browser.
    Browser,
    /// Tokens of a chat client.
    ChatClient,
    /// What a person typed into a shell.
    ShellHistory,
    /// A wallet.
    Wallet,
    /// Runs at login or start (shell rc, cron, autostart, service).
    Autostart,
    /// Shell start-up files, which completions and installers edit too.
    ShellRc,
    /// SSH keys that may log in.
    AuthorizedKeys,
    /// Workflows that a forge runs.
    Workflow,
    /// Scripts that git runs by itself.
    GitHook,
    /// Instructions and settings of coding assistants.
    AssistantConfig,
    /// Where package managers fetch from.
    IndexConfig,
    /// The code of another installed program.
    OtherProgram,
    /// The whole of a user's home or the file system's root.
    HomeRoot,
}

impl PathKind {
    /// Whether writing there is worth a fact, whatever is written.
    pub(crate) fn is_telling_when_written(self) -> bool {
        !matches!(self, PathKind::HomeRoot | PathKind::ShellHistory)
    }
}

/// What kind of path `text` names, the most telling first.
pub(crate) fn path_kind(text: &str) -> Option<PathKind> {
    if text.len() > 4096 || text.is_empty() {
        return None;
    }
    let path = text.replace("\\\\", "/").replace('\\', "/").to_ascii_lowercase();
    let called = |words: &[&str]| {
        path.split_whitespace().any(|piece| {
            let piece = piece.trim_matches(['"', '\'']);
            words.iter().any(|word| piece.strip_suffix(word).is_some_and(|before| before.is_empty() || before.ends_with(['/', '~', '}'])))
        })
    };
    let has = |words: &[&str]| words.iter().any(|word| path.contains(word));
    let ends =
        |words: &[&str]| words.iter().any(|word| path.split_whitespace().any(|piece| piece.trim_matches(['"', '\'']).ends_with(word)));
    if has(&["authorized_keys"]) {
        return Some(PathKind::AuthorizedKeys);
    }
    if has(&[".ssh/id_", "/.ssh/…", "id_rsa", "id_ed25519", "id_ecdsa"]) || ends(&["/.ssh", "/.ssh/"]) {
        return Some(PathKind::SshKey);
    }
    if has(&[
        "exodus/exodus.wallet",
        "electrum/wallets",
        "ethereum/keystore",
        "wallet.dat",
        "atomic/local storage",
        "com.liberty.jaxx",
        "solana/id.json",
        "coinomi/wallets",
        "guarda/local storage",
        "bytecoin",
        "zcash/",
        "armory/",
        "nkbihfbeogaeaoehlefnkodbefgpgknn",
        "/metamask",
        "exodus.wallet",
        "bfnaelmomeimhlpmgjnjophhpkkoljpa",
        "fhbohimaelbohpjbbldcngcnapndodjp",
    ]) {
        return Some(PathKind::Wallet);
    }
    if has(&["discord_desktop_core", "exodus/app-", "app.asar", "atomic/resources", "ledger live/resources"])
        || (path.contains("discord/app-") && path.contains("modules"))
    {
        return Some(PathKind::OtherProgram);
    }
    if has(&["discord/local storage", "discordcanary", "discordptb", "lightcord", "telegram desktop/tdata", "slack/local storage"])
        || ends(&["/discord", "/tdata"])
    {
        return Some(PathKind::ChatClient);
    }
    if ends(&[
        "/login data",
        "/logins.json",
        "/key4.db",
        "/key3.db",
        "/cookies.sqlite",
        "/web data",
        "/local state",
        "/network/cookies",
        "/signons.sqlite",
        "/default/cookies",
    ]) || (path.contains("login data") && path.len() < 300)
        || has(&[
            "/local storage/leveldb",
            "discord/local storage",
            "discordcanary",
            "discordptb",
            "lightcord",
            "telegram desktop/tdata",
            "user data/default",
            "google/chrome/user data",
            "bravesoftware/brave-browser",
            "opera software/opera",
            "mozilla/firefox/profiles",
            "google-chrome/default",
            "yandexbrowser/user data",
            "microsoft/edge/user data",
        ])
    {
        return Some(PathKind::Browser);
    }
    if has(&[
        ".aws/credentials",
        ".aws/config",
        ".config/gcloud",
        "/gcloud/",
        ".azure/",
        ".kube/config",
        ".docker/config.json",
        ".oci/config",
        "application_default_credentials",
        ".terraform.d/credentials",
        ".vault-token",
        "var/run/secrets/kubernetes.io",
    ]) || ends(&["/.aws", "/.azure", "/.kube"])
    {
        return Some(PathKind::CloudCredential);
    }
    if has(&[".git-credentials", ".cargo/credentials", "gh/hosts.yml", ".m2/settings.xml", ".config/gh"])
        || ends(&[".npmrc", ".pypirc", ".netrc", "_netrc", ".yarnrc"])
    {
        return Some(PathKind::PackageToken);
    }
    if has(&["/etc/sudoers"]) {
        return Some(PathKind::Sudoers);
    }
    if ends(&["/etc/shadow", "/etc/passwd"]) || has(&["/windows/system32/config/sam"]) {
        return Some(PathKind::SystemAccounts);
    }
    if ends(&["/etc/hosts", "/drivers/etc/hosts", "/etc/resolv.conf"])
        || has(&["/usr/local/share/ca-certificates", "/etc/ssl/certs", "/etc/pki/ca-trust", "/etc/ca-certificates"])
    {
        return Some(PathKind::NetworkTrust);
    }
    if has(&[
        "library/keychains",
        "login.keychain",
        "/keyrings/",
        "kwalletd",
        "bitwarden/data.json",
        "1password/data",
        "thunderbird/profiles",
    ]) || ends(&[".kdbx", ".keychain-db"])
    {
        return Some(PathKind::Keychain);
    }
    if ends(&[".bash_history", ".zsh_history", ".python_history", ".node_repl_history", ".mysql_history", "consolehost_history.txt"]) {
        return Some(PathKind::ShellHistory);
    }
    if has(&[".github/workflows", ".gitlab-ci.yml", ".circleci/config"]) {
        return Some(PathKind::Workflow);
    }
    if has(&[".git/hooks/"]) {
        return Some(PathKind::GitHook);
    }
    if has(&[
        ".claude/settings",
        ".claude/commands",
        ".cursor/rules",
        ".cursor/mcp.json",
        "claude_desktop_config.json",
        ".codeium/windsurf",
        ".github/copilot-instructions",
        ".gemini/settings",
        ".codex/config",
        ".continue/config",
    ]) || ends(&["/.claude.json", ".cursorrules", ".windsurfrules", "claude.md", "agents.md", "gemini.md", ".mcp.json"])
    {
        return Some(PathKind::AssistantConfig);
    }
    if ends(&["/pip.conf", "/pip.ini", "/.cargo/config.toml", "/.cargo/config", "/.condarc", "/uv.toml"]) {
        return Some(PathKind::IndexConfig);
    }
    if has(&[
        "/etc/cron",
        "/var/spool/cron",
        "/etc/systemd/system",
        ".config/systemd/user",
        "/lib/systemd/system",
        ".config/autostart",
        "library/launchagents",
        "library/launchdaemons",
        "start menu/programs/startup",
        "programs/startup",
        "currentversion/run",
        "/etc/rc.local",
        "/etc/init.d/",
        "/etc/profile.d/",
        "/etc/ld.so.preload",
    ]) || ends(&["sitecustomize.py", "usercustomize.py"])
    {
        return Some(PathKind::Autostart);
    }
    if called(&[
        ".bashrc",
        ".zshrc",
        ".profile",
        ".bash_profile",
        ".zprofile",
        ".zshenv",
        ".bash_login",
        "config.fish",
        "/etc/profile",
        "/etc/bash.bashrc",
        "/etc/environment",
    ]) {
        return Some(PathKind::ShellRc);
    }
    let trimmed = path.trim().trim_matches(['"', '\'']).trim_end_matches('*').trim_end_matches('/');
    if matches!(trimmed, "~" | "$home" | "${home}" | "c:" | "/home" | "/users" | "%userprofile%")
        || path.trim() == "/"
        || path.trim() == "/*"
    {
        return Some(PathKind::HomeRoot);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart_whatever_their_slashes() {
        assert_eq!(path_kind("…\\Google\\Chrome\\User Data\\Default\\Login Data"), Some(PathKind::Browser));
        assert_eq!(path_kind("…/.ssh/id_rsa"), Some(PathKind::SshKey));
        assert_eq!(path_kind("…/.npmrc"), Some(PathKind::PackageToken));
        assert_eq!(path_kind("src/login.js"), None);
        assert_eq!(path_kind("/"), Some(PathKind::HomeRoot));
        assert_eq!(path_kind("/home/x/build"), None);
        assert_eq!(path_kind("…\\discord\\Local Storage\\leveldb"), Some(PathKind::ChatClient));
        assert_eq!(path_kind(".github/workflows/ci.yml"), Some(PathKind::Workflow));
        assert_eq!(path_kind("C:\\Windows\\System32\\drivers\\etc\\hosts"), Some(PathKind::NetworkTrust));
        assert_eq!(path_kind("~/.cursor/rules/x.mdc"), Some(PathKind::AssistantConfig));
        assert_eq!(path_kind("hosts"), None);
    }
}
