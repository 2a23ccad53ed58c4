//! Detectors: what is judged, one file each.
//!
//! A detector reads [`PackageFacts`] and nothing else. It says *malware* with a confidence of 0.9 or more only where
//! honest packages practically never do the same; what has an honest use is a risky habit of at most medium severity
//! and holds nothing by itself.

mod ask;

use crate::facts::{Fact, PackageFacts};
use ask::{Origin, checks_digest, evidence, is_bare_shell, is_network, matching, origin, strongest, taint_words};
use bifocal_core::{Evidence, Lens, Severity, SignalDraft, SignalKind, Status, counted, one_line};

/// One question that is asked of every artifact.
pub trait Detector: Sync {
    /// Stable id, `behaviour/kebab-case`, never reused.
    fn id(&self) -> &'static str;
    /// What it looks for, in one sentence.
    fn describe(&self) -> &'static str;
    /// What a finding points to where honest packages do not do the same. Weaker findings are risky habits.
    fn kind(&self) -> SignalKind;
    /// The harm of the worst finding.
    fn severity(&self) -> Severity;
    /// Looks at `facts` and adds what it finds.
    fn detect(&self, facts: &PackageFacts, out: &mut Vec<SignalDraft>);
}

/// Declares the detectors' files and lists them, in the order of the documentation.
macro_rules! registry {
    ($($module:ident::$detector:ident,)*) => {
        $(mod $module;)*

        /// Every detector, in the order of the documentation.
        pub fn detectors() -> &'static [&'static dyn Detector] {
            &[$(&$module::$detector),*]
        }
    };
}

registry! {
    install_time_download::InstallTimeDownload,
    install_time_shell::InstallTimeShell,
    unasked_network::UnaskedNetwork,
    decoded_code_execution::DecodedCodeExecution,
    remote_code_execution::RemoteCodeExecution,
    credential_theft::CredentialTheft,
    environment_exfiltration::EnvironmentExfiltration,
    chat_webhook_exfiltration::ChatWebhookExfiltration,
    surveillance::Surveillance,
    reverse_shell::ReverseShell,
    persistence_write::PersistenceWrite,
    clipboard_swap::ClipboardSwap,
    opaque_code::OpaqueCode,
    hidden_source::HiddenSource,
    pth_code::PthCode,
    binary_dropper::BinaryDropper,
    memory_injection::MemoryInjection,
    self_deleting_installer::SelfDeletingInstaller,
    destructive_wipe::DestructiveWipe,
    build_script_network::BuildScriptNetwork,
    go_init_remote_code::GoInitRemoteCode,
    jvm_static_init_remote_code::JvmStaticInitRemoteCode,
    publish_token_spread::PublishTokenSpread,
    workflow_injection::WorkflowInjection,
    token_harvest::TokenHarvest,
    conditional_payload::ConditionalPayload,
    dns_exfiltration::DnsExfiltration,
    drop_exfiltration::DropExfiltration,
    reverse_tunnel::ReverseTunnel,
    cryptominer::Cryptominer,
    wallet_access::WalletAccess,
    wallet_address_swap::WalletAddressSwap,
    form_skimmer::FormSkimmer,
    chat_token_theft::ChatTokenTheft,
    browser_data_access::BrowserDataAccess,
    keylogger::Keylogger,
    cloud_metadata_access::CloudMetadataAccess,
    chat_bot_control::ChatBotControl,
    assistant_abuse::AssistantAbuse,
    assistant_instructions::AssistantInstructions,
    trust_tampering::TrustTampering,
    index_redirect::IndexRedirect,
    security_disabling::SecurityDisabling,
    account_tampering::AccountTampering,
    program_tampering::ProgramTampering,
    file_encryption::FileEncryption,
    geographic_wiper::GeographicWiper,
    code_from_carrier::CodeFromCarrier,
    foreign_binary::ForeignBinary,
    hidden_dependency::HiddenDependency,
    nested_install::NestedInstall,
    network_unpickling::NetworkUnpickling,
    detached_process::DetachedProcess,
    sandbox_evasion::SandboxEvasion,
    native_constructor::NativeConstructor,
    go_generate_shell::GoGenerateShell,
    imitated_name::ImitatedName,
    fingerprint_beacon::FingerprintBeacon,
    confusion_beacon::ConfusionBeacon,
    empty_placeholder::EmptyPlaceholder,
    bare_downloader::BareDownloader,
    anonymous_host::AnonymousHost,
    bare_informant::BareInformant,
    hidden_command::HiddenCommand,
    wallet_key_upload::WalletKeyUpload,
    harmless_proof::HarmlessProof,
}

/// Every signal id that this crate can make, sorted.
pub fn signal_ids() -> Vec<&'static str> {
    let mut ids: Vec<&'static str> = detectors()
        .iter()
        .map(|detector| detector.id())
        .chain(NOTE_IDS)
        .chain(crate::difference::IDS)
        .chain([crate::model::RISK_SCORE])
        .collect();
    ids.sort_unstable();
    ids
}

/// Most places shown for one finding.
const MAX_EVIDENCE: usize = 6;
/// Most findings of one detector in one artifact.
const MAX_FINDINGS: usize = 20;

/// How sure a detector is, and of what.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weight {
    kind: SignalKind,
    severity: Severity,
    confidence: f64,
}

impl Weight {
    /// Honest packages practically never do this.
    const fn malware(confidence: f64) -> Weight {
        Weight { kind: SignalKind::Malware, severity: Severity::High, confidence }
    }

    /// As [`Weight::malware`], with more at stake.
    const fn critical(confidence: f64) -> Weight {
        Weight { kind: SignalKind::Malware, severity: Severity::Critical, confidence }
    }

    /// Honest packages do this too.
    const fn habit(severity: Severity, confidence: f64) -> Weight {
        Weight { kind: SignalKind::RiskyHabit, severity, confidence }
    }

    const fn of(kind: SignalKind, severity: Severity, confidence: f64) -> Weight {
        Weight { kind, severity, confidence }
    }

    /// The weight where the fact was found by words only, or where only a person's own call runs it.
    fn for_fact(self, fact: &Fact) -> Weight {
        if fact.lexical && self.kind == SignalKind::Malware {
            return Weight::habit(Severity::Medium, 0.5);
        }
        self
    }
}

/// Adds a finding.
fn report(out: &mut Vec<SignalDraft>, id: &'static str, weight: Weight, message: String, evidence: Vec<Evidence>) {
    let mut evidence = evidence;
    evidence.truncate(MAX_EVIDENCE);
    if evidence.is_empty() || out.iter().filter(|have| have.id == id).count() >= MAX_FINDINGS {
        return;
    }
    out.push(SignalDraft {
        id,
        lens: Lens::Behaviour,
        status: Status::Present,
        severity: weight.severity,
        confidence: weight.confidence,
        kind: weight.kind,
        message: one_line(&message, 400),
        evidence,
    });
}

/// Findings about the analysis itself: what could not be read, and why.
pub(crate) fn notes(skipped: usize, out: &mut Vec<SignalDraft>) {
    if skipped > 0 {
        out.push(SignalDraft {
            id: "behaviour/analysis-incomplete",
            lens: Lens::Behaviour,
            status: Status::Failed,
            severity: Severity::Medium,
            confidence: 1.0,
            kind: SignalKind::Other,
            message: format!(
                "{} not read: the artifact's budget was used up",
                counted(skipped as u64, "source file was", "source files were")
            ),
            evidence: vec![Evidence::record("analyser", "analysis-incomplete", "", "the budget of steps")],
        });
    }
}

/// Ids of findings about the analysis itself; they have no detector.
pub(crate) const NOTE_IDS: [&str; 6] = [
    "behaviour/archive-refused",
    "behaviour/analysis-broke-off",
    "behaviour/analysis-incomplete",
    "behaviour/unparsed-source",
    "behaviour/inner-archive-unread",
    "behaviour/case-collision",
];
