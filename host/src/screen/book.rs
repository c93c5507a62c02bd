//! The order book as a ladder: asks above, bids below, our own levels marked.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::notation::{BAD, GOOD, WATCH, panel, places, quantity, quiet, strong};
use super::state::{BookLadder, BookState, LadderLevel};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, book: Option<&BookLadder>) {
    let Some(book) = book else {
        frame.render_widget(
            Paragraph::new("no book yet").style(quiet()).block(panel(" book ")),
            area,
        );
        return;
    };
    let mut title = vec![Span::styled(format!(" {} ", book.pair), strong())];
    match book.state {
        BookState::Live => {}
        BookState::Polled => title.push(Span::styled("polled: stream down ", Style::new().fg(WATCH))),
        BookState::Stale => title.push(Span::styled("stale ", Style::new().fg(WATCH))),
        BookState::Resyncing => title.push(Span::styled("gap: asking for a snapshot ", Style::new().fg(BAD))),
    }
    let block = panel(Line::from(title));
    let lines = usize::from(block.inner(area).height);
    // One line stands between the sides; an odd one left over goes to the bids.
    let above = lines.saturating_sub(1) / 2;
    let asks = &book.asks[..book.asks.len().min(above)];
    let bids = &book.bids[..book.bids.len().min(lines.saturating_sub(above + 1))];

    let shown = || asks.iter().chain(bids);
    let digits = Digits {
        price: places(shown().map(|level| level.price.0)),
        quantity: places(shown().map(|level| level.quantity.0)),
    };

    let mut rows: Vec<Line<'_>> = vec![Line::default(); above - asks.len()];
    rows.extend(asks.iter().rev().map(|level| level_line(level, digits, BAD)));
    rows.push(middle_line(book));
    rows.extend(bids.iter().map(|level| level_line(level, digits, GOOD)));
    frame.render_widget(Paragraph::new(rows).block(block), area);
}

/// Digits after the point, the same on every level.
#[derive(Debug, Clone, Copy)]
struct Digits {
    price: usize,
    quantity: usize,
}

fn level_line(level: &LadderLevel, digits: Digits, colour: Color) -> Line<'static> {
    let mut spans = vec![
        Span::styled(format!("{:>11.*}", digits.price, level.price), Style::new().fg(colour)),
        Span::raw(format!(" {:>10.*}", digits.quantity, level.quantity)),
    ];
    if !level.own.is_zero() {
        spans.push(Span::styled(format!(" ◂{}", quantity(level.own.0)), strong()));
    }
    Line::from(spans)
}

fn middle_line(book: &BookLadder) -> Line<'static> {
    match (book.bids.first(), book.asks.first()) {
        (Some(bid), Some(ask)) => {
            let spread = ask.price.0 - bid.price.0;
            Line::styled(format!("{:>11} spread", quantity(spread)), quiet())
        }
        _ => Line::styled(format!("{:>11}", "one side is empty"), quiet()),
    }
}
