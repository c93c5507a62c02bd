//! The tables of open orders and of the last fills.

use colibri_model::{Liquidity, OrderState, Side};
use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Text;
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::notation::{BAD, GOOD, WATCH, order_state, panel, places, quantity, quiet, span, time_of_day};
use super::state::{FillRow, OrderRow};

/// Draws the orders that are not ended: sells above, each side from the best price outwards.
pub(super) fn draw_orders(frame: &mut Frame<'_>, area: Rect, orders: &[OrderRow]) {
    let block = panel(format!(" open orders: {} ", orders.len()));
    if orders.is_empty() {
        frame.render_widget(Paragraph::new("none").style(quiet()).block(block), area);
        return;
    }
    let mut sorted: Vec<&OrderRow> = orders.iter().collect();
    sorted.sort_by(|a, b| {
        let by_side = (a.side == Side::Buy).cmp(&(b.side == Side::Buy));
        by_side
            .then_with(|| b.price.cmp(&a.price))
            .then_with(|| a.client_id.cmp(&b.client_id))
    });
    let digits = places(orders.iter().filter_map(|order| order.price).map(|price| price.0));
    let price = |order: &OrderRow| {
        order
            .price
            .map_or_else(|| "market".to_owned(), |price| format!("{price:.digits$}"))
    };
    let rows = sorted.into_iter().map(|order| {
        Row::new([
            side_cell(order.side),
            right(price(order)),
            right(quantity(order.quantity.0)),
            right(quantity(order.filled.0)),
            Cell::new(order_state(order.state)).style(order_state_style(order.state)),
            Cell::new(span(order.age).replace(' ', "")).style(quiet()),
        ])
    });
    // A number that is cut reads as another number: the columns grow with what stands in them.
    let widths = [
        Constraint::Length(4),
        Constraint::Length(column(9, orders, |order| price(order).len())),
        Constraint::Length(column(7, orders, |order| quantity(order.quantity.0).len())),
        Constraint::Length(column(7, orders, |order| quantity(order.filled.0).len())),
        Constraint::Length(8),
        Constraint::Fill(1),
    ];
    let header = Row::new([
        Cell::new("side"),
        right("price".to_owned()),
        right("qty".to_owned()),
        right("filled".to_owned()),
        Cell::new("state"),
        Cell::new("age"),
    ]);
    frame.render_widget(
        Table::new(rows, widths).header(header.style(quiet())).block(block),
        area,
    );
}

/// Draws the last fills, newest first.
pub(super) fn draw_fills(frame: &mut Frame<'_>, area: Rect, fills: &[FillRow]) {
    let block = panel(" last fills ");
    if fills.is_empty() {
        frame.render_widget(Paragraph::new("none yet").style(quiet()).block(block), area);
        return;
    }
    let digits = places(fills.iter().map(|fill| fill.price.0));
    let price = |fill: &FillRow| format!("{:.digits$}", fill.price);
    let rows = fills.iter().map(|fill| {
        Row::new([
            Cell::new(time_of_day(fill.time)).style(quiet()),
            side_cell(fill.side),
            right(quantity(fill.quantity.0)),
            right(price(fill)),
            Cell::new(match fill.liquidity {
                Some(Liquidity::Maker) => "maker",
                Some(Liquidity::Taker) => "taker",
                None => "",
            }),
            Cell::new(fill.pair.to_string()).style(quiet()),
        ])
    });
    let widths = [
        Constraint::Length(8),
        Constraint::Length(4),
        Constraint::Length(column(7, fills, |fill| quantity(fill.quantity.0).len())),
        Constraint::Length(column(8, fills, |fill| price(fill).len())),
        Constraint::Length(5),
        Constraint::Fill(1),
    ];
    frame.render_widget(Table::new(rows, widths).block(block), area);
}

/// The width of a column: `least`, or what its longest text needs.
fn column<T>(least: u16, rows: &[T], width: impl Fn(&T) -> usize) -> u16 {
    let longest = rows.iter().map(width).max().unwrap_or(0);
    u16::try_from(longest).unwrap_or(u16::MAX).max(least)
}

fn right(text: String) -> Cell<'static> {
    Cell::new(Text::from(text).right_aligned())
}

fn side_cell(side: Side) -> Cell<'static> {
    let colour = match side {
        Side::Buy => GOOD,
        Side::Sell => BAD,
    };
    Cell::new(side.as_str()).style(Style::new().fg(colour))
}

const fn order_state_style(state: OrderState) -> Style {
    match state {
        OrderState::Unknown => Style::new().fg(BAD),
        OrderState::PendingCreate | OrderState::Acknowledged => Style::new().fg(WATCH),
        OrderState::Open | OrderState::PartiallyFilled => Style::new().fg(Color::Reset),
        OrderState::Filled | OrderState::Cancelled | OrderState::Rejected | OrderState::Expired => {
            Style::new().fg(Color::DarkGray)
        }
    }
}
