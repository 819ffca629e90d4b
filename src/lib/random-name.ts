/**
 * A name that no other process takes: 16 hexadecimal digits. Loads `node:crypto` on its first call: it costs more time than
 * all that a command which only looks does besides.
 */
export function makeRandomName(): string {
  return process.getBuiltinModule('node:crypto').randomBytes(8).toString('hex');
}
