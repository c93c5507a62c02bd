//! The layout of everything that crosses the boundary, as a table. A changed line here is a new major version of the
//! boundary: what may change within one is a function appended to a vtable, as a line at the end of its table.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;

use abi_stable::StableAbi;
use abi_stable::type_layout::{TLData, TypeLayout};
use colibri_abi::{
    BookBatch, ConnectorVtableRef, Created, Grant, Header, Level, Now, OrderOp, Out, OutVtableRef, PluginRootRef,
    PreimagePart, PublicTrade, Request, Response, Sign, StreamOpen, StreamSend, Text48, TopOfBook, TradeBatch,
};

/// Name, size and alignment of a type; name, offset, size and type of each field, the offsets by the rules of `repr(C)`.
fn describe(layout: &TypeLayout, table: &mut String) {
    let fields = match layout.data() {
        TLData::Struct { fields } => fields,
        TLData::PrefixType(prefix) => prefix.fields,
        other => panic!("{} is neither a struct nor a vtable: {other}", layout.name()),
    };
    let repr = layout.repr_attr();
    writeln!(
        table,
        "{} size={} align={} {repr:?}",
        layout.name(),
        layout.size(),
        layout.alignment()
    )
    .unwrap();
    let mut offset = 0;
    for field in fields.iter() {
        let inner = field.layout();
        offset = usize::next_multiple_of(offset, inner.alignment());
        let kind = match field.function_range().iter().next() {
            Some(function) if field.is_function() => {
                let shown = |layout: extern "C" fn() -> &'static TypeLayout| tidy(&layout().full_type().to_string());
                let parameters: Vec<String> = function.param_type_layouts.iter().map(shown).collect();
                let returned = function.return_type_layout().map_or_else(|| "()".to_owned(), shown);
                format!("fn({}) -> {returned}", parameters.join(", "))
            }
            _ => tidy(&field.full_type().to_string()),
        };
        writeln!(table, "  {offset:>4} {:>4} {}: {kind}", inner.size(), field.name()).unwrap();
        offset += inner.size();
    }
    assert_eq!(
        usize::next_multiple_of(offset, layout.alignment()),
        layout.size(),
        "{} is laid out as C would",
        layout.name()
    );
}

/// A type's name without the blanks that `abi_stable` leaves in it.
fn tidy(name: &str) -> String {
    name.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" >", ">")
        .replace("< ", "<")
}

/// The vtable behind a prefix reference: the type that the reference is a marker of.
fn vtable(reference: &'static TypeLayout) -> &'static TypeLayout {
    let mut layout = reference;
    while !layout.is_prefix_kind() {
        let fields = layout.get_fields().into_iter().flat_map(|fields| fields.to_vec());
        layout = fields.chain(layout.phantom_fields().to_vec()).next().unwrap().layout();
    }
    layout
}

#[test]
fn nothing_that_crosses_the_boundary_has_moved() {
    let mut table = String::new();
    let values = [
        <Now as StableAbi>::LAYOUT,
        Grant::LAYOUT,
        Text48::LAYOUT,
        OrderOp::LAYOUT,
        Level::LAYOUT,
        BookBatch::LAYOUT,
        PublicTrade::LAYOUT,
        TradeBatch::LAYOUT,
        TopOfBook::LAYOUT,
        PreimagePart::LAYOUT,
        Sign::LAYOUT,
        Header::LAYOUT,
        Request::LAYOUT,
        Response::LAYOUT,
        StreamOpen::LAYOUT,
        StreamSend::LAYOUT,
        Out::LAYOUT,
        Created::LAYOUT,
    ];
    for layout in values {
        describe(layout, &mut table);
    }
    for reference in [OutVtableRef::LAYOUT, ConnectorVtableRef::LAYOUT, PluginRootRef::LAYOUT] {
        describe(vtable(reference), &mut table);
    }
    let kept = include_str!("layout.txt");
    assert_eq!(table, kept, "\nthe boundary's layout is now:\n{table}");
}
