//! A shop that sends invoices: customers, products, invoices with lines, payments. Lookups, lists
//! by customer, and totals over everything.

use fastrand::Rng;

use super::site::{Deed, Question, Site, series, statement};
use super::zipf::Zipf;

const CUSTOMERS: usize = 2_000;
const PRODUCTS: usize = 500;
const INVOICES: usize = 10_000;
const LINES: usize = 3;

pub(crate) struct Shop {
    customers: Zipf,
    products: Zipf,
    /// Invoices by age: the latest are looked at most.
    recent: Zipf,
    last_invoice: i64,
}

impl Shop {
    pub(crate) fn new() -> Shop {
        Shop {
            customers: Zipf::new(CUSTOMERS, 1.0),
            products: Zipf::new(PRODUCTS, 1.0),
            recent: Zipf::new(INVOICES, 1.0),
            last_invoice: INVOICES as i64,
        }
    }

    fn invoice(&self, rng: &mut Rng) -> i64 {
        self.last_invoice - self.recent.draw(rng) + 1
    }

    fn new_invoice(&mut self, rng: &mut Rng) -> Deed {
        self.last_invoice += 1;
        let (id, customer) = (self.last_invoice, self.customers.draw(rng));
        let mut statements = vec![statement(
            "INSERT INTO invoices VALUES (?, ?, 'open', ?, 0)",
            &[id, customer, id / 800],
        )];
        for _ in 0..LINES {
            let product = self.products.draw(rng);
            statements.push(statement(
                "INSERT INTO lines (invoice_id, product_id, quantity, price) \
                 SELECT ?, id, 2, price FROM products WHERE id = ?",
                &[id, product],
            ));
            statements
                .push(statement("UPDATE products SET stock = stock - 2 WHERE id = ?", &[product]));
        }
        statements.push(statement(
            "UPDATE invoices SET total = (SELECT sum(quantity * price) FROM lines \
             WHERE invoice_id = ?1) WHERE id = ?1",
            &[id],
        ));
        Deed { statements, tables: &["invoices", "lines", "products"] }
    }
}

impl Site for Shop {
    fn name(&self) -> &'static str {
        "shop"
    }

    fn script(&self) -> String {
        format!(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT, note TEXT);
             CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INT, stock INT);
             CREATE INDEX products_stock ON products (stock);
             CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id INT, status TEXT,
                 month INT, total INT);
             CREATE INDEX invoices_customer ON invoices (customer_id, status);
             CREATE INDEX invoices_month ON invoices (month);
             CREATE TABLE lines (id INTEGER PRIMARY KEY, invoice_id INT, product_id INT,
                 quantity INT, price INT);
             CREATE INDEX lines_invoice ON lines (invoice_id);
             CREATE TABLE payments (id INTEGER PRIMARY KEY, invoice_id INT, amount INT);
             CREATE INDEX payments_invoice ON payments (invoice_id);
             INSERT INTO customers SELECT i, 'customer ' || i, 'city ' || (i % 40), ''
                 FROM {customers};
             INSERT INTO products SELECT i, 'product ' || i, i * 7 % 90 + 1, i * 13 % 300 + 5000
                 FROM {products};
             INSERT INTO invoices SELECT i, i * 17 % {CUSTOMERS} + 1,
                 CASE WHEN i % 4 = 0 THEN 'open' ELSE 'paid' END, i / 800, i * 11 % 500
                 FROM {invoices};
             INSERT INTO lines SELECT i, (i - 1) / {LINES} + 1, i * 19 % {PRODUCTS} + 1, 2, 10
                 FROM {lines};
             INSERT INTO payments SELECT i, i, 100 FROM {invoices} WHERE i % 4 > 0;",
            customers = series(CUSTOMERS),
            products = series(PRODUCTS),
            invoices = series(INVOICES),
            lines = series(INVOICES * LINES),
        )
    }

    fn ask(&mut self, rng: &mut Rng) -> Question {
        let customer = self.customers.draw(rng);
        let (sql, params, tables): (_, Vec<i64>, &'static [&'static str]) = match rng.u8(..100) {
            0..18 => ("SELECT * FROM customers WHERE id = ?", vec![customer], &["customers"]),
            18..34 => (
                "SELECT id, name, price FROM products WHERE id = ?",
                vec![self.products.draw(rng)],
                &["products"],
            ),
            34..46 => (
                "SELECT l.quantity, l.price, p.name FROM lines l JOIN products p \
                 ON p.id = l.product_id WHERE l.invoice_id = ? ORDER BY l.id",
                vec![self.invoice(rng)],
                &["lines", "products"],
            ),
            46..58 => (
                "SELECT id, month, total FROM invoices WHERE customer_id = ? AND \
                 status = 'open' ORDER BY id",
                vec![customer],
                &["invoices"],
            ),
            58..66 => (
                "SELECT i.id, i.status, i.total, c.name FROM invoices i JOIN customers c \
                 ON c.id = i.customer_id WHERE i.id = ?",
                vec![self.invoice(rng)],
                &["invoices", "customers"],
            ),
            66..74 => (
                "SELECT stock FROM products WHERE id = ?",
                vec![self.products.draw(rng)],
                &["products"],
            ),
            74..81 => (
                "SELECT count(*), sum(amount) FROM payments WHERE invoice_id = ?",
                vec![self.invoice(rng)],
                &["payments"],
            ),
            81..90 => (
                "SELECT count(*), sum(total) FROM invoices WHERE month = ?",
                vec![self.last_invoice / 800 - self.recent.draw(rng).min(12) + 1],
                &["invoices"],
            ),
            90..96 => (
                "SELECT id, name, stock FROM products ORDER BY stock, id LIMIT 20",
                vec![],
                &["products"],
            ),
            96..98 => (
                "SELECT id, customer_id, total FROM invoices ORDER BY total DESC, id LIMIT 20",
                vec![],
                &["invoices"],
            ),
            _ => (
                "SELECT customer_id, sum(total) FROM invoices WHERE month = ? \
                 GROUP BY customer_id ORDER BY 2 DESC, 1 LIMIT 10",
                vec![self.last_invoice / 800 - 1],
                &["invoices"],
            ),
        };
        Question { statement: statement(sql, &params), tables }
    }

    fn write(&mut self, rng: &mut Rng) -> Deed {
        let (statements, tables): (_, &'static [&'static str]) = match rng.u8(..100) {
            0..40 => return self.new_invoice(rng),
            40..75 => {
                let invoice = self.invoice(rng);
                (
                    vec![
                        statement(
                            "INSERT INTO payments (invoice_id, amount) VALUES (?, 100)",
                            &[invoice],
                        ),
                        statement("UPDATE invoices SET status = 'paid' WHERE id = ?", &[invoice]),
                    ],
                    &["payments", "invoices"],
                )
            }
            75..85 => {
                let sql = "UPDATE products SET stock = stock + 100 WHERE id = ?";
                (vec![statement(sql, &[self.products.draw(rng)])], &["products"])
            }
            85..95 => {
                let sql = "UPDATE customers SET note = note || '.' WHERE id = ?";
                (vec![statement(sql, &[self.customers.draw(rng)])], &["customers"])
            }
            _ => {
                let sql = "UPDATE products SET price = price + 1 WHERE id = ?";
                (vec![statement(sql, &[self.products.draw(rng)])], &["products"])
            }
        };
        Deed { statements, tables }
    }
}
