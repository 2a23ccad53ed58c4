//! The manual page, from the same source as the options.

use crate::cli::Cli;
use clap::{Command, CommandFactory as _};

/// bifocal(1) with a section for each subcommand, as roff.
pub(crate) fn pages() -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    sections(&command, &mut out)?;
    Ok(out)
}

/// The sections of a command's subcommands, each followed by those of its own.
fn sections(of: &Command, out: &mut Vec<u8>) -> anyhow::Result<()> {
    for sub in of.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = sub.get_bin_name().unwrap_or_else(|| sub.get_name());
        out.extend_from_slice(format!("\n.SH {}\n", name.to_uppercase()).as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_synopsis_section(out)?;
        man.render_description_section(out)?;
        man.render_options_section(out)?;
        sections(sub, out)?;
    }
    Ok(())
}
