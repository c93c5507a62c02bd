//! Money and counters: profit and loss, fees, balances, orders, the Clock.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::notation::{BAD, WATCH, gain, gain_style, panel, quiet, rounded, span};
use super::state::{Counters, ProfitAndLoss, ScreenState, TickFigures};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &ScreenState) {
    let mut lines = vec![
        profit_line(state.profit.as_ref()),
        fees_line(state),
        orders_line(&state.counters),
        troubles_line(&state.counters),
        ticks_line(&state.ticks),
    ];
    for pair in state.balances.chunks(2) {
        let text: Vec<String> = pair
            .iter()
            .map(|balance| format!("{} {}", rounded(balance.total().0), balance.asset))
            .collect();
        lines.push(Line::raw(text.join("  ")));
    }
    frame.render_widget(Paragraph::new(lines).block(panel(" figures ")), area);
}

fn profit_line(profit: Option<&ProfitAndLoss>) -> Line<'static> {
    let Some(profit) = profit else {
        return Line::styled("pnl: no price yet", quiet());
    };
    let total = profit.realized.0 + profit.unrealized.0;
    Line::from(vec![
        Span::raw("pnl "),
        Span::styled(format!("{} {}", gain(total), profit.asset), gain_style(total)),
        Span::styled(format!(" open {}", gain(profit.unrealized.0)), quiet()),
    ])
}

fn fees_line(state: &ScreenState) -> Line<'static> {
    let fees: Vec<String> = state
        .fees
        .iter()
        .map(|fee| format!("{} {}", rounded(fee.amount.0), fee.asset))
        .collect();
    Line::raw(if fees.is_empty() {
        "fees none".to_owned()
    } else {
        format!("fees {}", fees.join(", "))
    })
}

fn orders_line(counters: &Counters) -> Line<'static> {
    Line::raw(format!(
        "orders {} cancels {} fills {}",
        counters.orders, counters.cancels, counters.fills
    ))
}

fn troubles_line(counters: &Counters) -> Line<'static> {
    let spans: Vec<Span<'_>> = [
        (counters.unknown, "unknown", BAD),
        (counters.rejects, "rejects", WATCH),
        (counters.book_gaps, "gaps", WATCH),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, word, colour)| Span::styled(format!("{word} {count} "), Style::new().fg(colour)))
    .collect();
    if spans.is_empty() {
        Line::styled("nothing unknown or rejected", quiet())
    } else {
        Line::from(spans)
    }
}

fn ticks_line(ticks: &TickFigures) -> Line<'static> {
    let mut spans = vec![
        Span::raw(format!("ticks {}", ticks.ticks)),
        Span::styled(
            format!(" last {} max {}", span(ticks.last), span(ticks.longest)),
            quiet(),
        ),
    ];
    if ticks.overruns > 0 {
        spans.push(Span::styled(
            format!(" late {}", ticks.overruns),
            Style::new().fg(WATCH),
        ));
    }
    Line::from(spans)
}
