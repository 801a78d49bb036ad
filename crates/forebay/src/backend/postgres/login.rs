//! Proving who we are, and having the server prove that it knows us. The bytes are carried by
//! `startup`.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    self, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::frontend;

use super::config::{ChannelBinding, Config};
use crate::error::{Error, Kind, Result};

/// What lies between us and the server.
pub(super) enum Way {
    /// The kernel of this machine.
    Local,
    /// A network, or loopback, in clear.
    Open,
    Tls {
        binding: Option<Vec<u8>>,
    },
}

/// One login.
pub(super) struct Login<'a> {
    config: &'a Config,
    way: Way,
    state: State,
}

/// Begins at `Waiting`.
enum State {
    /// For what the server asks. May become any other.
    Waiting,
    /// A password was sent. Becomes `Ended`.
    Answered,
    /// SCRAM has begun. Becomes `Proving`.
    Challenged(ScramSha256, Binds),
    /// We have proven that we know the password; the server has not. Becomes `Proven`.
    Proving(ScramSha256, Binds),
    /// The server has, too. Becomes `Ended`.
    Proven(Binds),
    /// The server has let us in.
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Binds {
    Yes,
    No,
}

impl<'a> Login<'a> {
    pub(super) fn new(config: &'a Config, way: Way) -> Login<'a> {
        Login { config, way, state: State::Waiting }
    }

    /// Takes one authentication message and writes the answer to it.
    pub(super) fn hear(&mut self, body: &[u8], out: &mut BytesMut) -> Result<()> {
        let (code, data) = body.split_first_chunk().ok_or_else(unclear)?;
        let state = std::mem::replace(&mut self.state, State::Waiting);
        self.state = match (u32::from_be_bytes(*code), state) {
            (0, State::Waiting | State::Answered) => self.end(Binds::No)?,
            (0, State::Proven(binds)) => self.end(binds)?,
            (0, State::Challenged(..) | State::Proving(..)) => {
                return Err(refused("the server did not prove that it knows the password"));
            }
            (3, State::Waiting) => self.clear_text(out)?,
            (5, State::Waiting) => {
                let salt = data.try_into().map_err(|_| unclear())?;
                let user = self.config.user.as_bytes();
                let hash = md5_hash(user, self.password()?.as_bytes(), salt);
                self.answer(hash.as_bytes(), out)?
            }
            (10, State::Waiting) => self.choose(data, out)?,
            (11, State::Challenged(mut scram, binds)) => {
                scram.update(data).map_err(failed)?;
                frontend::sasl_response(scram.message(), out).map_err(failed)?;
                State::Proving(scram, binds)
            }
            (12, State::Proving(mut scram, binds)) => {
                scram.finish(data).map_err(failed)?;
                State::Proven(binds)
            }
            (2 | 6 | 7 | 9, State::Waiting) => {
                return Err(refused(
                    "the server wants Kerberos, GSSAPI or SSPI, which are not supported; let it \
                     take a password (scram-sha-256 in pg_hba.conf)",
                ));
            }
            _ => return Err(unclear()),
        };
        Ok(())
    }

    /// The server says it is ready: it must have let us in before.
    pub(super) fn check_ended(&self) -> Result<()> {
        match self.state {
            State::Ended => Ok(()),
            _ => Err(unclear()),
        }
    }

    fn end(&self, binds: Binds) -> Result<State> {
        if self.config.channel_binding == ChannelBinding::Require && binds == Binds::No {
            return Err(refused("the server did not bind the login to the TLS channel"));
        }
        Ok(State::Ended)
    }

    fn clear_text(&self, out: &mut BytesMut) -> Result<State> {
        match self.way {
            Way::Tls { .. } | Way::Local => self.answer(self.password()?.as_bytes(), out),
            Way::Open => Err(refused(
                "the server wants the password in clear text on a connection without TLS; choose \
                 scram-sha-256 in pg_hba.conf, or sslmode=verify-full",
            )),
        }
    }

    fn answer(&self, password: &[u8], out: &mut BytesMut) -> Result<State> {
        frontend::password_message(password, out).map_err(failed)?;
        Ok(State::Answered)
    }

    fn choose(&self, data: &[u8], out: &mut BytesMut) -> Result<State> {
        let offers = |name: &str| data.split(|byte| *byte == 0).any(|one| one == name.as_bytes());
        let binding = match &self.way {
            Way::Tls { binding } if self.config.channel_binding != ChannelBinding::Disable => {
                binding.as_ref()
            }
            Way::Tls { .. } | Way::Local | Way::Open => None,
        };
        let (name, channel, binds) = match binding {
            Some(binding) if offers(SCRAM_SHA_256_PLUS) => {
                let channel = sasl::ChannelBinding::tls_server_end_point(binding.clone());
                (SCRAM_SHA_256_PLUS, channel, Binds::Yes)
            }
            // Says that we could have bound it: one who took the offer out is found out by that.
            Some(_) => (SCRAM_SHA_256, sasl::ChannelBinding::unrequested(), Binds::No),
            None => (SCRAM_SHA_256, sasl::ChannelBinding::unsupported(), Binds::No),
        };
        if !offers(name) {
            return Err(refused("the server offers no SCRAM-SHA-256"));
        }
        let scram = ScramSha256::new(self.password()?.as_bytes(), channel);
        frontend::sasl_initial_response(name, scram.message(), out).map_err(failed)?;
        Ok(State::Challenged(scram, binds))
    }

    fn password(&self) -> Result<&str> {
        self.config.password.as_deref().ok_or_else(|| {
            refused("the server wants a password, and the URL of the database has none")
        })
    }
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Open, format!("cannot log in to PostgreSQL: {why}"))
}

fn failed(error: std::io::Error) -> Error {
    refused(&error.to_string()).with_cause(error)
}

fn unclear() -> Error {
    refused("the server's messages do not follow one another as they should")
}
