//! The server's files of settings as texts. Nothing is written to a disk here.

use std::path::Path;

use super::settings::{Auth, Settings, Tls};

/// The user that owns everything. Over the socket it needs no password, so that a cluster can be
/// prepared whatever its clients have to prove.
pub(crate) const OWNER: &str = "postgres";

/// What every cluster gets. The limits are high enough for tests that run at the same time.
const COMMON: &str = "\
listen_addresses = '127.0.0.1'
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
max_connections = 200
max_prepared_transactions = 20
shared_buffers = 32MB
lc_messages = 'C'
lc_monetary = 'C'
lc_numeric = 'C'
lc_time = 'C'
datestyle = 'iso, mdy'
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
";

/// Where a server is: its folder and port.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) port: u16,
}

/// postgresql.conf, whole. `more` are lines of ours that the settings may overrule.
pub(crate) fn settings(place: Place<'_>, settings: &Settings, more: &[String]) -> String {
    let name = place.folder.file_name().unwrap_or_default();
    let mut lines = vec![
        format!("port = {}", place.port),
        format!("unix_socket_directories = {}", quote(&place.folder.to_string_lossy())),
        format!("cluster_name = {}", quote(&name.to_string_lossy())),
        format!("fsync = {}", if settings.fsync { "on" } else { "off" }),
        format!("password_encryption = {}", encryption(settings.auth)),
    ];
    if settings.tls != Tls::Off {
        for (name, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
            let path = place.folder.join(file);
            lines.push(format!("{name} = {}", quote(&path.to_string_lossy())));
        }
        lines.push("ssl = on".to_owned());
    }
    let lines = lines.iter().chain(more).chain(&settings.lines);
    lines.fold(COMMON.to_owned(), |text, line| text + line + "\n")
}

/// pg_hba.conf: who may connect, and how they prove who they are.
pub(crate) fn access(settings: &Settings) -> String {
    let host = if settings.tls == Tls::Required { "hostssl" } else { "host" };
    let method = match settings.auth {
        Auth::Trust => "trust",
        Auth::Password => "password",
        Auth::Md5 => "md5",
        Auth::Scram => "scram-sha-256",
    };
    format!(
        "local all {OWNER} trust\n\
         local replication {OWNER} trust\n\
         local all all {method}\n\
         {host} all all 127.0.0.1/32 {method}\n\
         {host} replication all 127.0.0.1/32 {method}\n"
    )
}

/// A value in postgresql.conf, and a literal in SQL: the backslash has no meaning in either.
pub(crate) fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn encryption(auth: Auth) -> &'static str {
    match auth {
        Auth::Md5 => "md5",
        Auth::Trust | Auth::Password | Auth::Scram => "'scram-sha-256'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value that the server takes: the last line with this name.
    fn value(text: &str, name: &str) -> Option<String> {
        let pairs = text.lines().filter_map(|line| line.split_once(" = "));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next_back()
    }

    #[test]
    fn settings_are_written_and_later_lines_win() {
        let check = |given: Settings, more: &[&str], name: &str, expect: Option<&str>| {
            let place = Place { folder: Path::new("/tmp/it's"), port: 20_000 };
            let more: Vec<String> = more.iter().map(|&line| line.to_owned()).collect();
            let text = settings(place, &given, &more);
            assert_eq!(value(&text, name).as_deref(), expect, "{text}");
        };
        let plain = Settings::default;
        check(plain(), &[], "port", Some("20000"));
        check(plain(), &[], "listen_addresses", Some("'127.0.0.1'"));
        check(plain(), &[], "unix_socket_directories", Some("'/tmp/it''s'"));
        check(plain(), &[], "fsync", Some("off"));
        check(Settings { fsync: true, ..plain() }, &[], "fsync", Some("on"));
        check(plain(), &[], "ssl", None);
        let offered = Settings { tls: Tls::Offered, ..plain() };
        check(offered.clone(), &[], "ssl", Some("on"));
        check(offered, &[], "ssl_key_file", Some("'/tmp/it''s/server.key'"));
        check(plain(), &["wal_level = replica"], "wal_level", Some("replica"));
        let lines = vec!["wal_level = minimal".to_owned()];
        let minimal = Settings { lines, ..plain() };
        check(minimal, &["wal_level = replica"], "wal_level", Some("minimal"));
        check(Settings { auth: Auth::Md5, ..plain() }, &[], "password_encryption", Some("md5"));
    }

    #[test]
    fn only_the_owner_needs_no_password() {
        let check = |auth: Auth, tls: Tls, expect: &str| {
            let text = access(&Settings { auth, tls, ..Settings::default() });
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(
                lines[..2],
                ["local all postgres trust", "local replication postgres trust"]
            );
            assert_eq!(lines[3], expect);
        };
        check(Auth::Trust, Tls::Off, "host all all 127.0.0.1/32 trust");
        check(Auth::Md5, Tls::Offered, "host all all 127.0.0.1/32 md5");
        check(Auth::Password, Tls::Required, "hostssl all all 127.0.0.1/32 password");
        check(Auth::Scram, Tls::Required, "hostssl all all 127.0.0.1/32 scram-sha-256");
    }
}
