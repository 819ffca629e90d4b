import { describe, expect, it } from 'vitest';
import { isSecretPath } from './sync.ts';

describe('the secrets of a project', () => {
  it.each([
    'spuff.secrets.yaml',
    'sub/spuff.secrets.yml',
    'Spuff.Secrets.YAML',
    '.spuff.secrets.yaml.swp',
    '#spuff.secrets.yaml#',
    '.#spuff.secrets.yaml',
    'spuff.secrets.yaml~',
    'sub/spuff.secrets.yaml.bak',
    'spuff.secrets.prod.yaml',
    'spuff.secrets (copy).yaml',
    '.undo/%home%ann%shop%spuff.secrets.yaml',
    'spuff.secrets.yaml.d/part',
  ])('stay here as %s too', (path) => {
    expect(isSecretPath(path)).toBe(true);
  });

  it.each(['spuff.yaml', 'spuff.secrets/a.yaml', 'secrets.yaml', 'spuff-secrets.ts'])(
    'are not taken for %s',
    (path) => {
      expect(isSecretPath(path)).toBe(false);
    },
  );
});
