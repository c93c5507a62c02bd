//! The book and the pages beside it: what they point at exists, and what they show is accepted.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use colibri_standard::Manifest;
use colibri_tests::source::{SourceFile, files};
use colibri_tests::workspace::root;

/// The link targets of a Markdown text: what stands in `](…)`, without an anchor.
fn link_targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// `path` with `..` taken out, from the workspace root.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

fn targets_of(page: &SourceFile) -> impl Iterator<Item = PathBuf> {
    let folder = page.path.parent().unwrap_or(Path::new("")).to_owned();
    link_targets(&page.text).map(move |target| normal(&folder.join(target)))
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in files("", &["md"]) {
        for target in targets_of(&page) {
            if !root().join(&target).exists() {
                wrong.push(format!("{}: {}", page.path.display(), target.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    let pages = files("docs", &["md"]);
    let summary = pages
        .iter()
        .find(|page| page.path.ends_with("SUMMARY.md"))
        .expect("the book has a summary");
    let listed: BTreeSet<PathBuf> = targets_of(summary).collect();
    let missing: Vec<String> = pages
        .iter()
        .filter(|page| !page.path.ends_with("SUMMARY.md") && !listed.contains(&page.path))
        .map(|page| page.path.display().to_string())
        .collect();
    assert!(
        missing.is_empty(),
        "pages that the summary does not list:\n{}",
        missing.join("\n")
    );
}

#[test]
fn the_guides_manifest_is_accepted() {
    let guide = std::fs::read_to_string(root().join("docs/connector-guide.md")).expect("the guide is part of the book");
    let example = guide
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block)
        .find(|block| block.starts_with("[library]"))
        .expect("the guide shows a connector.toml");
    if let Err(error) = Manifest::parse(example) {
        panic!("the guide's connector.toml is refused: {error}");
    }
}

#[test]
fn links_are_found_with_their_anchors_cut() {
    let text = "[a](x/y.md#z) and [b](https://example.com) and [c](#here) ![d](p.png)";
    assert_eq!(link_targets(text).collect::<Vec<_>>(), ["x/y.md", "p.png"]);
}
