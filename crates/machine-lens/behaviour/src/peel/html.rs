//! Scripts inside markup that code writes or opens.

/// Most scripts of one text.
const MAX_SCRIPTS: usize = 64;

/// The scripts that stand in markup, in order; those in other languages than JavaScript left out.
pub(crate) fn scripts(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < MAX_SCRIPTS
        && let Some(start) = lower.get(at..).and_then(|rest| rest.find("<script")).map(|start| at + start)
        && let Some(open) = lower.get(start..).and_then(|rest| rest.find('>')).map(|open| start + open + 1)
    {
        let end = lower.get(open..).and_then(|rest| rest.find("</script")).map_or(text.len(), |end| open + end);
        let tag = lower.get(start..open).unwrap_or("");
        let foreign = tag.contains("vbscript") || tag.contains("application/json") || tag.contains("text/template");
        if let Some(script) = text.get(open..end).map(str::trim).filter(|script| !script.is_empty() && !foreign) {
            found.push(script);
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_taken_out_and_markup_without_end_ends() {
        assert_eq!(scripts("<p><SCRIPT type='x'>a()</script><script>\nb()\n</script ></p>"), ["a()", "b()"]);
        assert_eq!(scripts("<script language=VBScript>x</script><script src=a.js></script>"), Vec::<&str>::new());
        assert_eq!(scripts("<script>open"), ["open"]);
        assert_eq!(scripts("<script"), Vec::<&str>::new());
        assert_eq!(scripts(&"<script>".repeat(10_000)).len(), 1);
    }
}
