//! The manual page, from the same source as the options.

use crate::cli::Cli;
use clap::CommandFactory as _;

/// bifocal(1) with a section for each subcommand, as roff.
pub(crate) fn pages() -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name: &'static str = Box::leak(format!("bifocal {}", sub.get_name()).into_boxed_str());
        let man = clap_mangen::Man::new(sub.clone().name(name));
        out.extend_from_slice(format!("\n.SH {}\n", name.to_uppercase()).as_bytes());
        man.render_synopsis_section(&mut out)?;
        man.render_description_section(&mut out)?;
        man.render_options_section(&mut out)?;
    }
    Ok(out)
}
