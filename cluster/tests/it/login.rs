//! Passwords and encryption, with PostgreSQL's own client.

use cluster::{Auth, Cluster, Settings, Tls, for_each_version};

use crate::client::psql;

#[test]
fn a_client_has_to_know_the_password() {
    for_each_version("passwords", |version| {
        let check = |auth: Auth, stored: &str| {
            let cluster = Cluster::start(Settings { auth, ..Settings::on(version) }).unwrap();
            let start = "SELECT left(rolpassword, 3) FROM pg_authid WHERE rolname = 'postgres'";
            assert_eq!(cluster.psql(start).unwrap(), stored);
            let password = cluster.password().unwrap();
            cluster.psql(&format!("CREATE ROLE other LOGIN PASSWORD '{password}'")).unwrap();
            for user in ["postgres", "other"] {
                let url = cluster.url_for(user, "postgres");
                let Some(answer) = psql(&url, "SELECT current_user") else { return };
                assert_eq!(answer.unwrap(), user);
                let wrong = psql(&url.replace(password, "wrong"), "SELECT 1").unwrap();
                assert!(wrong.unwrap_err().contains("password authentication failed"));
            }
            assert_eq!(psql(&cluster.socket_url(), "SELECT 1").unwrap().unwrap(), "1");
            let other = cluster.socket_url().replace("postgres@", "other@");
            assert!(psql(&other, "SELECT 1").unwrap().is_err());
        };
        check(Auth::Password, "SCR");
        check(Auth::Md5, "md5");
        check(Auth::Scram, "SCR");
    });
}

#[test]
fn a_connection_is_encrypted_and_the_server_proven() {
    for_each_version("encryption", |version| {
        let check = |tls: Tls, expect: [bool; 3]| {
            let settings = Settings { tls, auth: Auth::Scram, ..Settings::on(version) };
            let cluster = Cluster::start(settings).unwrap();
            let proven = cluster.certificate().map_or_else(String::new, |certificate| {
                format!("sslmode=verify-full&sslrootcert={}", certificate.authority.display())
            });
            let binding = format!("{proven}&channel_binding=require");
            for (options, expect) in ["sslmode=disable", &proven, &binding].iter().zip(expect) {
                let url = format!("{}?{options}", cluster.url());
                let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                let Some(answer) = psql(&url, sql) else { return };
                assert_eq!(answer.is_ok(), expect, "{tls:?} {options}: {answer:?}");
                let encrypted = if options.contains("verify") { "t" } else { "f" };
                assert!(answer.is_err() || answer.unwrap() == encrypted);
            }
        };
        check(Tls::Off, [true, true, false]);
        check(Tls::Offered, [true, true, true]);
        check(Tls::Required, [false, true, true]);
    });
}
