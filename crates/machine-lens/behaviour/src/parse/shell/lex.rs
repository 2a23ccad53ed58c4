//! Words and operators of a shell command, quotes and substitutions resolved.
//!
//! POSIX quoting is read; batch and PowerShell share enough of it for what is asked here. Nothing is expanded but
//! `$HOME` and `~`: a variable keeps its name.

/// A piece of a command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(Word),
    /// `|`, `&&`, `||`, `;`, `&`, newline.
    Operator(Operator),
    /// `>`, `>>`, `<`, `<<<` and the file that follows as the next word.
    Redirect {
        append: bool,
        input: bool,
        here: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Pipe,
    Sequence,
}

/// A word with the commands that are substituted into it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: usize,
    /// Texts of `$(…)`, backquotes and `<(…)` in it.
    pub(super) inner: Vec<String>,
}

/// Most tokens of one text.
const MAX_TOKENS: usize = 20_000;

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: Vec<Token>,
    word: Option<Word>,
}

/// Reads the tokens of `text`.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, out: Vec::new(), word: None };
    lexer.run();
    lexer.out
}

impl Lexer<'_> {
    fn run(&mut self) {
        while self.at < self.bytes.len() && self.out.len() < MAX_TOKENS {
            let byte = self.bytes[self.at];
            let next = self.bytes.get(self.at + 1).copied();
            match byte {
                b' ' | b'\t' | b'\r' => {
                    self.end_word();
                    self.at += 1;
                }
                b'\\' if next == Some(b'\n') => self.at += 2,
                b'\\' if next.is_some_and(|next| matches!(next, b'"' | b'\'' | b'$' | b'`' | b' ' | b'\\' | b'|' | b'&' | b';')) => {
                    self.at += 1;
                    self.take_char();
                }
                b'\'' => self.single(),
                b'"' => self.double(),
                b'`' => self.backquote(),
                b'$' if next == Some(b'(') => self.substitution(2),
                b'<' if next == Some(b'(') => self.substitution(2),
                b'#' if self.word.is_none() => {
                    while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
                        self.at += 1;
                    }
                }
                b'|' => {
                    let sequence = next == Some(b'|');
                    self.operator(if sequence { Operator::Sequence } else { Operator::Pipe }, if sequence { 2 } else { 1 });
                }
                b'&' if next == Some(b'>') => self.redirect(2, false, false, false),
                b'&' => self.operator(Operator::Sequence, if next == Some(b'&') { 2 } else { 1 }),
                b';' | b'\n' => self.operator(Operator::Sequence, 1),
                b'(' | b')' if self.word.is_none() => self.operator(Operator::Sequence, 1),
                b')' => self.operator(Operator::Sequence, 1),
                b'>' if next == Some(b'&') => {
                    self.end_word();
                    // `2>&1`: no file; `>& /dev/tcp/…`: a file.
                    self.at += 2;
                    if self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
                        self.at += 1;
                    } else {
                        self.out.push(Token::Redirect { append: false, input: false, here: false });
                    }
                }
                b'>' => self.redirect(if next == Some(b'>') { 2 } else { 1 }, next == Some(b'>'), false, false),
                b'<' => {
                    let here = self.bytes[self.at..].starts_with(b"<<<");
                    let document = !here && next == Some(b'<');
                    self.redirect(
                        if here {
                            3
                        } else if document {
                            2
                        } else {
                            1
                        },
                        false,
                        true,
                        here,
                    );
                }
                _ => self.take_char(),
            }
        }
        self.end_word();
    }

    fn word(&mut self) -> &mut Word {
        let at = self.at;
        self.word.get_or_insert_with(|| Word { at, ..Word::default() })
    }

    fn take_char(&mut self) {
        if let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            self.word().text.push(c);
            self.at += c.len_utf8();
        } else {
            self.at += 1;
        }
    }

    fn end_word(&mut self) {
        if let Some(mut word) = self.word.take() {
            for home in ["${HOME}", "$HOME", "%USERPROFILE%", "$env:USERPROFILE"] {
                if word.text.contains(home) {
                    word.text = word.text.replace(home, "~");
                }
            }
            self.out.push(Token::Word(word));
        }
    }

    fn operator(&mut self, operator: Operator, width: usize) {
        self.end_word();
        self.out.push(Token::Operator(operator));
        self.at += width;
    }

    fn redirect(&mut self, width: usize, append: bool, input: bool, here: bool) {
        // The descriptor before `>` is no argument.
        if self.word.as_ref().is_some_and(|word| word.text.len() == 1 && word.text.as_bytes()[0].is_ascii_digit()) {
            self.word = None;
        }
        self.end_word();
        self.out.push(Token::Redirect { append, input, here });
        self.at += width;
    }

    fn single(&mut self) {
        self.word();
        self.at += 1;
        let end = memchr::memchr(b'\'', &self.bytes[self.at..]).map_or(self.bytes.len(), |i| self.at + i);
        let text = self.text.get(self.at..end).unwrap_or_default().to_owned();
        self.word().text.push_str(&text);
        self.at = (end + 1).min(self.bytes.len());
    }

    fn double(&mut self) {
        self.word();
        self.at += 1;
        while self.at < self.bytes.len() {
            match self.bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' if self.bytes.get(self.at + 1).is_some_and(|next| matches!(next, b'"' | b'\\' | b'$' | b'`')) => {
                    self.at += 1;
                    self.take_char();
                }
                b'`' => self.backquote(),
                b'$' if self.bytes.get(self.at + 1) == Some(&b'(') => self.substitution(2),
                _ => self.take_char(),
            }
        }
    }

    fn backquote(&mut self) {
        self.word();
        self.at += 1;
        let end = memchr::memchr(b'`', &self.bytes[self.at..]).map_or(self.bytes.len(), |i| self.at + i);
        self.push_inner(end);
        self.at = (end + 1).min(self.bytes.len());
    }

    fn substitution(&mut self, width: usize) {
        self.word();
        self.at += width;
        let mut depth = 1;
        let mut end = self.at;
        while end < self.bytes.len() {
            match self.bytes[end] {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        self.push_inner(end);
        self.at = (end + 1).min(self.bytes.len());
    }

    fn push_inner(&mut self, end: usize) {
        let text = self.text.get(self.at..end).unwrap_or_default().to_owned();
        let word = self.word();
        word.text.push('…');
        if word.inner.len() < 16 {
            word.inner.push(text);
        }
    }
}
