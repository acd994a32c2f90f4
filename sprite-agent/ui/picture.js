// Which bytes are a picture that a browser may show: told by the bytes, never by what they are called. Pure.
//
// Vector graphics are not among them: they are documents with scripts and links of their own.

const SIGNATURES = [
  ['image/png', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', 0, [0xff, 0xd8, 0xff]],
  ['image/gif', 0, [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', 8, [0x57, 0x45, 0x42, 0x50]],
  ['image/avif', 4, [0x66, 0x74, 0x79, 0x70, 0x61, 0x76, 0x69]],
];

/** The type of the picture in `bytes`, or `null`. */
export function pictureType(bytes) {
  const fits = ([, offset, signature]) => signature.every((byte, at) => bytes[offset + at] === byte);
  return SIGNATURES.find(fits)?.[0] ?? null;
}

/** The bytes that `text` stands for in base64; `null` when it is none. */
export function bytesOf(text) {
  try {
    return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  } catch {
    return null;
  }
}
