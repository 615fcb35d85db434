//! Tests of the room: conversion against `rust_decimal`, tables of rates, quotes.

mod convert;
mod quotes;
mod rates;

use crate::fx::exponents::by_letters;
use crate::model::money::Money;

fn money(minor: i64, letters: &str) -> Money {
    Money::new(minor, by_letters(letters).unwrap()).unwrap()
}
