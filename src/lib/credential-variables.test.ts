import { describe, expect, it } from 'vitest';
import { withoutCredentials } from './credential-variables.ts';

const secret = 'canary-hunter2-canary';

describe('withoutCredentials', () => {
  it.each([
    'DIGITALOCEAN_TOKEN',
    'digitalocean_token',
    'DIGITALOCEAN_ACCESS_TOKEN',
    'DO_API_KEY',
    'HCLOUD_TOKEN',
    'hcloud_token',
    'HETZNER_TOKEN',
    'Hetzner_Token',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_PROFILE',
    'aws_secret_access_key',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AZURE_CLIENT_SECRET',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'LINODE_TOKEN',
    'VULTR_API_KEY',
    'SPUFF_API_TOKEN',
    'spuff_api_token',
    'SPUFF_API_TOKEN_COMMAND',
    'TS_AUTHKEY',
    'TAILSCALE_API_KEY',
    'GITHUB_TOKEN',
    'GH_TOKEN',
    'npm_config__authToken',
    'PGPASSWORD',
    'MYSQL_PWD_PASSWORD',
    'VAULT_TOKEN',
    'OP_SESSION_team',
    'BW_SESSION',
    'MY_PAT',
  ])('drops %s', (name) => {
    expect(withoutCredentials({ [name]: secret, PATH: '/bin' })).toEqual({ PATH: '/bin' });
  });

  it.each([
    'PATH',
    'HOME',
    'SSH_AUTH_SOCK',
    'SSH_ASKPASS',
    'GIT_SSH_COMMAND',
    'LC_ALL',
    'TERM',
    'EDITOR',
    'DOCKER_HOST',
    'DO_NOT_TRACK',
    'GPG_TTY',
    'XAUTHORITY',
    'COMPAT',
    'PASSWORD_STORE_DIR',
    'KEYTIMEOUT',
  ])('keeps %s', (name) => {
    expect(withoutCredentials({ [name]: 'value' })).toEqual({ [name]: 'value' });
  });

  it('drops a variable whose value has the shape of a token, whatever its name', () => {
    const value = `x=dop_${'v1'}_${'0123456789abcdef'.repeat(4)}`;
    expect(withoutCredentials({ INNOCENT: value, DATABASE: 'postgres://me:hunter2@db/x' })).toEqual({});
  });

  it('drops what repeats the value of a credential under another name', () => {
    expect(
      withoutCredentials({ HCLOUD_TOKEN: secret, COPY: secret, HEADER: `Bearer ${secret}`, X: 'y' }),
    ).toEqual({
      X: 'y',
    });
  });

  it('keeps what shares only a region, or a short value, with a variable of a cloud', () => {
    const kept = { REGION: 'eu-central-1-frankfurt', SHELL: '/bin/sh' };
    expect(
      withoutCredentials({ AWS_REGION: 'eu-central-1-frankfurt', DB_PASSWORD: '/bin', ...kept }),
    ).toEqual(kept);
  });

  it('keeps the proxy, with its password: programs need it to reach anything', () => {
    const proxies = { https_proxy: 'http://me:hunter2@proxy:3128', NO_PROXY: 'localhost' };
    expect(withoutCredentials(proxies)).toEqual(proxies);
  });
});
