//! Where everything stands on the screen. Made for 80 columns by 24 lines; more room goes to the book and the log.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use colibri_engine::StreamState;
use colibri_standard::SessionRole;

use super::notation::{BAD, GOOD, WATCH, elapsed, quiet, span, strong};
use super::state::{Phase, ScreenState, SessionRow, VenueRow};
use super::{book, figures, log, orders, positions};

/// The smallest screen on which the panels can be read.
const SMALLEST: (u16, u16) = (60, 16);

/// A session without a frame for so long is told to be silent.
const NOTABLE_SILENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Lines of the lower panels (figures, fills), their title included.
const LOWER_LINES: u16 = 8;

/// Lines of alerts that there is room for.
const ALERTS: u16 = 3;

/// Columns of the left panels (book, figures).
const LEFT_COLUMNS: u16 = 33;

/// Draws one picture of `state` over the whole of `frame`.
pub fn draw(frame: &mut Frame<'_>, state: &ScreenState) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let words = format!(
            "{}: make the window at least {} by {}; q stops",
            state.bot, SMALLEST.0, SMALLEST.1
        );
        frame.render_widget(Paragraph::new(words), area);
        return;
    }
    let venue_lines = u16::try_from(state.venues.len()).unwrap_or(u16::MAX).clamp(1, 4);
    let alert_lines = u16::try_from(state.alerts.len()).unwrap_or(u16::MAX).min(ALERTS);
    let position_lines = u16::try_from(state.positions.len())
        .unwrap_or(u16::MAX)
        .min(positions::LINES);
    let [header, venues, held, alerts, upper, lower, log_area, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(venue_lines),
        Constraint::Length(position_lines),
        Constraint::Length(alert_lines),
        Constraint::Fill(2),
        Constraint::Length(LOWER_LINES),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let columns = Layout::horizontal([Constraint::Length(LEFT_COLUMNS), Constraint::Fill(1)]).spacing(1);
    let [book_area, orders_area] = columns.areas(upper);
    let [figures_area, fills_area] = columns.areas(lower);

    draw_header(frame, header, state);
    let venue_rows: Vec<Line<'_>> = state.venues.iter().map(venue_line).collect();
    frame.render_widget(Paragraph::new(venue_rows), venues);
    positions::draw(frame, held, &state.positions);
    let alert_rows: Vec<Line<'_>> = state.alerts.iter().map(|alert| alert_line(alert)).collect();
    frame.render_widget(Paragraph::new(alert_rows), alerts);
    book::draw(frame, book_area, state.book.as_ref());
    orders::draw_orders(frame, orders_area, &state.orders);
    figures::draw(frame, figures_area, state);
    orders::draw_fills(frame, fills_area, &state.fills);
    log::draw(frame, log_area, &state.log);
    frame.render_widget(footer_line(), footer);
}

fn draw_header(frame: &mut Frame<'_>, area: Rect, state: &ScreenState) {
    let (word, colour) = match state.phase {
        Phase::Starting => ("starting", WATCH),
        Phase::Trading => ("trading", GOOD),
        Phase::Degraded => ("degraded", BAD),
        Phase::Stopping => ("stopping: cancelling every order", WATCH),
        Phase::Stopped => ("stopped", Color::Reset),
    };
    let left = Line::from(vec![
        Span::styled(" colibri ", strong().add_modifier(Modifier::REVERSED)),
        Span::raw(" "),
        Span::styled(state.bot.as_str(), strong()),
        Span::styled(format!(" on {}  ", state.environment), quiet()),
        Span::styled(word, Style::new().fg(colour)),
    ]);
    frame.render_widget(left, area);
    frame.render_widget(Line::raw(format!("{} ", elapsed(state.elapsed))).right_aligned(), area);
}

fn venue_line(row: &VenueRow) -> Line<'_> {
    let mut spans = vec![Span::raw(" "), Span::styled(row.venue.as_str(), strong())];
    for session in &row.sessions {
        spans.push(Span::raw("   "));
        spans.extend(session_spans(session));
    }
    if let Some(round_trip) = row.round_trip {
        // It is measured in milliseconds.
        let words = if round_trip.is_zero() {
            "under 1 ms".to_owned()
        } else {
            span(round_trip)
        };
        spans.push(Span::styled(format!("   round trip {words}"), quiet()));
    }
    if let Some(offset) = row.clock_offset_ns {
        let sign = if offset < 0 { "-" } else { "+" };
        let offset = span(std::time::Duration::from_nanos(offset.unsigned_abs()));
        spans.push(Span::styled(format!("   clock {sign}{offset}"), quiet()));
    }
    Line::from(spans)
}

fn alert_line(alert: &str) -> Line<'_> {
    Line::from(vec![
        Span::styled(" ! ", Style::new().fg(BAD).add_modifier(Modifier::REVERSED)),
        Span::styled(format!(" {alert}"), Style::new().fg(BAD)),
    ])
}

fn session_spans(session: &SessionRow) -> Vec<Span<'static>> {
    let role = match session.role {
        SessionRole::Market => "market",
        SessionRole::User => "user",
    };
    let (word, colour) = match session.state {
        None => ("not yet open", Color::DarkGray),
        Some(state) => match state {
            StreamState::Live | StreamState::Quiet => (state.as_str(), GOOD),
            StreamState::Opening | StreamState::Healing => (state.as_str(), WATCH),
            StreamState::Down | StreamState::Silent => (state.as_str(), BAD),
        },
    };
    let mut spans = vec![
        Span::raw(format!("{role} ")),
        Span::styled(word, Style::new().fg(colour)),
    ];
    if let Some(silent_for) = session.silent_for.filter(|silent_for| *silent_for >= NOTABLE_SILENCE) {
        spans.push(Span::styled(format!(" silent {}", span(silent_for)), quiet()));
    }
    if session.reconnects > 0 {
        spans.push(Span::styled(format!(" reconnected {}x", session.reconnects), quiet()));
    }
    spans
}

fn footer_line() -> Line<'static> {
    Line::from(vec![
        Span::styled(" q ", Style::new().add_modifier(Modifier::REVERSED)),
        Span::styled(" stop: cancels every order and asks the exchange for proof", quiet()),
    ])
}
