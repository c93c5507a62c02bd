//! The end of the log.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::notation::{BAD, WATCH, panel, quiet, time_of_day};
use super::state::{LogLevel, LogLine};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, log: &[LogLine]) {
    let block = panel(" log ");
    let room = usize::from(block.inner(area).height);
    let lines: Vec<Line<'_>> = log[log.len().saturating_sub(room)..].iter().map(log_line).collect();
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn log_line(line: &LogLine) -> Line<'_> {
    let style = match line.level {
        LogLevel::Info => Style::new(),
        LogLevel::Warn => Style::new().fg(WATCH),
        LogLevel::Error => Style::new().fg(BAD),
    };
    Line::from(vec![
        Span::styled(format!("{} ", time_of_day(line.time)), quiet()),
        Span::styled(line.text.as_str(), style),
    ])
}
