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

describe('settings of idleness', () => {
  const read = (key: string, text: string) => findSetting(key)!.parse(text);

  it.each([
    ['idle_cpu', '0.5', 0.5],
    ['idle_processes', '2', 2],
    ['idle_network', '50k', 50_000],
    ['idle_network', '3M', 3_000_000],
    ['idle_network', '700', 700],
    ['pre_down_timeout', '90s', 90_000],
  ])('%s: %s', (key, text, value) => {
    expect(read(key, text)).toBe(value);
  });

  it.each([
    ['idle_cpu', '0'],
    ['idle_cpu', '-1'],
    ['idle_containers', 'half'],
    ['idle_network', '0k'],
    ['idle_network', '1G'],
    ['pre_down_timeout', 'off'],
    ['pre_down_timeout', '11m'],
  ])('refuses %s: %j', (key, text) => {
    expect(() => read(key, text)).toThrow(expect.objectContaining({ code: 'config' }));
  });
});
