//! What goes into a file comes out of it: every value, every null; and what is not certain, or not exact, does not go in.
#![allow(clippy::unwrap_used)]

mod reading;

use std::path::Path;

use colibri_export::parquet_file::{FileError, GROUP, ParquetFile};
use colibri_export::row::{Cell, Column, ColumnType, Exact, NotHeld, Row, Scale};
use proptest::prelude::*;
use reading::{Value, read};

/// A row of every type, with and without null.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    text: String,
    maybe_text: Option<String>,
    decimal: (i64, i32),
    maybe_decimal: Option<(i64, i32)>,
    instant: i64,
    maybe_instant: Option<i64>,
    number: u64,
    maybe_number: Option<u64>,
}

impl Row for Sample {
    const COLUMNS: &'static [Column] = &[
        Column::always("text", ColumnType::Text),
        Column::maybe("maybe_text", ColumnType::Text),
        Column::always("decimal", ColumnType::Decimal),
        Column::maybe("maybe_decimal", ColumnType::Decimal),
        Column::always("instant", ColumnType::Instant),
        Column::maybe("maybe_instant", ColumnType::Instant),
        Column::always("number", ColumnType::Number),
        Column::maybe("maybe_number", ColumnType::Number),
    ];

    fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let decimal = |(mantissa, exponent)| Cell::Decimal(Exact::new(mantissa, exponent));
        [
            Cell::text(&*self.text),
            self.maybe_text.as_deref().map_or(Cell::Absent, Cell::text),
            decimal(self.decimal),
            self.maybe_decimal.map_or(Cell::Absent, decimal),
            Cell::Instant(self.instant),
            Cell::instant(self.maybe_instant),
            Cell::Number(self.number),
            Cell::number(self.maybe_number),
        ]
        .into_iter()
    }
}

fn decimal() -> impl Strategy<Value = (i64, i32)> {
    (any::<i64>(), -18..=1_i32)
}

fn sample() -> impl Strategy<Value = Sample> {
    let maybe = (
        prop::option::of(".{0,20}"),
        prop::option::of(decimal()),
        prop::option::of(any::<i64>()),
        prop::option::of(any::<u64>()),
    );
    (".{0,20}", decimal(), any::<i64>(), any::<u64>(), maybe).prop_map(|(text, decimal, instant, number, maybe)| {
        Sample {
            text,
            maybe_text: maybe.0,
            decimal,
            maybe_decimal: maybe.1,
            instant,
            maybe_instant: maybe.2,
            number,
            maybe_number: maybe.3,
        }
    })
}

fn plain(number: u64) -> Sample {
    Sample {
        text: "BTC-USDT".to_owned(),
        maybe_text: None,
        decimal: (1, -2),
        maybe_decimal: None,
        instant: 0,
        maybe_instant: None,
        number,
        maybe_number: None,
    }
}

/// Independent of how the file's writer says it.
fn units((mantissa, exponent): (i64, i32)) -> Value {
    Value::Decimal(i128::from(mantissa) * 10_i128.pow(u32::try_from(18 + exponent).unwrap()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_value_comes_back(samples in prop::collection::vec(sample(), 0..60)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.parquet");
        let mut file = ParquetFile::create(&path, Scale::USUAL).unwrap();
        for sample in &samples {
            file.push(sample.clone());
        }
        file.settle().unwrap();
        let written = file.finish().unwrap();
        prop_assert_eq!(written.rows, samples.len() as u64);
        prop_assert_eq!(written.bytes, path.metadata().unwrap().len());

        let table = read(&path);
        prop_assert_eq!(table.rows(), samples.len());
        let maybe = |value: Option<Value>| value.unwrap_or(Value::Null);
        for (row, sample) in samples.iter().enumerate() {
            let at = |column: &str| table.columns[column][row].clone();
            prop_assert_eq!(at("text"), Value::Text(sample.text.clone()));
            prop_assert_eq!(at("maybe_text"), maybe(sample.maybe_text.clone().map(Value::Text)));
            prop_assert_eq!(at("decimal"), units(sample.decimal));
            prop_assert_eq!(at("maybe_decimal"), maybe(sample.maybe_decimal.map(units)));
            prop_assert_eq!(at("instant"), Value::Instant(sample.instant));
            prop_assert_eq!(at("maybe_instant"), maybe(sample.maybe_instant.map(Value::Instant)));
            prop_assert_eq!(at("number"), Value::Number(sample.number));
            prop_assert_eq!(at("maybe_number"), maybe(sample.maybe_number.map(Value::Number)));
        }
    }
}

#[test]
fn row_groups_are_bounded_and_what_is_not_certain_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.parquet");
    let mut file = ParquetFile::create(&path, Scale::USUAL).unwrap();
    let certain = 2 * GROUP as u64 + 10;
    for number in 0..certain {
        file.push(plain(number));
        if number % 1_000 == 0 {
            file.settle().unwrap();
        }
    }
    file.settle().unwrap();
    assert_eq!(file.uncertain(), 0);
    for number in certain..certain + 100 {
        file.push(plain(number));
    }
    assert_eq!(file.uncertain(), 100);
    assert_eq!(file.finish().unwrap().rows, certain);

    let table = read(&path);
    assert_eq!(table.groups, [GROUP, GROUP, 10]);
    let numbers: Vec<_> = (0..certain).map(Value::Number).collect();
    assert_eq!(table.columns["number"], numbers);
}

#[test]
fn a_value_that_cannot_be_exact_ends_it_and_the_file_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.parquet");
    let mut file = ParquetFile::create(&path, Scale::USUAL).unwrap();
    file.push(plain(7));
    file.settle().unwrap();
    file.finish().unwrap();

    let mut file = ParquetFile::create(&path, Scale::USUAL).unwrap();
    file.push(Sample {
        decimal: (1, -19),
        ..plain(8)
    });
    file.settle().unwrap();
    let refused = file.finish().unwrap_err();
    assert!(
        matches!(
            refused,
            FileError::Value {
                column: "decimal",
                source: NotHeld::Deeper { .. }
            }
        ),
        "{refused}"
    );
    assert_eq!(read(&path).columns["number"], [Value::Number(7)]);
    assert_eq!(names(folder.path()), ["samples.parquet"]);
}

#[test]
fn an_export_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = ParquetFile::create(&folder.path().join("samples.parquet"), Scale::USUAL).unwrap();
    file.push(plain(1));
    drop(file);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
