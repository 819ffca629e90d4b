import { findToken } from './token-shapes.ts';

/** The variables of clouds and of the tools that keep their keys, by the beginning of the name. */
const cloudPrefix =
  /^(?:DO_(?!NOT_TRACK$)|(?:DIGITALOCEAN|DIGITAL_OCEAN|HCLOUD|HETZNER|AWS|AZURE|GOOGLE|GCLOUD|CLOUDSDK|VULTR|LINODE|SCW|TAILSCALE|CLOUDFLARE|DOCKER_AUTH|VAULT|OP_SESSION|OP_SERVICE_ACCOUNT)_)/i;

/** Whatever tool a variable belongs to, an end like this one announces a credential, or a file or program that gives it. */
const credentialEnd =
  /(?:(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?|(?:^|_)(?:API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY|AUTH_?KEY|PAT|BW_SESSION))(?:_ID|_FILE|_COMMAND)?$/i;

/** Programs need these to reach anything at all, also where they name the password of the proxy. */
const proxyVariable = /^(?:https?|ftp|all)_proxy$/i;

/** A value as short as this stands in other variables by chance. */
const shortestCharacters = 12;

/**
 * An environment without what holds, or leads to, a credential (S1): variables that are named like one, variables whose
 * value is shaped like one, and variables that repeat the value of one of those under another name.
 */
export function withoutCredentials(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(environment).filter((entry) => entry[1] !== undefined) as [string, string][];
  const dropped = new Set(entries.filter(([name, value]) => isCredential(name, value)).map(([name]) => name));
  const values = entries
    .filter(([name, value]) => dropped.has(name) && isSecretValue(name, value))
    .map(([, value]) => value);
  return Object.fromEntries(
    entries.filter(([name, value]) => !dropped.has(name) && !values.some((secret) => value.includes(secret))),
  );
}

function isCredential(name: string, value: string): boolean {
  if (proxyVariable.test(name)) return false;
  return isCredentialName(name) || findToken(value) !== null;
}

/** Whether a variable is named like one that holds a credential, or leads to one. */
export function isCredentialName(name: string): boolean {
  return cloudPrefix.test(name) || credentialEnd.test(name);
}

/** A region or a path in a cloud's variable is dropped with it, but may stand elsewhere. */
function isSecretValue(name: string, value: string): boolean {
  return value.length >= shortestCharacters && (credentialEnd.test(name) || findToken(value) !== null);
}

/** What machines are ordered with. AWS's variables are not among them: other programs need them for other things. */
const orderingToken = /^(?:SPUFF_API|(?:DO|DIGITAL_?OCEAN|HCLOUD|HETZNER)(?:_[A-Z]+)*)_TOKEN$/i;

/** Whether a variable holds the token of a cloud that spuff orders machines from: nothing of a project's has a use for it. */
export function isOrderingToken(name: string): boolean {
  return orderingToken.test(name);
}
