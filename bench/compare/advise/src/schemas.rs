//! The schemas: a shop, films after the Join Order Benchmark, accounts, queues, texts, tickets.

use crate::data::{Make, Schema, Table};

use Make::{Code, Email, Flag, Note, Parent, Pick, Seldom, Serial, Title, Uniform, When, Zipf};

const STATUS: Make = Pick(&[("delivered", 880), ("shipped", 80), ("pending", 35), ("failed", 5)]);
const STATE: Make = Pick(&[("done", 975), ("running", 5), ("queued", 15), ("dead", 5)]);
const LEVEL: Make = Pick(&[("info", 900), ("debug", 80), ("warn", 15), ("error", 5)]);

fn table(
    name: &'static str,
    rows: usize,
    inserts: u64,
    columns: &'static [(&'static str, Make)],
) -> Table {
    Table { name, rows, columns, inserts }
}

pub fn all() -> Vec<Schema> {
    vec![shop(), films(), bank(), queue(), texts(), desk()]
}

fn shop() -> Schema {
    let tables = vec![
        table("countries", 200, 0, &[("id", Serial), ("region", Zipf(6, 0.5)), ("title", Title)]),
        table(
            "users",
            30_000,
            2_000,
            &[
                ("id", Serial),
                ("email", Email),
                ("country_id", Parent("countries", 1.1)),
                ("active", Flag(98)),
                ("created_at", When),
                ("name", Title),
                ("note", Note(8)),
            ],
        ),
        table(
            "products",
            20_000,
            200,
            &[
                ("id", Serial),
                ("sku", Code(10)),
                ("category_id", Zipf(300, 0.6)),
                ("price", Uniform(100, 90_000)),
                ("listed", Flag(95)),
                ("title", Title),
                ("note", Note(10)),
            ],
        ),
        table(
            "orders",
            120_000,
            8_000,
            &[
                ("id", Serial),
                ("user_id", Parent("users", 0.7)),
                ("status", STATUS),
                ("total", Uniform(1, 100_000)),
                ("created_at", When),
                ("shipped_at", Seldom(96)),
                ("note", Note(6)),
            ],
        ),
        table(
            "order_items",
            300_000,
            20_000,
            &[
                ("id", Serial),
                ("order_id", Parent("orders", 0.0)),
                ("product_id", Parent("products", 0.8)),
                ("quantity", Uniform(1, 9)),
                ("price", Uniform(100, 90_000)),
            ],
        ),
    ];
    Schema {
        name: "shop",
        tables,
        existing: &["CREATE UNIQUE INDEX products_sku ON products (sku)"],
    }
}

fn films() -> Schema {
    let tables = vec![
        table("kind_type", 7, 0, &[("id", Serial), ("kind", Title)]),
        table("info_type", 110, 0, &[("id", Serial), ("info", Title)]),
        table(
            "title",
            60_000,
            100,
            &[
                ("id", Serial),
                ("title", Title),
                ("kind_id", Parent("kind_type", 1.0)),
                ("production_year", Zipf(120, 0.4)),
                ("episode_nr", Seldom(3)),
                ("note", Note(6)),
            ],
        ),
        table(
            "name",
            80_000,
            100,
            &[
                ("id", Serial),
                ("name", Title),
                ("gender", Pick(&[("m", 60), ("f", 38), ("x", 2)])),
                ("code", Code(5)),
                ("note", Note(4)),
            ],
        ),
        table(
            "cast_info",
            300_000,
            500,
            &[
                ("id", Serial),
                ("person_id", Parent("name", 0.6)),
                ("movie_id", Parent("title", 0.5)),
                ("role_id", Zipf(11, 0.9)),
                ("nr_order", Uniform(1, 1_000)),
            ],
        ),
        table(
            "movie_info",
            200_000,
            500,
            &[
                ("id", Serial),
                ("movie_id", Parent("title", 0.4)),
                ("info_type_id", Parent("info_type", 1.0)),
                ("info", Code(6)),
                ("note", Note(4)),
            ],
        ),
    ];
    Schema {
        name: "films",
        tables,
        existing: &["CREATE INDEX cast_movie ON cast_info (movie_id, role_id)"],
    }
}

fn bank() -> Schema {
    let tables = vec![
        table("branches", 150, 0, &[("id", Serial), ("city", Title), ("zone", Zipf(5, 0.3))]),
        table(
            "customers",
            40_000,
            500,
            &[
                ("id", Serial),
                ("email", Email),
                ("branch_id", Parent("branches", 0.6)),
                ("tier", Pick(&[("plain", 90), ("silver", 9), ("gold", 1)])),
                ("name", Title),
                ("note", Note(8)),
            ],
        ),
        table(
            "accounts",
            60_000,
            800,
            &[
                ("id", Serial),
                ("customer_id", Parent("customers", 0.2)),
                ("iban", Code(12)),
                ("closed_at", Seldom(4)),
                ("balance", Uniform(-1_000, 1_000_000)),
                ("opened_at", When),
                ("note", Note(5)),
            ],
        ),
        table(
            "transfers",
            250_000,
            30_000,
            &[
                ("id", Serial),
                ("account_id", Parent("accounts", 0.5)),
                ("peer_id", Parent("accounts", 0.2)),
                ("amount", Uniform(1, 1_000_000)),
                ("kind", Zipf(8, 0.8)),
                ("made_at", When),
                ("reviewed_at", Seldom(98)),
                ("ref", Code(9)),
            ],
        ),
        table(
            "audit",
            150_000,
            60_000_000,
            &[
                ("id", Serial),
                ("actor_id", Parent("customers", 0.4)),
                ("action", Zipf(25, 0.8)),
                ("made_at", When),
                ("detail", Note(8)),
            ],
        ),
    ];
    Schema {
        name: "bank",
        tables,
        existing: &[
            "CREATE UNIQUE INDEX accounts_iban ON accounts (iban)",
            "CREATE INDEX transfers_made ON transfers (made_at)",
        ],
    }
}

fn queue() -> Schema {
    let tables = vec![
        table("tenants", 300, 0, &[("id", Serial), ("plan", Zipf(4, 0.6)), ("name", Title)]),
        table(
            "jobs",
            200_000,
            20_000,
            &[
                ("id", Serial),
                ("tenant_id", Parent("tenants", 0.9)),
                ("state", STATE),
                ("run_at", When),
                ("priority", Zipf(10, 0.5)),
                ("locked_at", Seldom(1)),
                ("token", Code(8)),
                ("payload", Note(10)),
            ],
        ),
        table(
            "events",
            300_000,
            80_000_000,
            &[
                ("id", Serial),
                ("job_id", Parent("jobs", 0.1)),
                ("level", LEVEL),
                ("at", When),
                ("code", Zipf(500, 0.7)),
                ("text", Note(6)),
            ],
        ),
        table(
            "webhooks",
            80_000,
            5_000,
            &[
                ("id", Serial),
                ("tenant_id", Parent("tenants", 0.7)),
                ("delivered_at", Seldom(97)),
                ("attempts", Zipf(6, 1.5)),
                ("created_at", When),
                ("body", Note(12)),
            ],
        ),
    ];
    Schema {
        name: "queue",
        tables,
        existing: &["CREATE INDEX jobs_tenant ON jobs (tenant_id, priority)"],
    }
}

fn texts() -> Schema {
    let tables = vec![
        table(
            "authors",
            15_000,
            100,
            &[
                ("id", Serial),
                ("email", Email),
                ("handle", Code(7)),
                ("joined_at", When),
                ("banned", Flag(2)),
                ("note", Note(6)),
            ],
        ),
        table(
            "articles",
            60_000,
            1_000,
            &[
                ("id", Serial),
                ("author_id", Parent("authors", 0.6)),
                ("title", Title),
                ("slug", Code(11)),
                ("status", Pick(&[("live", 93), ("draft", 6), ("flagged", 1)])),
                ("published_at", When),
                ("views", Zipf(50_000, 0.6)),
                ("deleted_at", Seldom(3)),
                ("body", Note(25)),
            ],
        ),
        table(
            "comments",
            200_000,
            9_000,
            &[
                ("id", Serial),
                ("article_id", Parent("articles", 0.7)),
                ("author_id", Parent("authors", 0.7)),
                ("posted_at", When),
                ("spam", Flag(3)),
                ("text", Note(8)),
            ],
        ),
        table("tags", 400, 0, &[("id", Serial), ("tag", Title)]),
        table(
            "article_tags",
            150_000,
            3_000,
            &[
                ("id", Serial),
                ("article_id", Parent("articles", 0.0)),
                ("tag_id", Parent("tags", 0.8)),
            ],
        ),
    ];
    Schema {
        name: "texts",
        tables,
        existing: &["CREATE UNIQUE INDEX articles_slug ON articles (slug)"],
    }
}

fn desk() -> Schema {
    let tables = vec![
        table("agents", 450, 0, &[("id", Serial), ("team", Zipf(12, 0.4)), ("name", Title)]),
        table(
            "clients",
            20_000,
            300,
            &[
                ("id", Serial),
                ("email", Email),
                ("company", Title),
                ("vip", Flag(1)),
                ("created_at", When),
                ("note", Note(6)),
            ],
        ),
        table(
            "tickets",
            100_000,
            4_000,
            &[
                ("id", Serial),
                ("client_id", Parent("clients", 0.6)),
                ("agent_id", Parent("agents", 0.5)),
                ("state", Pick(&[("closed", 940), ("open", 45), ("waiting", 15)])),
                ("severity", Zipf(5, 1.2)),
                ("opened_at", When),
                ("due_at", Seldom(5)),
                ("subject", Title),
                ("note", Note(10)),
            ],
        ),
        table(
            "messages",
            250_000,
            12_000,
            &[
                ("id", Serial),
                ("ticket_id", Parent("tickets", 0.3)),
                ("sent_at", When),
                ("read_at", Seldom(97)),
                ("size", Uniform(1, 60_000)),
                ("text", Note(8)),
            ],
        ),
    ];
    Schema { name: "desk", tables, existing: &[] }
}
