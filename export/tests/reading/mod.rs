//! A Parquet file read back, column by column, as the format has it.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Null,
    Text(String),
    /// In units of 10^-scale.
    Decimal(i128),
    /// Nanoseconds since 1970-01-01 UTC.
    Instant(i64),
    Number(u64),
}

/// A file.
#[derive(Debug)]
pub struct Table {
    pub columns: BTreeMap<String, Vec<Value>>,
    /// Rows of each row group.
    pub groups: Vec<usize>,
    /// The scale of its decimals.
    pub scale: Option<i32>,
}

impl Table {
    pub fn rows(&self) -> usize {
        self.groups.iter().sum()
    }

    pub fn texts(&self, column: &str) -> Vec<&str> {
        self.columns[column].iter().map(text).collect()
    }
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

pub fn read(path: &Path) -> Table {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut table = Table {
        columns: BTreeMap::new(),
        groups: Vec::new(),
        scale: None,
    };
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        let rows = usize::try_from(group.metadata().num_rows()).unwrap();
        table.groups.push(rows);
        for column in 0..group.num_columns() {
            let described = group.metadata().column(column).column_descr_ptr();
            let (mut levels, mut values) = (Vec::new(), Vec::new());
            let read = match group.get_column_reader(column).unwrap() {
                ColumnReader::Int64ColumnReader(mut column) => {
                    let mut whole = Vec::new();
                    let read = column.read_records(rows, Some(&mut levels), None, &mut whole);
                    values.extend(whole.into_iter().map(|value| whole_value(&described, value)));
                    read
                }
                ColumnReader::ByteArrayColumnReader(mut column) => {
                    assert_eq!(described.logical_type_ref(), Some(&LogicalType::String));
                    let mut texts = Vec::new();
                    let read = column.read_records(rows, Some(&mut levels), None, &mut texts);
                    values.extend(texts.iter().map(|text| Value::Text(text.as_utf8().unwrap().to_owned())));
                    read
                }
                ColumnReader::FixedLenByteArrayColumnReader(mut column) => {
                    table.scale = Some(described.type_scale());
                    let decimal = LogicalType::decimal(described.type_scale(), 38);
                    assert_eq!(described.logical_type_ref(), Some(&decimal));
                    let mut decimals = Vec::new();
                    let read = column.read_records(rows, Some(&mut levels), None, &mut decimals);
                    let units = |bytes: &[u8]| Value::Decimal(i128::from_be_bytes(bytes.try_into().unwrap()));
                    values.extend(decimals.iter().map(|decimal| units(decimal.data())));
                    read
                }
                _ => panic!("{} is of a type that no column has", described.name()),
            };
            assert_eq!(read.unwrap().0, rows, "{}", described.name());
            let column = table.columns.entry(described.name().to_owned()).or_default();
            if described.max_def_level() == 0 {
                column.extend(values);
            } else {
                let mut values = values.into_iter();
                column.extend(levels.iter().map(|level| match level {
                    0 => Value::Null,
                    _ => values.next().unwrap(),
                }));
            }
        }
    }
    table
}

fn whole_value(column: &ColumnDescriptor, value: i64) -> Value {
    let logical = column.logical_type_ref().unwrap();
    if *logical == LogicalType::timestamp(true, TimeUnit::NANOS) {
        Value::Instant(value)
    } else {
        assert_eq!(*logical, LogicalType::integer(64, false), "{}", column.name());
        Value::Number(value.cast_unsigned())
    }
}
