//! Obfuscated JavaScript: string arrays behind accessors, code from brackets and signs, packers, decoding loops.
//!
//! In: source text. Out: the same text with the calls of its own string accessors replaced by the texts they give, and
//! the texts that it would run as code. For that the script's own computations are evaluated: numbers, texts, arrays,
//! functions, loops. There is no host in it: no module, no network, no file, no clock; whatever touches one is unknown
//! and stays so. Steps, values, text and depth are bounded.

mod arithmetic;
mod expression;
mod globals;
mod machine;
mod objects;
mod rewrite;
mod statement;
mod texts;
mod value;

use machine::Machine;
use oxc_allocator::Allocator;
use oxc_ast::ast;
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

pub(crate) use machine::Evaluated;
pub(crate) use rewrite::Rewritten;

/// Longest script that is evaluated.
const MAX_SCRIPT: usize = 4 << 20;

/// What was found below the surface of a script.
pub(crate) struct Unfolded {
    /// The script with its texts in place.
    pub(crate) rewritten: Option<Rewritten>,
    /// Texts that it runs as code, by their place in the script.
    pub(crate) evaluated: Vec<Evaluated>,
    /// The layer's name in chains of evidence.
    pub(crate) layer: &'static str,
}

/// What a script looks like, and what evaluating it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    layer: &'static str,
    steps: u64,
    has_accessors: bool,
}

/// Evaluates a script that looks obfuscated. `None`: it does not, or nothing came of it.
pub(crate) fn unfold(text: &str) -> Option<Unfolded> {
    let look = look(text)?;
    let allocator = Allocator::default();
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = [SourceType::cjs(), SourceType::unambiguous()]
        .into_iter()
        .map(|mode| Parser::new(&allocator, text, mode).with_options(options).parse())
        .find(|parsed| !parsed.panicked && !parsed.program.body.is_empty())?;
    let program: &ast::Program<'_> = allocator.alloc(parsed.program);
    let mut machine = Machine::new(&allocator, text, look.steps);
    machine.program(&program.body);
    let rewritten = if look.has_accessors { rewrite::rewrite(&mut machine, text) } else { None };
    let evaluated = std::mem::take(&mut machine.evaluated);
    (rewritten.is_some() || !evaluated.is_empty()).then_some(Unfolded { rewritten, evaluated, layer: look.layer })
}

fn look(text: &str) -> Option<Look> {
    if text.len() > MAX_SCRIPT || text.len() < 60 {
        return None;
    }
    let bytes = text.as_bytes();
    let has = |word: &str| memchr::memmem::find(bytes, word.as_bytes()).is_some();
    if is_signs(bytes) || has("\u{ff9f}\u{3c9}\u{ff9f}") || has("=~[];") {
        return Some(Look { layer: "sign-code", steps: 3_000_000, has_accessors: false });
    }
    if memchr::memmem::find_iter(bytes, "_0x").take(16).count() == 16 {
        return Some(Look { layer: "string-array", steps: 3_000_000, has_accessors: true });
    }
    if has("eval(function(p,a,c,k,e,") {
        return Some(Look { layer: "packed", steps: 2_000_000, has_accessors: false });
    }
    let computes =
        (has("fromCharCode") || has("charCodeAt")) && (has("for(") || has("for (") || has("while") || has(".map(") || has(".replace("));
    let runs = has("eval(") || has("Function(") || has("constructor");
    (text.len() < 64 << 10 && computes && runs).then_some(Look { layer: "decoding-loop", steps: 300_000, has_accessors: false })
}

/// Whether a text is made of brackets and signs alone.
fn is_signs(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(4_096)).unwrap_or_default();
    let signs = head.iter().filter(|byte| matches!(byte, b'[' | b']' | b'(' | b')' | b'!' | b'+')).count();
    let words = head.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
    head.len() >= 200 && signs * 100 >= head.len() * 85 && words * 100 <= head.len() * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(text: &str) -> Vec<String> {
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, text, SourceType::cjs()).parse();
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let program: &ast::Program<'_> = allocator.alloc(parsed.program);
        let mut machine = Machine::new(&allocator, text, 3_000_000);
        machine.program(&program.body);
        machine.evaluated.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn texts_that_are_computed_and_run_are_found() {
        const WANTED: &str = "console.log('the text that was hidden here')";
        let codes: Vec<String> = WANTED.bytes().map(|byte| (byte ^ 7).to_string()).collect();
        let codes = codes.join(",");
        for script in [
            format!("var d=[{codes}],s='';for(var i=0;i<d.length;i++){{s+=String.fromCharCode(d[i]^7)}}eval(s)"),
            format!("new Function([{codes}].map(c=>String.fromCharCode(c^7)).join(''))()"),
            format!(
                "let i=0,s='';const d=[{codes}];while(true){{if(i>=d.length)break;s+=String.fromCharCode(d[i++]^7);}}[]['filter']['constructor'](s)();"
            ),
            format!(
                "(function(){{function f(k){{return function(c){{return String.fromCharCode(c^k)}}}}try{{eval([{codes}].map(f(7)).join(''))}}catch(e){{}}}})()"
            ),
        ] {
            assert_eq!(evaluated(&script), [WANTED], "{script}");
        }
    }

    #[test]
    fn packed_scripts_come_out() {
        let script = r#"eval(function(p,a,c,k,e,d){e=function(c){return c.toString(36)};if(!''.replace(/^/,String)){while(c--){d[c.toString(a)]=k[c]||c.toString(a)}k=[function(e){return d[e]}];e=function(){return'\\w+'};c=1};while(c--){if(k[c]){p=p.replace(new RegExp('\\b'+e(c)+'\\b','g'),k[c])}}return p}('0.1("2 3 4 5 6")',7,7,'console|log|hello|from|inside|the|pack'.split('|'),0,{}))"#;
        assert_eq!(evaluated(script), [r#"console.log("hello from inside the pack")"#]);
    }

    #[test]
    fn letters_come_from_brackets_and_signs() {
        let cases = [
            ("(![]+[])[+[]]", "f"),
            ("([][[]]+[])[+!+[]]", "n"),
            ("(+(+!+[]+(!+[]+[])[!+[]+!+[]+!+[]]+[+!+[]]+[+[]]+[+[]]+[+[]])+[])[+[]]", "I"),
            ("[]['flat']+''", "function flat() { [native code] }"),
            ("(+[])['constructor']+''", "function Number() { [native code] }"),
            ("(false+[0])['italics']()", "<i>false0</i>"),
            ("Function('return escape')()(('')['italics']())", "%3Ci%3E%3C/i%3E"),
            ("(31)['toString'](32)", "v"),
            ("[]['entries']()+''", "[object Array Iterator]"),
        ];
        for (code, wanted) in cases {
            let script = format!("eval('// a comment that is long enough'+{code})");
            assert_eq!(evaluated(&script), [format!("// a comment that is long enough{wanted}")], "{code}");
        }
    }

    #[test]
    fn scripts_without_end_end() {
        for script in [
            "while(true){}",
            "function f(){f()} f()",
            "var a=[];for(;;)a.push(a)",
            "var s='x';for(;;)s+=s",
            "var a=[1];a[0]=a;eval(''+a)",
            "eval('eval(\"eval(1)\");'.repeat(1e5))",
            "for(;;)new RegExp('(a|b|c|d)*{1,900}').test('abcd'.repeat(1e4))",
            "var e='x';function g(n){return function(){return g(n+1)}}for(var h=g(0);;)h=h()",
        ] {
            // As deep as the analyser's own stack allows.
            std::thread::Builder::new().stack_size(64 << 20).spawn(|| evaluated(script)).unwrap().join().unwrap();
        }
    }
}
