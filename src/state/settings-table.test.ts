import { describe, expect, it } from 'vitest';
import { findSetting } from './settings-table.ts';

describe('settings of clouds', () => {
  const read = (key: string, text: string) => findSetting(key)!.parse(text);

  it.each([
    ['region', 'fra1', ['fra1']],
    ['region', 'nbg1, fsn1,hel1', ['nbg1', 'fsn1', 'hel1']],
    ['allowed_regions', 'eu-central-1', ['eu-central-1']],
    ['firewall', 'my-ip', 'my-ip'],
    ['firewall', 'open', 'open'],
    ['firewall', '198.51.100.7, 2001:db8::1/64', ['198.51.100.7/32', '2001:db8::/64']],
    ['token_command', "op read 'op://vault/my item/token'", "op read 'op://vault/my item/token'"],
    ['address_service', 'https://ip.example.com/', 'https://ip.example.com/'],
    ['keep_snapshots', '0', null],
  ])('%s: %s', (key, text, value) => {
    expect(read(key, text)).toEqual(value);
  });

  it.each([
    ['region', 'fra1,,nyc3'],
    ['region', ''],
    ['allowed_regions', 'a b'],
    ['firewall', 'everybody'],
    ['firewall', '198.51.100.7/99'],
    ['firewall', 'open, 198.51.100.7'],
    ['token_command', "op read 'x"],
    ['token_command', ' '],
    ['address_service', 'http://ip.example.com'],
    ['monthly_budget', '50'],
    ['monthly_budget', '50EUR, 20EUR'],
    ['monthly_budget', '0EUR'],
    ['keep_snapshots', '-1'],
    ['keep_snapshots', 'all'],
  ])('refuses %s: %j', (key, text) => {
    expect(() => read(key, text)).toThrow(expect.objectContaining({ code: 'config' }));
  });
});
