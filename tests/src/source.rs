//! The text files of the workspace, and Rust code with comments and literals taken out.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::root;

/// A text file of the workspace.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path from the workspace root.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// The text with comments and the insides of string and character literals blanked, line breaks kept.
    #[must_use]
    pub fn code(&self) -> String {
        code_only(&self.text)
    }
}

/// Every file below `folder` (from the workspace root) whose name ends in one of `extensions`, sorted by path. Build
/// output and hidden folders are left out.
///
/// # Panics
/// Where a folder or file cannot be read.
#[must_use]
pub fn files(folder: &str, extensions: &[&str]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    collect(&root().join(folder), extensions, &mut found);
    found.sort_by(|a: &SourceFile, b| a.path.cmp(&b.path));
    found
}

/// The Rust code below `folder` (a crate, from the workspace root) that is shipped: what stands in `src`, without modules
/// that only tests have, comments kept.
///
/// # Panics
/// Where a folder or file cannot be read.
#[must_use]
pub fn shipped(folder: &str) -> Vec<SourceFile> {
    let mut all = files(folder, &["rs"]);
    all.retain(|file| file.path.components().any(|part| part.as_os_str() == "src"));
    let tests: Vec<PathBuf> = all.iter().flat_map(test_modules).collect();
    all.retain(|file| {
        !tests
            .iter()
            .any(|test| file.path.starts_with(test) || file.path == test.with_extension("rs"))
    });
    for file in &mut all {
        let tests_at = test_declarations(&file.text)
            .find(|(_, rest)| inline_body(rest))
            .map_or(file.text.len(), |(at, _)| at);
        file.text.truncate(tests_at);
    }
    all
}

/// Where `#[cfg(test)]` stands before a module, and what follows `mod`.
fn test_declarations(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("#[cfg(test)]").filter_map(|(at, mark)| {
        let rest = text[at + mark.len()..].trim_start();
        Some((at, rest.strip_prefix("mod ")?))
    })
}

/// Whether a module's body follows its name (else it is a file of its own).
fn inline_body(rest: &str) -> bool {
    rest.split(['{', ';'])
        .next()
        .is_some_and(|name| rest[name.len()..].starts_with('{'))
}

/// The paths, without `.rs`, of the modules of `file` that only tests have.
fn test_modules(file: &SourceFile) -> Vec<PathBuf> {
    let folder = match file.path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") | None => file.path.parent().unwrap_or(Path::new("")).to_owned(),
        Some(_) => file.path.with_extension(""),
    };
    test_declarations(&file.text)
        .filter(|(_, rest)| !inline_body(rest))
        .filter_map(|(_, rest)| Some(folder.join(rest.split_once(';')?.0.trim())))
        .collect()
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display())) {
        let path = entry.expect("a folder that is open can be listed").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            let built = match name {
                "target" => folder.join("Cargo.toml").exists(),
                "data" => folder == root(),
                _ => false,
            };
            if !built && !name.starts_with('.') {
                collect(&path, extensions, found);
            }
        } else if path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| extensions.contains(&extension))
        {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path
                .strip_prefix(root())
                .expect("the walk began at the root")
                .to_owned();
            found.push(SourceFile { path, text });
        }
    }
}

/// Lines of `code` (from one) in which `word` stands as a whole word.
pub fn lines_with_word<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.lines().enumerate().filter_map(move |(at, line)| {
        line.match_indices(word)
            .any(|(start, _)| {
                !line[..start].ends_with(part_of_word) && !line[start + word.len()..].starts_with(part_of_word)
            })
            .then_some(at + 1)
    })
}

/// Rust text with comments and the insides of literals blanked, so that a search finds code alone. Line breaks stay.
#[must_use]
pub fn code_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (keep, skip) = match first {
            '/' if rest.starts_with("//") => (0, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (0, block_comment(rest)),
            '"' => (0, quoted(rest, '"')),
            'r' if !out.ends_with(|c: char| c.is_alphanumeric() || c == '_') => match raw_string(rest) {
                Some(len) => (0, len),
                None => (1, 1),
            },
            // A lifetime has no closing quote two or more characters on.
            '\'' if is_character_literal(rest) => (0, quoted(rest, '\'')),
            other => (other.len_utf8(), other.len_utf8()),
        };
        out.push_str(&rest[..keep]);
        out.extend(rest[keep..skip].chars().filter(|c| *c == '\n'));
        rest = &rest[skip..];
    }
    out
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> Option<usize> {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 1 + hashes + 1;
    Some(body.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

fn is_character_literal(text: &str) -> bool {
    let mut characters = text.chars().skip(1);
    match characters.next() {
        Some('\\') => true,
        Some(_) => characters.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, code_only, inline_body, lines_with_word, test_declarations, test_modules};

    #[test]
    fn comments_and_literals_are_no_code() {
        let text = "let a = \"unsafe // \\\" x\"; // unsafe\n/* unsafe /* nested */\n */ fn f<'a>(c: char) { c == '\"'; r#\"unsafe \"#; }";
        assert_eq!(code_only(text), "let a = ; \n\n fn f<'a>(c: char) { c == ; ; }");
    }

    #[test]
    fn modules_of_tests_are_told_from_shipped_ones() {
        let file = SourceFile {
            path: "crates/x/src/a/mod.rs".into(),
            text: "mod a;\n#[cfg(test)]\nmod vectors;\nfn f() {}\n#[cfg(test)]\nmod tests { fn g() {} }".to_owned(),
        };
        assert_eq!(test_modules(&file), [std::path::Path::new("crates/x/src/a/vectors")]);
        let inline: Vec<bool> = test_declarations(&file.text)
            .map(|(_, rest)| inline_body(rest))
            .collect();
        assert_eq!(inline, [false, true]);
    }

    #[test]
    fn a_word_is_found_whole() {
        let code = "f64\nmy_f64\nx: f64,";
        assert_eq!(lines_with_word(code, "f64").collect::<Vec<_>>(), [1, 3]);
    }
}
