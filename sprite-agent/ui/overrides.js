// Signs that turn the order of letters round: with them a command, an address or a file reads as another one. Pure.

/** No language needs these. */
const OVERRIDES = /[\u202d\u202e]/g;
/** Texts of people may need the rest of them, commands and the names of files do not. */
const ORDERS = /[\u202a-\u202e\u2066-\u2069]/g;

/** `text` with a sign in the place of each override, that there was one. */
export function unmasked(text) {
  return text.replace(OVERRIDES, '\ufffd');
}

/** The same of a command, or of the name of a file, as a machine reads it. */
export function asWritten(text) {
  return text.replace(ORDERS, '\ufffd');
}
