//! Positions in contracts: what is held, what it is worth, where it would be liquidated. One line each.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use colibri_model::Decimal;

use super::notation::{BAD, gain, gain_style, quiet, rounded, strong};
use super::state::PositionRow;

/// Lines that there is room for.
pub(super) const LINES: u16 = 4;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, positions: &[PositionRow]) {
    let lines: Vec<Line<'_>> = positions.iter().map(line).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn line(row: &PositionRow) -> Line<'_> {
    let side = match row.side.is_net() {
        true => String::new(),
        false => format!(" {}", row.side.as_str()),
    };
    let mut spans = vec![
        Span::raw(" "),
        Span::styled(format!("{}{side} {}", row.pair, rounded(row.quantity.0)), strong()),
    ];
    if let Some(price) = row.entry_price {
        spans.push(Span::raw(format!(" at {}", rounded(price.0))));
    }
    if let Some(open) = row.unrealized {
        spans.push(Span::raw("  open "));
        let words = format!("{} {}", gain(open.0), row.asset);
        spans.push(Span::styled(words, gain_style(open.0)));
    }
    let mut set = String::new();
    if let Some(leverage) = row.leverage {
        set.push_str(&format!("  {leverage}x"));
    }
    if let Some(mode) = row.margin_mode {
        set.push_str(&format!(" {}", mode.as_str()));
    }
    spans.push(Span::styled(set, quiet()));
    if let Some(price) = row.liquidation_price {
        spans.push(Span::raw(format!("  liq {}", rounded(price.0))));
    }
    if let Some(rate) = row.funding_rate {
        let percent = (rate * Decimal::ONE_HUNDRED).round_dp(4).normalize();
        spans.push(Span::styled(format!("  funding {percent}%"), quiet()));
    }
    if let Some(stated) = row.stated {
        let words = format!("  exchange states {}", rounded(stated.0));
        spans.push(Span::styled(words, Style::new().fg(BAD)));
    }
    Line::from(spans)
}
