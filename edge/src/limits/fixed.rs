//! The bounds that nobody sets, each with where its number comes from.
//!
//! Sizes of buffers and the shape of tables stand where they are used: they cost
//! memory, but refuse nothing.

use std::time::Duration;

// The head of a request.

/// Longest head that is read, request line and empty line included.
///
/// Twice what Chromium sends at most in practice with full cookies; nginx and
/// haproxy stop between 16 and 32 KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 32 * 1024;

/// How much of a head that is too large is read to find out who is to be told so:
/// browsers keep some hundred cookies of 4 KiB for a host.
pub(crate) const OVERLONG_HEAD_BYTES: usize = 1 << 20;

/// Such heads at a time; of others only the beginning is looked at.
pub(crate) const OVERLONG_AT_ONCE: usize = 16;

/// Most headers a request may have: as with Apache, Envoy and hyper. Chains of
/// proxies and client hints come to more than eighty.
pub(crate) const MAX_HEADERS: usize = 100;

/// Longest method: `UPDATEREDIRECTREF`, the longest one registered, has 17 bytes.
pub(crate) const MAX_METHOD_BYTES: usize = 32;

/// Empty lines that may precede a request line; a client that sends them sends one.
pub(crate) const MAX_EMPTY_LINES: usize = 8;

/// Headers that `Connection` may name beside the usual ones. Browsers name none;
/// each costs a comparison with every header.
pub(crate) const MAX_CONNECTION_NAMES: usize = 16;

// Answers, and bodies in either direction.

/// Longest head of an answer: [`MAX_RESPONSE_HEADERS`] of 256 bytes.
pub(crate) const MAX_RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// Most headers in an answer. Content policies and preloads come to more than a hundred.
pub(crate) const MAX_RESPONSE_HEADERS: usize = 256;

/// 1xx answers before the one that counts: 100 and 103 once each, and room for more.
pub(crate) const MAX_INTERIM_RESPONSES: u8 = 5;

/// Packing of chunks beyond what small ones need, as in Go's `net/http`.
pub(crate) const MAX_CHUNK_EXCESS_BYTES: u64 = 16 * 1024;

/// How long a client that waits to be asked for its body waits for the sprite to
/// do so: curl sends it after one second anyway.
pub(crate) const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// Longest line of a chunk's size with its extensions, and longest trailers together.
pub(crate) const MAX_CHUNK_LINE_BYTES: u16 = 4_096;

/// How long what a client still sends is read and dropped behind our last answer, which
/// would be lost else: while it goes on, and in all. As with nginx.
pub(crate) const LINGER_SILENCE: Duration = Duration::from_secs(5);
pub(crate) const LINGER: Duration = Duration::from_secs(30);

/// Connections that linger so at a time; others do so only for [`LINGER_BRIEF`].
pub(crate) const LINGERING_MAX: usize = 2_048;
pub(crate) const LINGER_BRIEF: Duration = Duration::from_secs(1);

// HTTP/2.

/// Headers of one request, unpacked: enough to tell a person with too many cookies so.
/// What is longer is answered by the library, with nothing but the status.
pub(crate) const HTTP2_HEAD_LIST_BYTES: u32 = 128 * 1024;

/// What may come of one request's body, and over one connection, before it is read: a
/// client 50 ms away uploads 5 MB in a second, and none makes us keep more than that.
pub(crate) const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
pub(crate) const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// Of one answer, what waits for its turn on the connection, beside what the kernel has.
pub(crate) const HTTP2_SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Frames that leave together, in bytes: one whole record of TLS. More waits for the client
/// to take it.
pub(crate) const HTTP2_BATCH_BYTES: usize = 16 * 1024;

/// A client that takes back more than half of its requests before they are answered, and
/// at least so many, is after something else than answers. Envoy looks from 500 on.
pub(crate) const PREMATURE_RESETS: u32 = 128;

/// Requests that a client has taken back may still be about to end: so many times what
/// it may have open are carried out at one time.
pub(crate) const HTTP2_ENDING_FACTOR: usize = 2;

/// Connections of one client that may end for a flood within [`FLOOD_WINDOW`]. Each costs us a
/// handshake and the beginnings of [`PREMATURE_RESETS`] requests; beyond them new ones of that
/// client are closed at once, before a handshake. Nobody who means well floods twice.
pub(crate) const FLOODS_MAX: u64 = 8;
pub(crate) const FLOOD_WINDOW: Duration = Duration::from_secs(10);

// Proxies in front of us.

/// Longest rest of a PROXY header of version 2: haproxy's with a client's certificate
/// described has less than 1 KiB.
pub(crate) const MAX_PROXY_HEADER_BYTES: usize = 4 * 1024;

/// So many times what one IPv6 /64 may take, all of its /48 together may: a site, or a
/// customer with a prefix of its own, has as many of them as it likes.
pub(crate) const WIDE_BLOCK_FACTOR: u64 = 8;

// Certificates.

/// Longest answer to a challenge: a token and a thumbprint have less than 200 bytes.
pub(crate) const CHALLENGE_MAX_BYTES: u64 = 1_024;

/// Challenges that control has answered at one time: an order of Let's Encrypt's has a
/// hundred names at most.
pub(crate) const CHALLENGES_MAX: usize = 256;

/// How long an answer of control's is kept that nobody takes back. An authority looks within
/// a minute; control gives an order up after ten.
pub(crate) const CHALLENGE_LIFE: Duration = Duration::from_secs(15 * 60);

/// Pairs that control hands over, and the bytes of all of them: a chain with its key has
/// less than 10 KB.
pub(crate) const CERTIFICATES_MAX: usize = 64;
pub(crate) const CERTIFICATES_MAX_BYTES: usize = 1 << 20;

/// Customers' own domains: one for each of the ten thousand workspaces that an edge is made
/// for, and again as many. A certificate in memory has 10 KB.
pub(crate) const DOMAINS_MAX: usize = 20_000;

/// One of them: a chain with its key has less than 10 KB.
pub(crate) const DOMAIN_MAX_BYTES: usize = 64 << 10;

// WebSockets.

/// How long a sprite may take to agree to a WebSocket. The agent answers as
/// soon as it has checked the identity, so this only bounds a VM that hangs.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a side may take for what the other said last, or for its own last words.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(2);

// Sprites that sleep. The provider lets one sleep after 30 s of silence; it wakes within
// 0.1 to 2 s, and was seen to take twelve.

/// How long a sign of life says that a sprite is awake: less than the shortest silence
/// after which it sleeps, by what its clock and ours may differ.
pub(crate) const AWAKE_FOR: Duration = Duration::from_secs(20);

/// For an answer before a sprite is asked beside it whether it is awake at all.
pub(crate) const PROBE_AFTER: Duration = Duration::from_millis(500);

/// The same for one that was awake a moment ago, and may just be slow.
pub(crate) const DOUBT_AFTER: Duration = Duration::from_secs(3);

/// For a person to look at nothing before a page says why.
pub(crate) const PAGE_AFTER: Duration = Duration::from_millis(1_500);

/// For the answer that a sprite has woken for, before it is asked for again.
pub(crate) const WOKEN_ANSWER_WAIT: Duration = Duration::from_millis(300);

/// The same where the first probe found it awake already, so that it may be slow only: longer
/// than pages take, and a request that went to a machine in its sleep is not lost for ever.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(5);

/// For one probe: with nothing on its port a sprite's address was seen to hang for 25 s. One
/// that is lost just before a machine wakes, after 12 s at most, leaves time for the next one
/// within the 15 s for which requests wait. Nobody waits for a sprite that is given up.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const PROBE_TIMEOUT_GIVEN_UP: Duration = Duration::from_secs(10);

/// Between two probes: doubled after each up to the second, or up to the third for a
/// sprite that is given up.
pub(crate) const PROBE_PAUSE_FIRST: Duration = Duration::from_millis(100);
pub(crate) const PROBE_PAUSE_MAX: Duration = Duration::from_secs(1);
pub(crate) const PROBE_PAUSE_GIVEN_UP: Duration = Duration::from_secs(5);

/// How often a request is sent to a sprite that says it is awake and fails all the same.
pub(crate) const WAKING_TRIES_MAX: usize = 4;

/// Failed tries before a sprite is given up, when it had its time to wake too.
pub(crate) const GIVE_UP_TRIES: u32 = 3;

/// How long that it is given up is known, without a further try.
pub(crate) const GIVEN_UP_FOR: Duration = Duration::from_secs(300);

/// How long a sprite is asked whether it is awake behind the last who wanted to know.
pub(crate) const WANTED_FOR: Duration = Duration::from_secs(30);

/// Requests that wait for sprites, in all and for one: each has a connection, and up to
/// [`MAX_HEAD_BYTES`] of what its client sends meanwhile.
pub(crate) const HELD_MAX: usize = 4_096;
pub(crate) const HELD_PER_SPRITE_MAX: usize = 512;

/// Sprites of which something is known: those that are in use, not all there are.
pub(crate) const SPRITES_KNOWN_MAX: usize = 65_536;

// Names of sprites.

/// The system resolver does not tell how long an answer holds; half a minute is
/// what common ones keep at least.
pub(crate) const NAME_FRESH: Duration = Duration::from_secs(30);

/// While names cannot be resolved, the last answer is used for so long.
pub(crate) const NAME_STALE: Duration = Duration::from_secs(600);

/// Twice the default of a resolver's first try.
pub(crate) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// Names that are remembered: the workspaces that are in use, not all there are.
pub(crate) const NAMES_MAX: usize = 65_536;

/// Look-ups at one time; each holds a thread while the system resolver thinks.
pub(crate) const LOOKUPS_MAX: usize = 32;

/// While one request looks a known name up again, the rest use what was known.
pub(crate) const NAME_REFRESH: Duration = Duration::from_secs(5);

/// Addresses of one name that are tried, in the order of the resolver.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// For one address to answer before the next is tried beside it (RFC 8305, 5).
pub(crate) const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// How long a sprite may leave what it was sent unacknowledged: a connection that
/// died while it was kept is given up, and a request that may be sent again is.
pub(crate) const SPRITE_LOST_AFTER: Duration = Duration::from_secs(10);

/// What a sprite may have sent on a WebSocket whose client does not read.
pub(crate) const TUNNEL_RECEIVE_BYTES: u32 = 128 * 1024;

// Taking over from a former process.

/// For the other process to answer: it may write a table first, or read one.
pub(crate) const HANDOVER_WAIT: Duration = Duration::from_secs(60);

/// How long a start waits for a process that was told to stop to notice it.
pub(crate) const STOPPING_WAIT: Duration = Duration::from_secs(3);

/// New connections are taken for so long after the signal that begins a drain, unless a
/// successor has the sockets sooner: a process needs a tenth of it to start, and whoever
/// looks at readiness once a second has seen it by then.
pub(crate) const LATECOMERS_FOR: Duration = Duration::from_secs(1);

/// Listening sockets that are handed over.
pub(crate) const HANDED_SOCKETS_MAX: usize = 64;

// The access log.

/// Lines that wait for the disk, in bytes: what is more is dropped and counted, because
/// a full disk must not stop the edge. A line has about 500 bytes. As much again may be
/// on its way to the disk.
pub(crate) const LOG_QUEUE_BYTES: usize = 4 << 20;

/// Lines are written when there are so many bytes of them, or the first one is so old.
pub(crate) const LOG_BATCH_BYTES: usize = 64 * 1024;
pub(crate) const LOG_BATCH_WAIT: Duration = Duration::from_millis(100);

/// What the writer keeps of the memory that a slow disk made it need.
pub(crate) const LOG_KEPT_BYTES: usize = 2 * LOG_BATCH_BYTES;

/// For the last lines of a process that ends: a disk that works takes less.
pub(crate) const LOG_LAST_WAIT: Duration = Duration::from_secs(2);

/// Longest part of a field that is written: a path that is longer is cut off.
pub(crate) const LOG_FIELD_MAX_BYTES: usize = 1024;

/// Room for most lines: what a line was written in is used for the next one, in each
/// thread for as many as it has requests under way at a busy moment.
pub(crate) const LOG_SPARE_BYTES: usize = 768;
pub(crate) const LOG_LINES_SPARE: usize = 64;

// Spans for a collector of OpenTelemetry.

/// Spans that wait for the collector: two seconds of a busy edge. Each has the beginnings of
/// a host and a path, of [`LOG_FIELD_MAX_BYTES`] at most, and in general two hundred bytes.
pub(crate) const SPANS_WAITING_MAX: usize = 8_192;

/// Spans of one message: half a megabyte of JSON.
pub(crate) const SPANS_BATCH_MAX: usize = 1_024;

/// How long a message waits for more spans.
pub(crate) const SPANS_BATCH_WAIT: Duration = Duration::from_millis(200);

/// For a connection to the collector, and for all of one message and its answer. It is near.
pub(crate) const SPANS_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
pub(crate) const SPANS_EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer of a collector that is read.
pub(crate) const SPANS_ANSWER_MAX_BYTES: usize = 64 * 1024;

// The private API.

/// Batches that are read or wait for the disk at a time. Control sends one after
/// the other; a caller on top of these is told to ask again.
pub(crate) const CHANGES_AT_ONCE: usize = 8;

/// How long a batch, or the next piece of a table, may take to come. Control is near.
pub(crate) const BODY_WAIT_MAX: Duration = Duration::from_secs(15);

/// How long calls of the private API may take to end when the process ends.
pub(crate) const ADMIN_DRAIN: Duration = Duration::from_secs(5);

/// `BATCH_MAX_CHANGES` changes of the longest kind fit into three quarters of it.
pub(crate) const CHANGES_MAX_BYTES: usize = 8 << 20;

/// Routes on one page.
pub(crate) const PAGE_MAX: usize = 1_000;

/// Routes on a page of which nobody said how many.
pub(crate) const PAGE_DEFAULT: usize = 100;

// The route table.

/// Changes in one batch. Ten times what control sends at once; a sender with
/// more to say sends the whole table.
pub(crate) const BATCH_MAX_CHANGES: usize = 10_000;

/// Four times the million that an edge is measured with; about one gigabyte.
pub(crate) const ROUTES_MAX: u64 = 4_000_000;

/// Sessions that were ended and have not expired yet, and closed workspaces.
pub(crate) const LOCKS_MAX: u64 = 1_000_000;

/// The longest route has about 550 bytes as JSON.
pub(crate) const LINE_MAX_BYTES: usize = 1024;

/// [`ROUTES_MAX`] routes of 256 bytes: more than they have.
pub(crate) const UPLOAD_MAX_BYTES: u64 = 1 << 30;

/// Bad lines that are named; the rest is counted.
pub(crate) const COMPLAINTS_MAX: usize = 1_000;

/// Longest part of an entry that is quoted back.
pub(crate) const QUOTE_MAX_CHARS: usize = 200;

/// How long a change waits to hear that it is on disk. Four times the slowest
/// sync seen on a busy network disk; control waits ten seconds.
pub(crate) const DURABLE_WAIT: Duration = Duration::from_secs(4);

/// The same for a whole table: a million routes take ten seconds on a slow disk.
pub(crate) const TABLE_DURABLE_WAIT: Duration = Duration::from_secs(60);

/// For a former process to end what a change revokes there.
pub(crate) const FOLLOW_WAIT: Duration = Duration::from_secs(2);

/// Changes that wait for the disk: more than the private API lets in at a time.
pub(crate) const STORE_JOBS_MAX: usize = 32;

/// Before the first new try to write what is served, doubled after each up to the second.
pub(crate) const STORE_RETRY_FIRST: Duration = Duration::from_millis(500);
pub(crate) const STORE_RETRY_MAX: Duration = Duration::from_secs(15);

/// No sender counts so far; one that claims it would shut every later change out.
pub(crate) const GENERATION_MAX: u64 = u64::MAX >> 1;

/// From so many routes on, a table without any is taken for a mistake.
pub(crate) const EMPTIED_ROUTES_MIN: u64 = 8;

// Requests under way.

/// How long a request of a workspace that has enough of them under way may wait,
/// and how many may: longer, and the person tries again anyway.
pub(crate) const TURN_WAIT: Duration = Duration::from_secs(2);
pub(crate) const TURNS_WAITING_MAX: usize = 64;

// Telegram.

/// Calls of Telegram's to one workspace that are under way or held while it wakes. A busy bot
/// has one or two; what is beyond comes again by itself.
pub(crate) const TELEGRAM_IN_FLIGHT: u64 = 8;

/// Calls to one workspace in a second: far above what people write, and it is repeated.
pub(crate) const TELEGRAM_PER_SECOND: u64 = 20;

/// Longer than waking and delivering may take together.
pub(crate) const TELEGRAM_CALL_MAX: Duration = Duration::from_secs(120);

// Sockets.

/// Bytes that wait in the kernel to be sent to one client, beside what is on its
/// way: enough to keep a fast connection busy until we are woken.
pub(crate) const UNSENT_MAX_BYTES: u32 = 64 * 1024;

/// What of an answer is encrypted and waits here for room in the kernel: one record. A client
/// has to take that much within `write_timeout`, of everything else only something.
pub(crate) const TLS_UNSENT_MAX_BYTES: usize = 16 * 1024;

/// A connection on which nothing comes is asked for a sign of life after so long,
/// and given up after so many that stay unanswered: a phone that vanished is
/// noticed within two minutes.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
pub(crate) const KEEPALIVE_PROBES: u32 = 4;

/// Descriptors that neither clients nor sprites may use up: for the private API,
/// look-ups of names, the store, the logs, and what a library opens by itself.
pub(crate) const RESERVED_DESCRIPTORS: u64 = 160;

/// Connections beyond the limit of their address that are told so at a time; the
/// rest is closed without a word.
pub(crate) const REFUSED_AT_ONCE: usize = 48;

/// Pause after an error of `accept`, of which the next try would most likely have the same.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections to the private API. Control has a few, Prometheus one; beyond that
/// the oldest that has not shown the token makes room.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;

/// For a handshake with the private API. Control is near.
pub(crate) const ADMIN_HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// For the whole head of a request to the private API, and between two of them.
pub(crate) const ADMIN_HEAD_DEADLINE: Duration = Duration::from_secs(30);
