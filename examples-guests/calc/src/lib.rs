//! Functions of a world of its own. It knows nothing of SPEAR, and is called as `spear invoke calc 'add(1, 2)'`.

use std::f64::consts::PI;

use exports::docs::calc::{machine, shapes, solids};

mod bindings {
    wit_bindgen::generate!({ world: "calc", generate_all });

    use super::Calc;
    export!(Calc with_types_in self);
}

use bindings::{Guest, Order, Rounding, Summary, exports};

struct Calc;

impl Guest for Calc {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn div(a: u32, b: u32) -> Result<u32, String> {
        a.checked_div(b).ok_or_else(|| "division by zero".to_owned())
    }

    fn summary_of(numbers: Vec<i64>) -> Summary {
        let sum = numbers.iter().fold(0_i64, |sum, number| sum.wrapping_add(*number));
        Summary { count: numbers.len() as u32, sum, largest: numbers.into_iter().max() }
    }

    fn sort(mut numbers: Vec<i64>, order: Order) -> Vec<i64> {
        numbers.sort_unstable();
        if matches!(order, Order::Falling) {
            numbers.reverse();
        }
        numbers
    }

    fn rounded(number: f64, how: Option<Rounding>) -> f64 {
        match how {
            Some(Rounding::DOWN) => number.floor(),
            Some(Rounding::UP) => number.ceil(),
            _ => number.round(),
        }
    }

    fn repeat(text: String, times: u32) -> String {
        text.repeat(times as usize)
    }

    fn nothing() {}

    fn forever() {
        loop {
            std::hint::black_box(());
        }
    }
}

impl shapes::Guest for Calc {
    fn area(of: shapes::Shape) -> f64 {
        match of {
            shapes::Shape::Circle(radius) => PI * radius * radius,
            shapes::Shape::Rectangle((width, height)) => width * height,
            shapes::Shape::Polygon(points) => {
                sides(&points).map(|(one, other)| one.x * other.y - other.x * one.y).sum::<f64>().abs() / 2.0
            }
        }
    }

    fn perimeter(of: shapes::Shape) -> f64 {
        match of {
            shapes::Shape::Circle(radius) => 2.0 * PI * radius,
            shapes::Shape::Rectangle((width, height)) => 2.0 * (width + height),
            shapes::Shape::Polygon(points) => {
                sides(&points).map(|(one, other)| (one.x - other.x).hypot(one.y - other.y)).sum()
            }
        }
    }
}

impl solids::Guest for Calc {
    fn area(edge: f64) -> f64 {
        6.0 * edge * edge
    }
}

struct Register(u32);

impl machine::GuestRegister for Register {
    fn new(value: u32) -> Self {
        Self(value)
    }

    fn value(&self) -> u32 {
        self.0
    }
}

impl machine::Guest for Calc {
    type Register = Register;

    fn read(register: machine::RegisterBorrow<'_>) -> u32 {
        register.get::<Register>().0
    }
}

/// Each point with the next one, the last with the first.
fn sides(points: &[shapes::Point]) -> impl Iterator<Item = (&shapes::Point, &shapes::Point)> {
    points.iter().zip(points.iter().cycle().skip(1))
}
