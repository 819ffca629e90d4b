/** cloud-config as data, and its one serialisation. Nothing in it is ever put together from pieces of text. */

export type CloudConfigValue =
  | string
  | boolean
  | number
  | readonly CloudConfigValue[]
  | { readonly [key: string]: CloudConfigValue };

/** A file that cloud-init writes before it makes users and before sshd starts. */
export interface CloudConfigFile {
  path: string;
  content: string;
  /** Four octal digits in a string, so that no YAML reader takes it for a decimal number. */
  permissions: string;
}

/**
 * The keys of cloud-init that spuff uses. The type is closed because cloud-init's own schema is not: it lets a
 * misspelt key pass, and then nothing happens at boot.
 * @see https://cloudinit.readthedocs.io/en/22.4/topics/modules.html
 */
export interface CloudConfig {
  hostname: string;
  manage_etc_hosts: 'localhost';
  disable_root: true;
  ssh_pwauth: false;
  ssh_deletekeys: true;
  ssh_keys: { ed25519_private: string; ed25519_public: string };
  ssh_genkeytypes: readonly ['ed25519'];
  ssh_publish_hostkeys: { enabled: false };
  ssh: { emit_keys_to_console: false };
  no_ssh_fingerprints: true;
  allow_public_ssh_keys: false;
  users: readonly {
    name: string;
    gecos: string;
    shell: string;
    lock_passwd: true;
    sudo: string;
    ssh_authorized_keys: readonly string[];
  }[];
  bootcmd: readonly (readonly string[])[];
  write_files: readonly CloudConfigFile[];
}

/**
 * Writes a cloud-config document: the header, and JSON in the part of it that PyYAML reads to the same value. JSON is
 * YAML 1.2, PyYAML reads 1.1, so what differs is escaped (characters that YAML 1.1 takes for a line break or refuses)
 * or refused (numbers with an exponent or a fraction, keys beyond the 1024 characters of a simple key).
 * @throws TypeError for a value that can't be written so
 * @see https://yaml.org/spec/1.1/#id868524 (printable characters), #id904561 (simple keys)
 */
export function serializeCloudConfig(
  config: CloudConfig | { readonly [key: string]: CloudConfigValue },
): string {
  const json = JSON.stringify(config, checkValue);
  return `#cloud-config\n${json.replace(notPrintableInYaml, escapeUnit)}\n`;
}

// DEL and C1 (NEL breaks a line), the line and paragraph separators, the BOM, the two non-characters of the BMP.
const notPrintableInYaml = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function escapeUnit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function checkValue(key: string, value: unknown): unknown {
  if (key.length > 256) throw new TypeError('a cloud-config key is longer than YAML takes');
  checkText(key);
  if (typeof value === 'string') checkText(value);
  else if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new TypeError(`cloud-config takes whole numbers only, not ${value}`);
  else if (value === null) throw new TypeError('cloud-config takes no null');
  return value;
}

function checkText(text: string): void {
  // Half a surrogate pair is no character: Python could read it, but not write it to a file.
  if (!text.isWellFormed()) throw new TypeError('cloud-config takes well-formed text only');
}
