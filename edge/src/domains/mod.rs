//! Customers' own domains: which workspace is reached at one, and by which certificate.
//!
//! Beside the routes, and looked at only for hosts that are none of ours: what becomes of a
//! request is decided by the route of the workspace, as at its own host. A grant is on disk
//! before it is served; what is taken away is gone from memory first, what is live is ended
//! next, and then the disk is told.

mod kept;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use shared::host::host_name;
use shared::process::time::unix_seconds;
use shared::wire::{DomainGrant, DomainServed, DomainsServed};
use shared::{Domain, Username};
use tracing::{error, info};

use crate::connections::{ConnectionRegistry, RevokedCount, Scope};
use crate::limits::DOMAINS_MAX;
use crate::tls::{Certificate, Certificates};
use kept::Kept;

pub(crate) struct Domains {
    present: ArcSwap<HashMap<Domain, Arc<Served>>>,
    kept: Kept,
    /// Where TLS is not ended here, a domain is served and its certificate shown by nobody.
    shown: Option<Arc<Certificates>>,
    registry: Arc<ConnectionRegistry>,
    changing: Mutex<()>,
}

/// A domain that is served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) domain: Domain,
    pub(crate) username: Username,
    fingerprint: String,
    certificate: Certificate,
}

/// Why a domain is not served, or not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DomainFault {
    #[error("the certificate cannot be served: {0}")]
    Bad(String),
    #[error("{DOMAINS_MAX} domains are served already")]
    TooMany,
    /// What is taken away is not served all the same.
    #[error("the disk refused")]
    Disk(#[source] std::io::Error),
}

impl Domains {
    /// Serves what is in `folder`, which need not exist. A file that is spoiled is named in the
    /// log and left for control to replace.
    pub(crate) fn open(
        folder: PathBuf,
        shown: Option<Arc<Certificates>>,
        registry: Arc<ConnectionRegistry>,
    ) -> Self {
        let opened = Self {
            present: ArcSwap::default(),
            kept: Kept { folder },
            shown,
            registry,
            changing: Mutex::default(),
        };
        opened.serve(opened.read());
        opened
    }

    /// The domain that `host`, as a request names it, is. Never waits.
    pub(crate) fn find(&self, host: &str) -> Option<Arc<Served>> {
        let present = self.present.load();
        if present.is_empty() {
            return None;
        }
        present.get(&Domain::parse(&host_name(host)).ok()?).map(Arc::clone)
    }

    /// The first by name of those of `username` that come after `present`.
    pub(crate) fn following(
        &self,
        username: &Username,
        present: Option<&Domain>,
    ) -> Option<Domain> {
        let all = self.present.load();
        let own = all.values().filter(|served| served.username == *username);
        let later = own.map(|served| &served.domain).filter(|domain| Some(*domain) > present);
        later.min().cloned()
    }

    /// Is it still as it was found?
    pub(crate) fn serves(&self, found: &Served) -> bool {
        let present = self.present.load();
        present.get(&found.domain).is_some_and(|served| served.username == found.username)
    }

    pub(crate) fn served(&self) -> DomainsServed {
        let present = self.present.load_full();
        let mut domains: Vec<_> = present
            .values()
            .map(|served| DomainServed {
                domain: served.domain.clone(),
                username: served.username,
                fingerprint: served.fingerprint.clone(),
            })
            .collect();
        domains.sort_unstable_by(|a, b| a.domain.cmp(&b.domain));
        DomainsServed { domains }
    }

    /// Again with the same it changes nothing. Blocking.
    ///
    /// # Errors
    /// [`DomainFault`]; what was served before stays.
    pub(crate) fn grant(&self, domain: &Domain, grant: &DomainGrant) -> Result<(), DomainFault> {
        let served = check(domain, grant).map_err(DomainFault::Bad)?;
        let _changing = self.changing();
        let mut next = HashMap::clone(&self.present.load());
        if next.len() >= DOMAINS_MAX && !next.contains_key(domain) {
            return Err(DomainFault::TooMany);
        }
        self.kept.write(domain, grant).map_err(DomainFault::Disk)?;
        let username = served.username;
        let former = next.insert(domain.clone(), Arc::new(served));
        self.serve(next);
        if let Some(former) = former.filter(|former| former.username != username) {
            self.registry.revoke(&former.username, Scope::Workspace);
        }
        info!(%domain, %username, "{domain} is served as {username}");
        Ok(())
    }

    /// Ends what is live at its workspace. Again, or of one that is not served, it is as well.
    /// Blocking.
    ///
    /// # Errors
    /// The disk refused: it is not served, and may be again after a start.
    pub(crate) fn withdraw(&self, domain: &Domain) -> Result<RevokedCount, DomainFault> {
        let _changing = self.changing();
        let mut next = HashMap::clone(&self.present.load());
        let former = next.remove(domain);
        let mut count = RevokedCount::default();
        if let Some(former) = former {
            self.serve(next);
            count = self.registry.revoke(&former.username, Scope::Workspace);
            let RevokedCount { sockets, requests } = count;
            info!(%domain, sockets, requests, "{domain} is served no more");
        }
        self.kept.remove(domain).map_err(DomainFault::Disk)?;
        Ok(count)
    }

    /// Serves what another process of this edge has kept meanwhile, and ends what it took away.
    pub(crate) fn read_again(&self) -> RevokedCount {
        let _changing = self.changing();
        let next = self.read();
        let former = self.present.load_full();
        let gone: Vec<_> = former
            .values()
            .filter(|it| next.get(&it.domain).is_none_or(|now| now.username != it.username))
            .map(|it| it.username)
            .collect();
        self.serve(next);
        let mut count = RevokedCount::default();
        for username in gone {
            count += self.registry.revoke(&username, Scope::Workspace);
        }
        count
    }

    fn read(&self) -> HashMap<Domain, Arc<Served>> {
        let kept = self.kept.read().unwrap_or_else(|error| {
            error!("{}: {error}; no domain is served", self.kept.folder.display());
            Vec::new()
        });
        let checked = kept.into_iter().filter_map(|(domain, grant)| match check(&domain, &grant) {
            Ok(served) => Some((domain, Arc::new(served))),
            Err(why) => {
                error!("{domain} is not served: {why}; waiting for control to hand it over");
                None
            }
        });
        checked.collect()
    }

    fn serve(&self, next: HashMap<Domain, Arc<Served>>) {
        if let Some(shown) = &self.shown {
            let pairs = next.values().map(|it| (it.domain.to_string(), it.certificate.key.clone()));
            shown.replace_domains(pairs.collect());
        }
        self.present.store(Arc::new(next));
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn check(domain: &Domain, grant: &DomainGrant) -> Result<Served, String> {
    let certificate = Certificate::of_pair(&grant.certificate, unix_seconds());
    let certificate = certificate.map_err(|error| format!("{error:#}"))?;
    if !certificate.names.iter().any(|name| name == domain.as_str()) {
        return Err(format!("it is for {}", certificate.names.join(", ")));
    }
    let fingerprint = grant.fingerprint();
    Ok(Served { domain: domain.clone(), username: grant.username, fingerprint, certificate })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use shared::SessionId;
    use shared::wire::CertificatePair;

    use super::*;
    use crate::connections::{Kind, access};

    fn open(folder: &Path) -> (Domains, Arc<ConnectionRegistry>) {
        let registry = Arc::new(ConnectionRegistry::default());
        (Domains::open(folder.join("domains"), None, Arc::clone(&registry)), registry)
    }

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn grant(username: &str, name: &str, until: i32) -> DomainGrant {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(until, 1, 1);
        let chain = parameters.self_signed(&key).unwrap().pem();
        let certificate = CertificatePair { chain, key: key.serialize_pem() };
        DomainGrant { username: username.parse().unwrap(), certificate }
    }

    fn whose(domains: &Domains, host: &str) -> Option<String> {
        domains.find(host).map(|served| served.username.to_string())
    }

    #[test]
    fn a_domain_is_found_in_every_spelling_and_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let (domains, _) = open(folder.path());
        let chat = domain("chat.example.org");
        assert_eq!(whose(&domains, "chat.example.org"), None);
        let given = grant("ada", "chat.example.org", 2090);
        for _ in 0..2 {
            domains.grant(&chat, &given).unwrap();
        }
        for host in ["chat.example.org", "Chat.Example.ORG.", "chat.example.org:8443"] {
            assert_eq!(whose(&domains, host).as_deref(), Some("ada"), "{host}");
        }
        for host in ["example.org", "x.chat.example.org", "chat.example.org/", "", "ä"] {
            assert_eq!(whose(&domains, host), None, "{host}");
        }
        let (again, _) = open(folder.path());
        assert_eq!(again.served(), domains.served());
        assert_eq!(again.served().domains[0].fingerprint, given.fingerprint());
        assert_eq!(whose(&again, "chat.example.org").as_deref(), Some("ada"));
    }

    #[test]
    fn what_is_taken_away_ends_what_is_live_and_stays_away() {
        let folder = tempfile::tempdir().unwrap();
        let (domains, registry) = open(folder.path());
        let chat = domain("chat.example.org");
        domains.grant(&chat, &grant("ada", "chat.example.org", 2090)).unwrap();
        let found = domains.find("chat.example.org").unwrap();
        let [ada, grace] = ["ada", "grace"].map(|name| name.parse().unwrap());
        let enter = |name| {
            let epoch = registry.revocation_epoch(name);
            registry.enter(epoch, access(SessionId::random(), 0), Kind::Socket).unwrap()
        };
        let _live = (enter(&ada), enter(&grace));
        assert_eq!(domains.withdraw(&chat).unwrap(), RevokedCount { sockets: 1, requests: 0 });
        assert!(!domains.serves(&found));
        assert_eq!(domains.withdraw(&chat).unwrap(), RevokedCount::default());
        assert_eq!(open(folder.path()).0.served().domains, []);
    }

    #[test]
    fn another_process_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let ((former, registry), (present, _)) = (open(folder.path()), open(folder.path()));
        let chat = domain("chat.example.org");
        present.grant(&chat, &grant("ada", "chat.example.org", 2090)).unwrap();
        assert_eq!(former.read_again(), RevokedCount::default());
        assert_eq!(whose(&former, "chat.example.org").as_deref(), Some("ada"));
        let epoch = registry.revocation_epoch(&"ada".parse().unwrap());
        let _live = registry.enter(epoch, access(SessionId::random(), 0), Kind::Request).unwrap();
        present.withdraw(&chat).unwrap();
        assert_eq!(former.read_again(), RevokedCount { sockets: 0, requests: 1 });
        assert_eq!(whose(&former, "chat.example.org"), None);
    }

    #[test]
    fn a_certificate_of_another_name_or_time_is_refused_and_a_spoiled_file_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (domains, _) = open(folder.path());
        let chat = domain("chat.example.org");
        domains.grant(&chat, &grant("ada", "chat.example.org", 2090)).unwrap();
        for (bad, why) in [
            (grant("ada", "mail.example.org", 2090), "it is for mail.example.org"),
            (grant("ada", "chat.example.org", 2021), "has expired"),
        ] {
            let error = domains.grant(&chat, &bad).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert_eq!(whose(&domains, "chat.example.org").as_deref(), Some("ada"));
        let kept = folder.path().join("domains");
        std::fs::write(kept.join("mail.example.org"), "{").unwrap();
        std::fs::write(kept.join("no domain"), "{}").unwrap();
        assert_eq!(open(folder.path()).0.served(), domains.served());
    }
}
