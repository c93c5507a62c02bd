//! The committed ratios, and the comparison with them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A ratio that is so much more than its baseline is a regression.
const WORSE: f64 = 1.05;
/// One that is so much less is an improvement that the baseline should keep.
const BETTER: f64 = 0.90;
const HEAD: &str =
    "# Instructions as ratios to the reference kernel: `cargo xtask bench-check`, docs/performance.md.\n";

/// Ratios by their names: measured ones, or those of `baseline.txt`.
#[derive(Debug, Default)]
pub struct Baseline(BTreeMap<String, f64>);

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baseline.txt")
}

impl Baseline {
    /// Adds a ratio.
    pub fn put(&mut self, name: &str, ratio: f64) {
        self.0.insert(name.to_owned(), ratio);
    }

    fn parse(text: &str) -> Baseline {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let ratios = lines.map(|line| {
            let (name, ratio) = line.split_once(" = ").unwrap();
            (name.to_owned(), ratio.parse().unwrap())
        });
        Baseline(ratios.collect())
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (name, ratio) in &self.0 {
            let _ = writeln!(text, "{name} = {ratio:.3}");
        }
        text
    }

    /// What is worse than in `baseline`, or is not in one of the two, a line each. What was left out is not missed.
    fn regressions(&self, baseline: &Baseline, left_out: &[&str]) -> Vec<String> {
        let missing = |name| format!("{name} is in the baseline and was not measured");
        let mut wrong: Vec<String> = baseline
            .0
            .keys()
            .filter(|n| !self.0.contains_key(*n) && !left_out.contains(&n.as_str()))
            .map(missing)
            .collect();
        for (name, ratio) in &self.0 {
            match baseline.0.get(name) {
                None => wrong.push(format!("{name} is not in the baseline")),
                Some(before) if *ratio > before * WORSE => {
                    let more = (ratio / before - 1.0) * 100.0;
                    wrong.push(format!("{name}: {ratio:.3}, {more:.1} % more than {before:.3}"));
                }
                Some(_) => {}
            }
        }
        wrong
    }

    /// Does what the command line says with what was measured: `--write` a baseline, `--check` against it, or nothing.
    ///
    /// # Panics
    /// A baseline would be written of which something was left out, or a file cannot be read or written.
    #[must_use]
    pub fn conclude(&self, arguments: &[&str], left_out: &[&str]) -> ExitCode {
        if arguments.contains(&"--write") {
            assert!(left_out.is_empty(), "a baseline is written whole: without --quick");
            std::fs::write(path(), self.text()).unwrap();
            println!("written: {}", path().display());
        }
        if !arguments.contains(&"--check") {
            return ExitCode::SUCCESS;
        }
        let baseline = Baseline::parse(&std::fs::read_to_string(path()).unwrap());
        for (name, ratio) in &self.0 {
            if let Some(before) = baseline.0.get(name).filter(|before| *ratio < **before * BETTER) {
                println!("{name}: {ratio:.3}, better than {before:.3}: write the baseline anew to keep it");
            }
        }
        let wrong = self.regressions(&baseline, left_out);
        for line in &wrong {
            println!("worse: {line}");
        }
        if wrong.is_empty() {
            println!(
                "bench-check: {} ratios as in the baseline, {} left out",
                self.0.len(),
                left_out.len()
            );
            ExitCode::SUCCESS
        } else {
            println!("bench-check: what is meant is kept with `cargo xtask bench-check --write`");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Baseline;

    #[test]
    fn five_per_cent_more_is_a_regression() {
        let baseline = Baseline::parse("# head\na = 1.000\nb = 2.000\nc = 3.000\n");
        let mut measured = Baseline::default();
        measured.put("a", 1.04);
        measured.put("b", 2.2);
        measured.put("d", 1.0);
        assert_eq!(
            measured.regressions(&baseline, &[]),
            [
                "c is in the baseline and was not measured",
                "b: 2.200, 10.0 % more than 2.000",
                "d is not in the baseline",
            ]
        );
        assert_eq!(
            measured.regressions(&baseline, &["c"]).len(),
            2,
            "what was left out is not missed"
        );
        assert!(baseline.regressions(&Baseline::parse(&baseline.text()), &[]).is_empty());
    }
}
