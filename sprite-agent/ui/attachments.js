// What may be attached to a message, decided before anything is sent. Pure.

import { language, t } from './words.js';

/** Files in one message: the gateway names no limit, a person hardly needs more. */
export const FILES_MAX = 10;
/** Room in a frame for what stands around text and files. */
const FRAME_OVERHEAD_BYTES = 32 << 10;

const encoder = new TextEncoder();

/** Bytes that `size` bytes take as base64. */
export function encodedSize(size) {
  return Math.ceil(size / 3) * 4;
}

/**
 * Why `file` ({name, type, size}) cannot be attached to a message that has `others`, or `null`.
 *
 * `limits`: `fileMaxBytes`, `imageMaxBytes` of one file, `messageMaxBytes` of the whole message.
 */
export function refusalOf(file, others, limits) {
  const isImage = file.type.startsWith('image/');
  const max = isImage ? Math.min(limits.imageMaxBytes, limits.fileMaxBytes) : limits.fileMaxBytes;
  if (others.length >= FILES_MAX) return t('attach.many', { name: file.name, count: FILES_MAX });
  if (file.size === 0) return t('attach.empty', { name: file.name });
  if (file.size > max) {
    return t(isImage ? 'attach.picture-large' : 'attach.file-large', { name: file.name, size: sizeWords(file.size), max: sizeWords(max) });
  }
  if (messageSize('', [...others, file]) > limits.messageMaxBytes) {
    return t('attach.together', { name: file.name, max: sizeWords(roomFor(limits.messageMaxBytes)) });
  }
  return null;
}

/** Bytes of the frame that carries `text` and `files`. */
export function messageSize(text, files) {
  const encoded = files.reduce((sum, { size }) => sum + encodedSize(size), 0);
  // Counting is dear for long texts, and three bytes a character are the most there can be.
  const textSize = text.length * 3 < FRAME_OVERHEAD_BYTES ? text.length * 3 : encoder.encode(text).length;
  return FRAME_OVERHEAD_BYTES + encoded + textSize;
}

function roomFor(messageMaxBytes) {
  return Math.floor((messageMaxBytes - FRAME_OVERHEAD_BYTES) / 4) * 3;
}

/** `1.4 MB`, in the decimal units that file managers show. */
export function sizeWords(bytes) {
  if (!Number.isFinite(bytes)) return '';
  if (bytes < 1_000) return `${bytes} B`;
  const [unit, divisor] = bytes < 1_000_000 ? ['kB', 1_000] : ['MB', 1_000_000];
  const value = Math.floor((bytes / divisor) * 10) / 10;
  return `${(value >= 100 ? Math.floor(value) : value).toLocaleString(language)} ${unit}`;
}

/** Limits out of the gateway's `policy` and the agent's configuration; each may be missing. */
export function limitsFrom(policy, { message_max_bytes: messageMax, attachment_max_bytes: attachmentMax } = {}) {
  const { maxBytes, maxImageBytes } = policy?.attachments ?? {};
  const least = (...numbers) => Math.min(...numbers.filter((number) => number > 0), Infinity);
  const fileMaxBytes = least(maxBytes, attachmentMax);
  return {
    fileMaxBytes,
    imageMaxBytes: least(maxImageBytes, fileMaxBytes),
    messageMaxBytes: least(messageMax, policy?.maxPayload),
  };
}
