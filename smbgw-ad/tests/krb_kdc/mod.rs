//! A domain controller of a test: it speaks Kerberos with real cryptography on a port of the loopback
//! interface, and errs on demand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kerberos_asn1::{
    ApRep, ApReq, AsRep, AsReq, Asn1Object, Authenticator, EncAsRepPart, EncTgsRepPart,
    EncryptedData, EncryptionKey, EtypeInfo2Entry, KdcReqBody, KerberosTime, KrbError, MethodData,
    PaData, PaEncTsEnc, PrincipalName, TgsRep, TgsReq, Ticket,
};
use smbgw_ad::krb::crypto::{EncryptionType, Key};
use smbgw_ad::krb::transport::Protocol;

/// A realm, with who is in it.
pub(crate) struct Controller {
    pub(crate) realm: &'static str,
    /// Its users: name, key, salt.
    pub(crate) users: Vec<(&'static str, Key, &'static str)>,
    /// Its services: name and key.
    pub(crate) services: Vec<(&'static str, Key)>,
    /// Other realms: name, and the key shared with them.
    pub(crate) trusts: Vec<(&'static str, Key)>,
    /// Names that are found in other realms: users, and services.
    pub(crate) elsewhere: Vec<(&'static str, &'static str)>,
    /// The key of its own ticket granting service.
    pub(crate) key: Key,
    /// How far its clock is off.
    pub(crate) ahead: SignedDuration,
    /// The type of the session keys that it makes up, if it is not that of the request.
    pub(crate) session: Option<EncryptionType>,
    /// Whether it wants a proof.
    pub(crate) wants_proof: bool,
    /// Whether its numbers are wrong.
    pub(crate) forgets_nonce: bool,
    /// Whether it sends tickets by UDP.
    pub(crate) tickets_by_udp: bool,
}

impl Controller {
    pub(crate) fn of(realm: &'static str, etype: EncryptionType) -> Self {
        Self {
            realm,
            users: Vec::new(),
            services: Vec::new(),
            trusts: Vec::new(),
            elsewhere: Vec::new(),
            key: Key::random(etype).unwrap(),
            ahead: SignedDuration::ZERO,
            session: None,
            wants_proof: true,
            forgets_nonce: false,
            tickets_by_udp: true,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// What it answers.
    pub(crate) fn answer(&self, protocol: Protocol, request: &[u8]) -> Vec<u8> {
        let answer = match request[0] {
            0x6a => self.log_in(&AsReq::parse(request).unwrap().1),
            _ => self.serve(&TgsReq::parse(request).unwrap().1),
        };
        match answer {
            Ok(_) if protocol == Protocol::Udp && !self.tickets_by_udp => self.error(52, |_| {}),
            Ok(answer) => answer,
            Err(error) => error,
        }
    }

    fn log_in(&self, request: &AsReq) -> Result<Vec<u8>, Vec<u8>> {
        let body = &request.req_body;
        let cname = body.cname.clone().unwrap();
        let name = cname.to_string();
        if let Some((_, realm)) = self.elsewhere.iter().find(|(who, _)| *who == name) {
            return Err(self.error(68, |error| error.crealm = Some(realm.to_string())));
        }
        let (_, key, salt) = self
            .users
            .iter()
            .find(|(user, ..)| *user == name)
            .ok_or_else(|| self.error(6, |_| {}))?;
        let number = key.etype().number();
        if !body.etypes.contains(&number) {
            return Err(self.error(14, |_| {}));
        }
        let hint = vec![EtypeInfo2Entry::new(number, Some(salt.to_string()), None)];
        let hint = PaData::new(19, hint.build());
        let proof = request
            .padata
            .iter()
            .flatten()
            .find(|it| it.padata_type == 2);
        match proof {
            None if self.wants_proof => {
                let methods: MethodData = vec![hint, PaData::new(2, Vec::new())];
                return Err(self.error(25, |error| error.e_data = Some(methods.build())));
            }
            None => {}
            Some(proof) => {
                let sealed = EncryptedData::parse(&proof.padata_value).unwrap().1;
                let plain = key
                    .decrypt(1, &sealed.cipher)
                    .map_err(|_| self.error(24, |_| {}))?;
                let stamp = PaEncTsEnc::parse(&plain).unwrap().1;
                let off = stamp.patimestamp.timestamp() - self.now().as_second();
                if off.abs() > 300 {
                    return Err(self.error(37, |_| {}));
                }
            }
        }
        let server = body.sname.clone().unwrap();
        let (ticket, session) = self.ticket(&server, &self.key, body);
        let part = EncAsRepPart {
            key: exposed(&session),
            nonce: self.nonce(body),
            flags: 0x0060_0000.into(),
            authtime: time(self.now()),
            endtime: time(self.now() + SignedDuration::from_hours(8)),
            srealm: self.realm.into(),
            sname: server,
            ..EncAsRepPart::default()
        };
        let cipher = key.encrypt(3, &part.build()).unwrap();
        let reply = AsRep::new(
            Some(vec![hint]),
            self.realm.into(),
            cname,
            ticket,
            EncryptedData::new(number, Some(2), cipher),
        );
        Ok(reply.build())
    }

    fn serve(&self, request: &TgsReq) -> Result<Vec<u8>, Vec<u8>> {
        let body = &request.req_body;
        let proof = &request.padata.as_ref().unwrap()[0];
        let ap = ApReq::parse(&proof.padata_value).unwrap().1;
        let mut keys = std::iter::once(&self.key).chain(self.trusts.iter().map(|(_, key)| key));
        let plain = keys
            .find_map(|key| key.decrypt(2, &ap.ticket.enc_part.cipher).ok())
            .ok_or_else(|| self.error(31, |_| {}))?;
        let session = session_of(&plain);
        let plain = session.decrypt(7, &ap.authenticator.cipher).unwrap();
        let authenticator = Authenticator::parse(&plain).unwrap().1;
        let off = authenticator.ctime.timestamp() - self.now().as_second();
        if off.abs() > 300 {
            return Err(self.error(37, |_| {}));
        }
        let checksum = authenticator.cksum.unwrap();
        assert_eq!(checksum.cksumtype, session.checksum_type());
        session
            .verify(6, &body.build(), &checksum.checksum)
            .unwrap();
        let subkey = revealed(&authenticator.subkey.unwrap());
        let wanted = body.sname.clone().unwrap();
        let name = wanted.to_string();
        let way = self
            .elsewhere
            .iter()
            .find(|(who, _)| *who == name)
            .map(|(_, realm)| *realm)
            .or(name.strip_prefix("krbtgt/"));
        let (server, key) = if let Some((_, key)) = self.services.iter().find(|it| it.0 == name) {
            (wanted, key)
        } else if let Some((realm, key)) = self.trusts.iter().find(|it| Some(it.0) == way) {
            let mut server = PrincipalName::new(2, "krbtgt".into());
            server.push(realm.to_string());
            (server, key)
        } else {
            return Err(self.error(7, |_| {}));
        };
        let (client, realm) = (authenticator.cname, authenticator.crealm);
        let (ticket, session) = self.ticket(&server, key, body);
        let part = EncTgsRepPart {
            key: exposed(&session),
            nonce: self.nonce(body),
            authtime: time(self.now()),
            endtime: time(self.now() + SignedDuration::from_hours(8)),
            srealm: self.realm.into(),
            sname: server,
            ..EncTgsRepPart::default()
        };
        let cipher = subkey.encrypt(9, &part.build()).unwrap();
        let reply = TgsRep {
            crealm: realm,
            cname: client,
            ticket,
            enc_part: EncryptedData::new(subkey.etype().number(), None, cipher),
            ..TgsRep::default()
        };
        Ok(reply.build())
    }

    /// A ticket, in which there is the session key and nothing else.
    fn ticket(&self, server: &PrincipalName, key: &Key, body: &KdcReqBody) -> (Ticket, Key) {
        let first = EncryptionType::from_number(body.etypes[0]).unwrap();
        let session = Key::random(self.session.unwrap_or(first)).unwrap();
        let cipher = key.encrypt(2, &exposed(&session).build()).unwrap();
        // Such a version is one of a controller that may only be read.
        let sealed = EncryptedData::new(key.etype().number(), Some(0x9abc_0001), cipher);
        let ticket = Ticket::new(self.realm.into(), server.clone(), sealed);
        (ticket, session)
    }

    fn nonce(&self, body: &KdcReqBody) -> u32 {
        body.nonce ^ u32::from(self.forgets_nonce)
    }

    pub(crate) fn error(&self, code: i32, change: impl FnOnce(&mut KrbError)) -> Vec<u8> {
        let now = self.now();
        let mut sname = PrincipalName::new(2, "krbtgt".into());
        sname.push(self.realm.into());
        let mut error = KrbError {
            pvno: 5,
            msg_type: 30,
            stime: time(now),
            susec: now.subsec_microsecond(),
            error_code: code,
            realm: self.realm.into(),
            sname,
            ..KrbError::default()
        };
        change(&mut error);
        error.build()
    }
}

/// What a service does with AP-REQ: the session key, and the answer, with a key of its own or not.
pub(crate) fn accept(request: &[u8], key: &Key, subkey: Option<&Key>) -> (Authenticator, Vec<u8>) {
    let request = ApReq::parse(request).unwrap().1;
    let session = session_of(&key.decrypt(2, &request.ticket.enc_part.cipher).unwrap());
    let plain = session.decrypt(11, &request.authenticator.cipher).unwrap();
    let authenticator = Authenticator::parse(&plain).unwrap().1;
    let answer = answer_to(&authenticator, &session, subkey);
    (authenticator, answer)
}

/// AP-REP to the request with that authenticator.
fn answer_to(authenticator: &Authenticator, session: &Key, subkey: Option<&Key>) -> Vec<u8> {
    let mut fields = Vec::new();
    let mut add = |number: u8, value: Vec<u8>| {
        fields.extend([0xa0 | number, value.len() as u8]);
        fields.extend(value);
    };
    add(0, authenticator.ctime.build());
    add(1, authenticator.cusec.build());
    if let Some(subkey) = subkey {
        add(2, exposed(subkey).build());
    }
    // A number in the upper half, with and without a sign of its own.
    add(3, vec![2, 5, 0, 0xf0, 0, 0, 1]);
    let fields = [&[0x30, fields.len() as u8][..], &fields].concat();
    let part = [&[0x7b, fields.len() as u8][..], &fields].concat();
    let cipher = session.encrypt(12, &part).unwrap();
    let reply = ApRep {
        pvno: 5,
        msg_type: 15,
        enc_part: EncryptedData::new(session.etype().number(), None, cipher),
    };
    reply.build()
}

fn session_of(plain: &[u8]) -> Key {
    revealed(&EncryptionKey::parse(plain).unwrap().1)
}

fn exposed(key: &Key) -> EncryptionKey {
    EncryptionKey::new(key.etype().number(), key.expose().to_vec())
}

fn revealed(key: &EncryptionKey) -> Key {
    Key::new(
        EncryptionType::from_number(key.keytype).unwrap(),
        &key.keyvalue,
    )
    .unwrap()
}

pub(crate) fn time(time: Timestamp) -> KerberosTime {
    let mut value = KerberosTime::default();
    let text = time.strftime("%Y%m%d%H%M%SZ").to_string();
    value.parse_value(text.as_bytes()).unwrap();
    value
}

/// Something that listens on a port, by UDP and TCP, until it is dropped.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn start(
        answer: impl Fn(Protocol, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let udp = UdpSocket::bind(address).unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        tcp.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        let by_udp = {
            let (stop, answer) = (stop.clone(), answer.clone());
            std::thread::spawn(move || {
                let mut packet = vec![0; 65_536];
                while !stop.load(Ordering::Relaxed) {
                    let Ok((length, from)) = udp.recv_from(&mut packet) else {
                        continue;
                    };
                    if let Some(answer) = answer(Protocol::Udp, &packet[..length]) {
                        udp.send_to(&answer, from).unwrap();
                    }
                }
            })
        };
        let by_tcp = {
            let stop = stop.clone();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Ok((mut stream, _)) = tcp.accept() else {
                        std::thread::sleep(Duration::from_millis(5));
                        continue;
                    };
                    stream.set_nonblocking(false).unwrap();
                    let mut length = [0; 4];
                    if stream.read_exact(&mut length).is_err() {
                        continue;
                    }
                    let mut request = vec![0; u32::from_be_bytes(length) as usize];
                    stream.read_exact(&mut request).unwrap();
                    if let Some(answer) = answer(Protocol::Tcp, &request) {
                        let length = (answer.len() as u32).to_be_bytes();
                        // In pieces, as they come over a network.
                        for piece in [&length[..2], &length[2..], &answer] {
                            let _ = stream.write_all(piece).and_then(|()| stream.flush());
                        }
                    }
                }
            })
        };
        Self {
            address,
            stop,
            threads: vec![by_udp, by_tcp],
        }
    }

    pub(crate) fn controller(controller: Controller) -> Self {
        Self::start(move |protocol, request| Some(controller.answer(protocol, request)))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}
