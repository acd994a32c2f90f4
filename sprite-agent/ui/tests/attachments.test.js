// What may be attached is said before anything is sent; what comes back is looked at before it is shown.

import assert from 'node:assert/strict';
import test from 'node:test';

import { encodedSize, FILES_MAX, limitsFrom, messageSize, refusalOf, sizeWords } from '../attachments.js';
import { filesOf } from '../history.js';
import { bytesOf, pictureType } from '../picture.js';

const POLICY = { maxPayload: 26_214_400, attachments: { maxBytes: 19_464_192, maxImageBytes: 6_291_456 } };
const LIMITS = limitsFrom(POLICY, { message_max_bytes: 20 << 20, attachment_max_bytes: 15_000_000 });

const file = (size, type = 'application/pdf', name = 'a') => ({ name, type, size });

test('the least of the limits holds, and a missing one does not', () => {
  assert.deepEqual(LIMITS, { fileMaxBytes: 15_000_000, imageMaxBytes: 6_291_456, messageMaxBytes: 20 << 20 });
  assert.deepEqual(limitsFrom(null, undefined), { fileMaxBytes: Infinity, imageMaxBytes: Infinity, messageMaxBytes: Infinity });
});

test('a file that the assistant would refuse is refused here, with its limit', () => {
  const check = (candidate, others, expected) => {
    const refusal = refusalOf(candidate, others, LIMITS);
    if (expected === null) assert.equal(refusal, null);
    else assert.match(refusal, expected);
  };
  check(file(15_000_000), [], null);
  check(file(15_000_001), [], /too large .* a file may have 15 MB/);
  check(file(6_291_456, 'image/png'), [], null);
  check(file(6_291_457, 'image/png'), [], /a picture may have 6.2 MB/);
  check(file(0), [], /is empty/);
  check(file(1), Array.from({ length: FILES_MAX }, () => file(1)), /takes 10 files/);
  check(file(8_000_000), [file(8_000_000)], /of one message may have 15.7 MB together/);
});

test('a message is as long as its frame', () => {
  assert.equal(encodedSize(1), 4);
  assert.ok(messageSize('', [file(3_000)]) >= 4_000);
  assert.ok(messageSize('ä'.repeat(100_000), []) >= 200_000);
});

test('sizes read as a file manager shows them', () => {
  assert.deepEqual([0, 999, 1_000, 1_450_000, 150_000_000].map(sizeWords), ['0 B', '999 B', '1 kB', '1.4 MB', '150 MB']);
  assert.equal(sizeWords(null), '');
});

test('a picture is known by its bytes, and a drawing with scripts is none', () => {
  const bytes = (...numbers) => Uint8Array.from(numbers);
  const text = (words) => new TextEncoder().encode(words);
  assert.equal(pictureType(bytes(0x89, 0x50, 0x4e, 0x47, 0x0d)), 'image/png');
  assert.equal(pictureType(bytes(0xff, 0xd8, 0xff, 0xe0)), 'image/jpeg');
  assert.equal(pictureType(text('RIFF....WEBP')), 'image/webp');
  for (const other of ['<svg onload="alert(1)">', '<!doctype html>', 'GIF', '', '%PDF-1.7']) {
    assert.equal(pictureType(text(other)), null, other);
  }
  assert.equal(bytesOf('not base64!'), null);
  assert.deepEqual([...bytesOf('AAEC')], [0, 1, 2]);
});

test('files of a row are told with the place where the assistant keeps them', () => {
  const row = {
    content: [
      { type: 'text', text: 'here' },
      { type: 'image', mimeType: 'image/png', omitted: true, bytes: 5 },
      { type: 'attachment', attachment: { kind: 'document', label: 'a.pdf', mimeType: 'application/pdf', sizeBytes: 7 } },
    ],
    __openclaw: { seq: 4 },
  };
  assert.deepEqual(filesOf(row), [
    { seq: 4, index: 0, name: '', type: 'image/png', size: 5, isPicture: true },
    { seq: 4, index: 1, name: 'a.pdf', type: 'application/pdf', size: 7, isPicture: false },
  ]);
  assert.deepEqual(filesOf({ content: 'text' }), []);
});

test('files that a person sent are told with the name under which the agent has them', () => {
  const picture = { url: 'media://inbound/1.png', contentType: 'image/png', kind: 'image', sizeBytes: 5 };
  const text = { url: 'media://inbound/notes_ü---2.txt', contentType: 'text/plain', kind: 'document', fileName: 'notes ü.txt', sizeBytes: 7 };
  const elsewhere = { url: 'media://inbound/../../x', kind: 'document', fileName: 'x' };
  assert.deepEqual(filesOf({ role: 'user', content: 'look', __openclaw: { seq: 1, media: [picture, text, elsewhere] } }), [
    { source: '1.png', name: '', type: 'image/png', size: 5, isPicture: true },
    { source: 'notes_ü---2.txt', name: 'notes ü.txt', type: 'text/plain', size: 7, isPicture: false },
    { source: null, name: 'x', type: '', size: null, isPicture: false },
  ]);
});
