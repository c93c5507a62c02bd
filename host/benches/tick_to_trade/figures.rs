//! Percentiles, and the ratios that count.

use std::time::Duration;

use crate::frames::FrameShape;

/// What was measured.
#[derive(Debug, Default)]
pub struct Answers {
    /// The bot's.
    pub ours: Vec<Answer>,
    /// The bare program's.
    pub bare: Vec<Answer>,
    /// Frames that nobody answered in time.
    pub missed: usize,
}

/// From the frame's write.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub first_byte: Duration,
    pub last_byte: Duration,
}

pub fn heading() {
    println!(
        "{:<26} {:<6} {:<5} {:>9} {:>9} {:>9} {:>9}   first byte p50",
        "setting", "frame", "who", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs"
    );
}

const PER_MILLE: [usize; 4] = [500, 900, 990, 999];

fn percentiles(answers: &[Answer], of: fn(&Answer) -> Duration) -> [f64; 4] {
    let mut times: Vec<Duration> = answers.iter().map(of).collect();
    times.sort_unstable();
    PER_MILLE.map(|rank| {
        let at = times.len().saturating_sub(1) * rank / 1000;
        times.get(at).map_or(f64::NAN, |t| t.as_nanos() as f64 / 1000.0)
    })
}

/// Two rows and their ratio.
pub fn rows(setting: &str, shape: FrameShape, answers: &Answers) {
    let mut of = Vec::new();
    for (who, list) in [("bare", &answers.bare), ("ours", &answers.ours)] {
        let last = percentiles(list, |a| a.last_byte);
        let first = percentiles(list, |a| a.first_byte);
        println!(
            "{setting:<26} {:<6} {who:<5} {:>9.1} {:>9.1} {:>9.1} {:>9.1}   {:.1}",
            shape.name(),
            last[0],
            last[1],
            last[2],
            last[3],
            first[0]
        );
        of.push(last);
    }
    let ratio: Vec<String> = (0..4).map(|i| format!("{:>9.2}", of[1][i] / of[0][i])).collect();
    println!("{setting:<26} {:<6} ratio {}", shape.name(), ratio.join(" "));
    if answers.missed > 0 {
        println!("{:<26} {} frames without an answer", setting, answers.missed);
    }
}

/// What else the machine does.
pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}
